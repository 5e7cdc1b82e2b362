"""Concrete transformers: what a shape counts of parameters, and what training it on a token costs, by three conventions."""

from typing import Literal, NamedTuple

Rule = Literal["6nd", "kaplan", "exact"]
RULES: tuple[Rule, ...] = ("6nd", "kaplan", "exact")

_FORWARD = 2  # FLOP per weight of a matrix product and token
_PASSES = 3  # forward, and backward at twice its cost
_RECOMPUTED = 4  # with a second forward pass


class Latent(NamedTuple):
    """Latent attention: queries through ``query_rank`` (0: straight from the width), keys and values through ``kv_rank``.

    A head has ``nope`` entries of its own and ``rope`` ones that all keys share, and values of ``value`` entries.

    References
    ----------
    DeepSeek-V2, arXiv 2405.04434, Sec. 2.1.
    """

    query_rank: int
    kv_rank: int
    nope: int
    rope: int
    value: int


class Details(NamedTuple):
    """What published models have beside the plain decoder.

    Attributes
    ----------
    norm : {"rms", "ln", "ln_nobias"}
        Kind of norm; ``ln`` has a bias.
    norms_per_layer : int
    bias : {"none", "qkv", "all"}
    qk_norm : {"", "head", "full"}
        Norm of queries and keys, per head or over their whole width.
    learned_positions : int
        Rows of a table of positions.
    relative_positions : bool
        A matrix for relative positions in each layer (Transformer-XL).
    embedding_norm, head_bias, sinks, router_bias, expert_bias : bool
    dense_layers : int
        Layers without experts, in a mixture.
    expert_ffn : int
        Width of an expert; 0 for that of a dense layer.
    shared_experts : int
        Experts at work on every token.
    shared_gate : bool
        Whether a row of weights says how much the shared experts count.
    window, windowed_layers : int
        Tokens that a layer with a sliding window looks back on, and how many such layers there are; 0 for none.
    latent : Latent or None
    mtp : int
        Modules that predict further tokens: each a layer of its own, behind a projection of two widths into one.
    remark : str
        What to say wherever the shape is used: nothing of its own, of a published one what its name leaves open.
    """

    norm: str = "rms"
    norms_per_layer: int = 2
    bias: str = "none"
    qk_norm: str = ""
    learned_positions: int = 0
    relative_positions: bool = False
    embedding_norm: bool = False
    head_bias: bool = False
    sinks: bool = False
    router_bias: bool = False
    expert_bias: bool = False
    dense_layers: int = 0
    expert_ffn: int = 0
    shared_experts: int = 0
    shared_gate: bool = False
    window: int = 0
    windowed_layers: int = 0
    latent: Latent | None = None
    mtp: int = 0
    remark: str = ""


PLAIN = Details()


