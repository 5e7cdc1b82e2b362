"""Concrete transformers: what a shape counts of parameters, and what training it on a token costs, by three conventions."""

from typing import Literal, NamedTuple

Rule = Literal["6nd", "kaplan", "exact"]
RULES: tuple[Rule, ...] = ("6nd", "kaplan", "exact")

_FORWARD = 2  # FLOP per weight of a matrix product and token
_PASSES = 3  # forward, and backward at twice its cost
_RECOMPUTED = 4  # with a second forward pass


class Latent(NamedTuple):
    """Latent attention: queries through ``query_rank``, keys and values through ``kv_rank``, with ``rope`` shared key entries.

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
        queries = latent.query_rank * (self.width + self.heads * (latent.nope + latent.rope))
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
    def _expert(self) -> int:
        """Parameters of one expert."""
        width = self.details.expert_ffn or self.ffn
        return self._ffn_products(width) + (self._ffn_bias(width) if self.details.expert_bias else 0)

    @property
    def _router(self) -> int:
        return self.width * (self.experts + (1 if self.details.shared_gate else 0))

    @property
    def _mixed_layers(self) -> int:
        """Layers with experts."""
        return self.layers - self.details.dense_layers if self.experts > 1 else 0

    @property
    def embeddings(self) -> int:
        """Parameters of the input table, of an untied head with its bias, and of learned positions."""
        rows = self.vocab * (1 if self.tied else 2) + self.details.learned_positions
        return rows * self.width + (self.vocab if self.details.head_bias else 0)

    @property
    def non_embedding(self) -> int:
        """All parameters but embeddings and head, norms and biases included."""
        rest, mixed = self.details, self._mixed_layers
        norm = self.width * (2 if rest.norm == "ln" else 1)
        dense = self._ffn_products(self.ffn) + (self._ffn_bias(self.ffn) if rest.bias == "all" else 0)
        experts = (self.experts + rest.shared_experts) * self._expert + self._router + (self.experts if rest.router_bias else 0)
        layers = self.layers * (self._attention + rest.norms_per_layer * norm) + (self.layers - mixed) * dense + mixed * experts
        return layers + norm * (2 if rest.embedding_norm else 1)

    @property
    def total(self) -> int:
        """All parameters."""
        return self.non_embedding + self.embeddings

    @property
    def seen(self) -> int:
        """Tokens that a token attends to, over all layers: the whole context, or a window where a layer has one."""
        windowed = self.details.windowed_layers
        return (self.layers - windowed) * self.context + windowed * min(self.details.window, self.context)

    @property
    def attended(self) -> int:
        """Products of queries with keys, and of their weights with values, for a token that attends to all it may."""
        latent = self.details.latent
        each = latent.nope + latent.rope + latent.value if latent else 2 * self.head_size
        return self.seen * self.heads * each

    def counted(self, convention: str) -> int:
        """Return its N as a law counts parameters.

        Parameters
        ----------
        convention : str
            One of ``planner.scaling_laws.provenance.PARAM_COUNTS``. ``non-input-embedding`` keeps the head, a tied one too;
            ``flops-equivalent`` is the FLOP per token of the layers over 6, whole attention included (DeepSeek LLM,
            arXiv 2401.02954, Eq. 2: M/6); of a mixture's law (``active``), and where the source does not say, all count.
        """
        if convention == "non-embedding":
            return self.non_embedding
        if convention == "non-input-embedding":
            return self.non_embedding + self.vocab * (self.width + (1 if self.details.head_bias else 0))
        if convention == "flops-equivalent":
            return self.non_embedding + self.attended
        return self.total

    @property
    def active(self) -> int:
        """Parameters that work on a token, embeddings included."""
        return self.total - self._mixed_layers * (self.experts - self.experts_per_token) * self._expert

    @property
    def layer_flops(self) -> int:
        """Forward FLOP a token of the layers alone: matrix products, attention over the whole context, its softmax.

        References
        ----------
        Hoffmann et al. 2022, arXiv 2203.15556, App. F; the causal half of attention is counted as done.
        """
        width = self.details.expert_ffn or self.ffn
        at_work = (self.experts_per_token + self.details.shared_experts) * self._ffn_products(width) + self._router
        mixed = self._mixed_layers
        products = self.layers * self.attention_products + (self.layers - mixed) * self._ffn_products(self.ffn) + mixed * at_work
        return _FORWARD * (products + self.attended) + 3 * self.seen * self.heads

    def flops_per_token(self, rule: Rule, counted: float, *, recompute: bool = False) -> float:
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
        """
        working = self.active - self.embeddings
        forward = {
            "6nd": _FORWARD * counted,
            "kaplan": _FORWARD * working + _FORWARD * self.seen * self.heads * self.head_size,
            "exact": self.layer_flops + _FORWARD * self.vocab * self.width,
        }[rule]
        return float((_RECOMPUTED if recompute else _PASSES) * forward)

    @property
    def cached_per_token(self) -> int:
        """Numbers that the key-value cache keeps of a token: keys and values of every layer, or the latent and the rope key."""
        latent = self.details.latent
        each = latent.kv_rank + latent.rope if latent else 2 * self.kv_heads * self.head_size
        return self.layers * each
