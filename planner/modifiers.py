"""Modifiers: what is trained -> what counts: counting conventions of parameters, and what repeated data are worth."""

import numpy as np

from planner._roots import find_root
from planner.forms import Num


def total_params(non_embedding: Num, gamma: Num) -> Num:
    """Add the embeddings: N_total = N + gamma N^(1/3).

    Parameters
    ----------
    non_embedding : float or array
        Parameters without embeddings.
    gamma : float
        Embedding parameters per cube root of N; depends on vocabulary and aspect ratio (law file ``pearce2024``).

    Returns
    -------
    float or array
        Parameters with embeddings.

    References
    ----------
    Pearce & Song 2024, arXiv 2406.12907.
    """
    return non_embedding + gamma * np.cbrt(non_embedding)


def non_embedding_params(total: Num, gamma: Num) -> Num:
    """Leave the embeddings out: the inverse of :func:`total_params`, elementwise."""
    # with s = cbrt(N): s^3 + gamma s = total, rising in s
    root = find_root(lambda s: s**3 + gamma * s - total, np.zeros(np.shape(total)), np.cbrt(total))
    return root**3


def repeated_tokens(tokens: Num, unique: Num, R_D: Num) -> Num:
    """Return D' = U + U R_D (1 - exp(-R/R_D)) with R = D/U - 1 repetitions: what tokens are worth when U of them are different.

    Parameters
    ----------
    tokens, unique : float or array
        Tokens trained on, and different ones among them; where ``unique`` is larger, every token counts.
    R_D : float or array
        Repetitions after which further ones are worth 1/e of the first.

    Returns
    -------
    float or array
        Effective tokens.

    References
    ----------
    Muennighoff et al. 2023, arXiv 2305.16264, Eq. 5.
    """
    U = np.minimum(unique, tokens)
    return U - U * R_D * np.expm1(-(tokens / U - 1) / R_D)


def repeated_params(params: Num, enough: Num, R_N: Num) -> Num:
    """Return N' = U_N + U_N R_N (1 - exp(-R/R_N)), R = N/U_N - 1: what parameters beyond those the data can fill are worth.

    Parameters
    ----------
    params : float or array
        Parameters N.
    enough : float or array
        U_N: the parameters that are best for the unique tokens seen once; where larger than N, every parameter counts.
    R_N : float or array

    References
    ----------
    Muennighoff et al. 2023, arXiv 2305.16264, Eq. 8.
    """
    return repeated_tokens(params, enough, R_N)
