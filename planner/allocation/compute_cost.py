"""Spending rules: what is trained -> what is paid, over a model's whole life."""

from typing import NamedTuple

import numpy as np

from planner._util.root_finding import find_root
from planner.scaling_laws.forms import Num

_PASSES = 3
"""A training step is one forward pass and a backward pass of twice its cost; serving is the forward pass alone: 6 and 2 FLOP per
parameter and token (Kaplan 2020, Sec. 2.1; Sardana et al. 2024, Eq. 2)."""


class Spending(NamedTuple):
    """C = f(N) (D + S/3) with f(N) = k N + q N^(2/3): training on D tokens, then serving S of them.

    Attributes
    ----------
    k : float
        Training FLOP per parameter and token; 6 for all of a dense model's parameters in most papers.
    served : float
        Tokens served over the model's life, each counted as many times as a served FLOP costs more than a trained one; 0 counts
        training alone.
    q : float
        FLOP per token that grow with layers times width, as attention over a context and routing do; N^(2/3) at one shape.
    forward : float
        A served token's forward pass over a third of what training on a token costs: 1, less where training repeats it.

    References
    ----------
    Sardana et al. 2024, arXiv 2401.00448, Eq. 2; Kaplan et al. 2020, arXiv 2001.08361, Table 1.
    """

    k: Num
    served: Num = 0.0
    q: Num = 0.0
    forward: float = 1.0

    @property
    def simple(self) -> bool:
        """Whether C = k N D."""
        return isinstance(self.served, float) and self.served == 0 and self._linear

    @property
    def weighed(self) -> Num:
        """S of the formulas: tokens served, each counted as a third of a trained one."""
        return self.served * self.forward

    @property
    def extra_tokens(self) -> Num:
        """Tokens of training that cost as much as serving does, whatever the size."""
        return self.weighed / _PASSES

    def per_token(self, params: Num) -> Num:
        """Return what training on one token costs [FLOP]."""
        return self.k * params if self._linear else self.k * params + self.q * params ** (2 / 3)

    @property
    def _linear(self) -> bool:
        return isinstance(self.q, float) and self.q == 0

    def size(self, per_token: Num) -> Num:
        """Return the N whose training costs so much a token: the inverse of :meth:`per_token`."""
        if self._linear:
            return per_token / self.k
        x = (per_token / self.k) ** (1 / 3)  # k x^3 + q x^2 = f is convex: Newton comes down from here
        for _ in range(60):
            step = (self.k * x**3 + self.q * x**2 - per_token) / (3 * self.k * x**2 + 2 * self.q * x)
            x = x - step
            if not np.any(step > 1e-15 * x):
                break
        return x**3

    def paid(self, params: Num, tokens: Num) -> Num:
        """Return what a run costs over its life [FLOP, at the price of training]."""
        return self.training(params, tokens) + self.serving(params)

    def cheaper_training(self, gain: Num) -> "Spending":
        """Return the rule where training takes ``gain`` times less and serving what it did: f/gain (D + gain S/3)."""
        return self._replace(k=self.k / gain, q=self.q / gain, served=self.served * gain)

    def training(self, params: Num, tokens: Num) -> Num:
        """Return the training compute [FLOP]."""
        return self.per_token(params) * tokens

    def serving(self, params: Num) -> Num:
        """Return what serving costs [FLOP, at the price of training]."""
        return self.per_token(params) * self.extra_tokens

    def serving_token(self, params: Num) -> Num:
        """Return what a forward pass over one token costs [FLOP]."""
        return self.per_token(params) * self.forward / _PASSES

    def tokens(self, flops: Num, params: Num) -> Num:
        """Return the tokens that a budget [FLOP] pays for at N parameters, at most 0 where serving them costs more."""
        return flops / self.per_token(params) - self.extra_tokens

    def params(self, flops: Num, tokens: Num) -> Num:
        """Return the parameters that a budget [FLOP] pays for over D tokens."""
        return self.size(flops / (tokens + self.extra_tokens))

    def params_at(self, flops: Num, ratio: Num) -> Num:
        """Return the parameters that a budget [FLOP] pays for at ``ratio`` tokens per parameter: C = f(N) (r N + S/3)."""
        half = self.extra_tokens / 2
        params: Num = (flops / self.k) / (half + (half**2 + ratio * flops / self.k) ** 0.5)
        if self._linear:
            return params
        log_C = np.log(flops)
        top = np.log(params)  # q > 0 leaves less for it
        return np.exp(find_root(lambda x: np.log(self.paid(np.exp(x), ratio * np.exp(x))) - log_C, top - 200.0, top))

    def token_elasticity(self, tokens: Num) -> Num:
        """Return d ln C/d ln D at fixed N: the share of training in what is paid."""
        return tokens / (tokens + self.extra_tokens)

    def params_elasticity(self, params: Num) -> Num:
        """Return d ln C/d ln N at fixed D."""
        return 1.0 if self._linear else (self.k * params + 2 / 3 * self.q * params ** (2 / 3)) / self.per_token(params)


def training_flops(params: Num, tokens: Num, flops_per_param_token: Num) -> Num:
    """Return the training compute C = k N D [FLOP]; k = 6 is 2 forward and 4 backward (Kaplan 2020, Sec. 2.1)."""
    return flops_per_param_token * params * tokens
