"""Spending rules: what is trained -> what is paid, over a model's whole life."""

from typing import NamedTuple

from planner.forms import Num

_PASSES = 3
"""A training step is one forward pass and a backward pass of twice its cost; serving is the forward pass alone: 6 and 2 FLOP per
parameter and token (Kaplan 2020, Sec. 2.1; Sardana et al. 2024, Eq. 2)."""


class Spending(NamedTuple):
    """C = k N D + (k/3) N S: training on D tokens, then serving S of them.

    Attributes
    ----------
    k : float
        Training FLOP per parameter and token; 6 in most papers.
    served : float
        Tokens served over the model's life, each counted as many times as a served FLOP costs more than a trained one; 0 counts
        training alone.

    References
    ----------
    Sardana et al. 2024, arXiv 2401.00448, Eq. 2.
    """

    k: Num
    served: Num = 0.0

    @property
    def extra_tokens(self) -> Num:
        """Tokens of training that cost as much as serving does, whatever the size."""
        return self.served / _PASSES

    def paid(self, params: Num, tokens: Num) -> Num:
        """Return what a run costs over its life [FLOP, at the price of training]."""
        return self.training(params, tokens) + self.serving(params)

    def training(self, params: Num, tokens: Num) -> Num:
        """Return the training compute [FLOP]."""
        return training_flops(params, tokens, self.k)

    def serving(self, params: Num) -> Num:
        """Return what serving costs [FLOP, at the price of training]."""
        return self.k * params * self.extra_tokens

    def serving_token(self, params: Num) -> Num:
        """Return what a forward pass over one token costs [FLOP]."""
        return self.k * params / _PASSES

    def tokens(self, flops: Num, params: Num) -> Num:
        """Return the tokens that a budget [FLOP] pays for at N parameters, at most 0 where serving them costs more."""
        return flops / (self.k * params) - self.extra_tokens

    def params(self, flops: Num, tokens: Num) -> Num:
        """Return the parameters that a budget [FLOP] pays for over D tokens."""
        return flops / (self.k * (tokens + self.extra_tokens))

    def params_at(self, flops: Num, ratio: Num) -> Num:
        """Return the parameters that a budget [FLOP] pays for at ``ratio`` tokens per parameter: C = k N (r N + S/3)."""
        half = self.extra_tokens / 2
        return (flops / self.k) / (half + (half**2 + ratio * flops / self.k) ** 0.5)

    def token_elasticity(self, tokens: Num) -> Num:
        """Return d ln C/d ln D at fixed N: the share of training in what is paid. d ln C/d ln N at fixed D is 1."""
        return tokens / (tokens + self.extra_tokens)


def training_flops(params: Num, tokens: Num, flops_per_param_token: Num) -> Num:
    """Return the training compute C = k N D.

    Parameters
    ----------
    params, tokens : float or array
        Parameters N and tokens D; they broadcast.
    flops_per_param_token : float
        k [FLOP per parameter and token]; 6 = 2 forward + 4 backward (Kaplan 2020, Sec. 2.1).

    Returns
    -------
    float or array
        Compute [FLOP].
    """
    return flops_per_param_token * params * tokens
