"""Concrete transformers: what a shape counts of parameters, and what training it on a token costs, by three conventions."""

from typing import Literal, NamedTuple

Rule = Literal["6nd", "kaplan", "exact"]
RULES: tuple[Rule, ...] = ("6nd", "kaplan", "exact")

_FORWARD = 2  # FLOP per weight of a matrix product and token
_PASSES = 3  # forward, and backward at twice its cost
_RECOMPUTED = 4  # with a second forward pass


class Shape(NamedTuple):
    """A decoder of equal layers without biases, with two RMS norms a layer and one at the end.

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

    @property
    def _attention(self) -> int:
        return self.width * self.head_size * (2 * self.heads + 2 * self.kv_heads)

    @property
    def _expert(self) -> int:
        return (3 if self.gated else 2) * self.width * self.ffn

    @property
    def _router(self) -> int:
        return self.width * self.experts if self.experts > 1 else 0

    @property
    def embeddings(self) -> int:
        """Parameters of the input table and of an untied head."""
        return self.vocab * self.width * (1 if self.tied else 2)

    @property
    def non_embedding(self) -> int:
        """All parameters but embeddings and head, norms included."""
        layer = self._attention + self.experts * self._expert + self._router + 2 * self.width
        return self.layers * layer + self.width

    @property
    def total(self) -> int:
        """All parameters."""
        return self.non_embedding + self.embeddings

    @property
    def active(self) -> int:
        """Parameters that work on a token, embeddings included."""
        return self.total - self.layers * (self.experts - self.experts_per_token) * self._expert

    @property
    def layer_flops(self) -> int:
        """Forward FLOP a token of the layers alone: matrix products, attention over the whole context, its softmax.

        References
        ----------
        Hoffmann et al. 2022, arXiv 2203.15556, App. F; the causal half of attention is counted as done.
        """
        products = _FORWARD * (self._attention + self.experts_per_token * self._expert + self._router)
        attention = 2 * _FORWARD * self.context * self.heads * self.head_size
        return self.layers * (products + attention + 3 * self.heads * self.context)

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
        working = self.non_embedding - self.layers * (self.experts - self.experts_per_token) * self._expert
        forward = {
            "6nd": _FORWARD * counted,
            "kaplan": _FORWARD * working + _FORWARD * self.layers * self.context * self.heads * self.head_size,
            "exact": self.layer_flops + _FORWARD * self.vocab * self.width,
        }[rule]
        return float((_RECOMPUTED if recompute else _PASSES) * forward)
