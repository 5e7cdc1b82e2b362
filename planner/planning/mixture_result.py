"""What a plan says of a mixture of experts, and of dense models beside it."""

from collections.abc import Mapping
from typing import NamedTuple


class Beside(NamedTuple):
    """A mixture, or a dense model beside it, with what it costs to train and to serve.

    Attributes
    ----------
    name : str
    active_params, total_params, tokens, loss : float
    training_flops : float
        [FLOP].
    training_dollars : float or None
        Where a device with a price was named.
    training_bytes : float
        Weights, gradients and Adam's states; activations come on top.
    serving_flops_per_token : float
        A forward pass over one token [FLOP].
    serving_flops : float or None
        Over the demand, where one was given [FLOP].
    weight_bytes : float
        Of a served copy.
    cache_bytes : float or None
        Of the tokens that it caches, where they and the width are known.
    """

    name: str
    active_params: float
    total_params: float
    tokens: float
    loss: float
    training_flops: float
    training_dollars: float | None
    training_bytes: float
    serving_flops_per_token: float
    serving_flops: float | None
    weight_bytes: float
    cache_bytes: float | None


class Mixture(NamedTuple):
    """A mixture of experts: what is active, what must be held, and the dense models it stands for.

    Attributes
    ----------
    active_params, total_params : float
        Parameters that work on a token, and all there are; the law counts one or the other as ``params``.
    choices : mapping
        What was chosen of the law: its experts, granularity or sparsity.
    dense_law : str
    dense_params, dense_flops : float or None
        The cheapest dense run of the same loss: its size and compute [FLOP]; None where it cannot reach the loss.
    tokens_per_active_param : float
    dense_ratio : float or None
        ``dense_flops`` over what the mixture spends.
    routed_law : str
        Another study, of runs on ``routed_tokens`` tokens.
    routed_tokens : float
    dense_equivalent : float or None
        Parameters of the dense model that is as good by that study; None where it says nothing.
    training_bytes : float
        Weights, gradients and Adam's states; activations come on top.
    beside : tuple of Beside
        The mixture, the dense run of the same loss, and the best dense run of the same compute in the same memory.
    """

    active_params: float
    total_params: float
    choices: Mapping[str, float]
    dense_law: str
    dense_params: float | None
    dense_flops: float | None
    tokens_per_active_param: float
    dense_ratio: float | None
    routed_law: str
    routed_tokens: float
    dense_equivalent: float | None
    training_bytes: float
    beside: tuple[Beside, ...]