class Shape(NamedTuple):
    """A decoder; without ``details`` one of equal layers without biases, with two RMS norms a layer and one at the end.

    Attributes
    ----------
    layers, width, heads : int
    ffn : int
        Width of one matrix of the feed-forward part; 4 times the width unless given.
    kv_heads, head_size : int
        As many as heads, and width/heads, unless given.
    gated : bool
        Whether the feed-forward part has three matrices (SwiGLU) instead of two.
    vocab, context : int
        Vocabulary and tokens of context.
    tied : bool
        Whether the output head is the input embedding.
    experts, experts_per_token : int
        Feed-forward parts of a layer, and how many work on a token; 1 for a dense model.
    details : Details
    """

    layers: int
    width: int
    heads: int
    vocab: int
    context: int
    ffn: int
    kv_heads: int
    head_size: int
    gated: bool = False
    tied: bool = False
    experts: int = 1
    experts_per_token: int = 1
    details: Details = PLAIN

    @property
    def attention_products(self) -> int:
        """Weights of the matrix products of a layer's attention."""
        latent = self.details.latent
        if latent is None:
            return self.width * self.head_size * (2 * self.heads + 2 * self.kv_heads)
        rank, wide = latent.query_rank, self.heads * (latent.nope + latent.rope)
        queries = rank * (self.width + wide) if rank else self.width * wide
        keys = self.width * (latent.kv_rank + latent.rope) + latent.kv_rank * self.heads * (latent.nope + latent.value)
        return queries + keys + self.heads * latent.value * self.width

    @property
    def _attention(self) -> int:
        """Parameters of a layer's attention: products, biases, norms of queries and keys, positions, sinks."""
        rest, queries, keys = self.details, self.heads * self.head_size, self.kv_heads * self.head_size
        found = self.attention_products
        if rest.latent:
            found += rest.latent.query_rank + rest.latent.kv_rank  # their norms
        found += {"none": 0, "qkv": queries + 2 * keys, "all": queries + 2 * keys + self.width}[rest.bias]
        found += {"": 0, "head": 2 * self.head_size, "full": queries + keys}[rest.qk_norm]
        return found + (self.width * queries if rest.relative_positions else 0) + (self.heads if rest.sinks else 0)

    def _ffn_products(self, width: int) -> int:
        return (3 if self.gated else 2) * self.width * width

    def _ffn_bias(self, width: int) -> int:
        return (2 if self.gated else 1) * width + self.width

    @property
    def expert_params(self) -> int:
        """Parameters of one expert."""
        width = self.details.expert_ffn or self.ffn
        return self._ffn_products(width) + (self._ffn_bias(width) if self.details.expert_bias else 0)

    def adapter_params(self, rank: int) -> int:
        """Return the parameters of low-rank adapters on every matrix of attention, and of dense and shared feed-forward parts.

        References
        ----------
        LoRA, Hu et al. 2021, arXiv 2106.09685, Sec. 4.1: rank (in + out) of a matrix.
        """
        latent, heads = self.details.latent, self.heads
        if latent is None:
            wide, keys = heads * self.head_size, self.kv_heads * self.head_size
            ends = 2 * (self.width + wide) + 2 * (self.width + keys)
        else:
            asked = heads * (latent.nope + latent.rope)
            queries = self.width + 2 * latent.query_rank + asked if latent.query_rank else self.width + asked
            known = self.width + latent.kv_rank + latent.rope + latent.kv_rank + heads * (latent.nope + latent.value)
            ends = queries + known + heads * latent.value + self.width
        matrices, shared = 3 if self.gated else 2, self.details.shared_experts
        ends_of_shared = shared * matrices * (self.width + (self.details.expert_ffn or self.ffn))
        dense = (self.layers - self.mixed_layers) * matrices * (self.width + self.ffn)
        return rank * (self.layers * ends + dense + self.mixed_layers * ends_of_shared)

    @property
    def expert_products(self) -> int:
        """Weights of the matrix products of one expert."""
        return self._ffn_products(self.details.expert_ffn or self.ffn)

    @property
    def head_products(self) -> int:
        """Entries of a key and of a value of one head."""
        latent = self.details.latent
        return latent.nope + latent.rope + latent.value if latent else 2 * self.head_size

    @property
    def _router(self) -> int:
        return self.width * (self.experts + (1 if self.details.shared_gate else 0))

    @property
    def mixed_layers(self) -> int:
        """Layers with experts, of those that predict the next token."""
        return self.layers - self.details.dense_layers if self.experts > 1 else 0

    @property
    def _norm(self) -> int:
        """Parameters of a norm."""
        return self.width * (2 if self.details.norm == "ln" else 1)

    def whole_params(self, *, mixed: bool) -> int:
        """Return what tensor parallelism leaves whole of a layer: norms, and the router of one with experts."""
        router = self._router + (self.experts if self.details.router_bias else 0)
        return self.details.norms_per_layer * self._norm + (router if mixed else 0)

    def shared_params(self, *, mixed: bool) -> int:
        """Return the parameters of a layer, of one with experts without those that tokens are routed to."""
        rest = self.details
        dense = self._ffn_products(self.ffn) + (self._ffn_bias(self.ffn) if rest.bias == "all" else 0)
        feeding = rest.shared_experts * self.expert_params if mixed else dense
        return self._attention + self.whole_params(mixed=mixed) + feeding

    @property
    def beyond_layers(self) -> int:
        """Parameters of the norms around the layers, and of the modules that predict further tokens, routed experts left out."""
        each = self.shared_params(mixed=self.experts > 1) + 2 * self.width**2 + 3 * self._norm  # layer, projection, three norms
        return self.details.mtp * each + self._norm * (2 if self.details.embedding_norm else 1)

    @property
    def routed_layers(self) -> int:
        """Layers whose tokens are routed to experts, those that predict further tokens among them."""
        return self.mixed_layers + (self.details.mtp if self.experts > 1 else 0)

    @property
    def embeddings(self) -> int:
        """Parameters of the input table, of an untied head with its bias, and of learned positions."""
        rows = self.vocab * (1 if self.tied else 2) + self.details.learned_positions
        return rows * self.width + (self.vocab if self.details.head_bias else 0)

    @property
    def non_embedding(self) -> int:
        """All parameters but embeddings and head, norms and biases included."""
        mixed = self.mixed_layers
        layers = (self.layers - mixed) * self.shared_params(mixed=False) + mixed * self.shared_params(mixed=True)
        return layers + self.routed_layers * self.experts * self.expert_params + self.beyond_layers

    @property
    def total(self) -> int:
        """All parameters."""
        return self.non_embedding + self.embeddings

    @property
    def seen(self) -> int:
        """Tokens that a token attends to, over all layers: the whole context, or a window where a layer has one."""
        windowed = self.details.windowed_layers
        return (self.layers + self.details.mtp - windowed) * self.context + windowed * min(self.details.window, self.context)

    @property
    def seen_causally(self) -> float:
        """Tokens that a token sees on average, itself and those before it, over all layers."""
        context, windowed = self.context, self.details.windowed_layers
        window = min(self.details.window, context)
        full = (self.layers + self.details.mtp - windowed) * (context + 1) / 2
        return full + windowed * window * (2 * context + 1 - window) / (2 * context)

    @property
    def attended(self) -> int:
        """Products of queries with keys, and of their weights with values, for a token that attends to all it may."""
        return self.seen * self.heads * self.head_products

    def counted(self, convention: str) -> int:
        """Return its N as a law counts parameters.

        Parameters
        ----------
        convention : str
            One of ``planner.scaling_laws.provenance.PARAM_COUNTS``. ``non-input-embedding`` keeps the head, a tied one too;
            ``flops-equivalent`` is the FLOP per token of the layers over 6, whole attention included (DeepSeek LLM,
            arXiv 2401.02954, Eq. 2: M/6); where the source does not say, all count.
        """
        if convention == "non-embedding":
            return self.non_embedding
        if convention == "non-input-embedding":
            return self.non_embedding + self.vocab * (self.width + (1 if self.details.head_bias else 0))
        if convention == "flops-equivalent":
            return self.active - self.embeddings + self.attended
        return self.active if convention == "active" else self.total

    def working(self, convention: str) -> int:
        """Return those of the parameters that a law counts which work on a token."""
        resting = 0 if convention in {"active", "flops-equivalent"} else self.total - self.active
        return self.counted(convention) - resting

    @property
    def active(self) -> int:
        """Parameters that work on a token, embeddings included."""
        return self.total - self.routed_layers * (self.experts - self.experts_per_token) * self.expert_params

    @property
    def matrix_products(self) -> int:
        """Weights of all matrix products that a token meets, the head's among them."""
        at_work = (self.experts_per_token + self.details.shared_experts) * self.expert_products + self._router
        mtp, routed = self.details.mtp, self.routed_layers
        products = (self.layers + mtp) * self.attention_products + routed * at_work
        products += (self.layers + mtp - routed) * self._ffn_products(self.ffn) + mtp * 2 * self.width**2
        return products + (1 + mtp) * self.vocab * self.width

    def flops_per_token(self, rule: Rule, counted: float, *, recompute: bool = False, causal: bool = False) -> float:
        """Return what training on a token costs [FLOP].

        Parameters
        ----------
        rule : {"6nd", "kaplan", "exact"}
            ``6nd``: 6 for each parameter that the law counts, of experts those at work. ``kaplan``: 6 for each but embeddings,
            and half of attention (Kaplan et al. 2020, Table 1). ``exact``: every matrix product of layers and head, whole
            attention and softmax (Hoffmann et al. 2022, App. F; Chowdhery et al. 2022, App. B); looking up embeddings is free.
        counted : float
            N at work on a token as the law counts it.
        recompute : bool
            Whether activations are computed anew in the backward pass.
        causal : bool
            Whether attention counts to tokens before alone, about half, instead of over the whole context; of the exact rule.
        """
        seen = self.seen_causally if causal else self.seen
        working = self.active - self.embeddings
        forward = {
            "6nd": _FORWARD * counted,
            "kaplan": _FORWARD * working + _FORWARD * self.seen * self.heads * self.head_size,
            "exact": _FORWARD * (self.matrix_products + self.head_products * self.heads * seen) + 3 * seen * self.heads,
        }[rule]
        return float((_RECOMPUTED if recompute else _PASSES) * forward)

    @property
    def cached_per_token(self) -> int:
        """Numbers that the key-value cache keeps of a token: keys and values of every layer, or the latent and the rope key.

        Over a whole context; a layer with a window keeps no more than that, so its share is less.
        """
        latent = self.details.latent
        each = latent.kv_rank + latent.rope if latent else 2 * self.kv_heads * self.head_size
        return round(each * (self.seen - self.details.mtp * self.context) / self.context)
