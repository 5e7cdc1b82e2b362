"""The demand to serve, and what a served FLOP costs over a trained one."""

from typing import Any, NamedTuple

from planner.errors import OptionError
from planner.units import LARGEST, format_count, plain


class Demand(NamedTuple):
    """Tokens to serve over a model's life, and what a served FLOP costs over a trained one."""

    tokens: float
    price: float


def demand_of(given: Any) -> Demand | None:
    """Return the tokens to serve and their price over training's."""
    tokens: Any = given.inference_tokens
    if (given.inference_per_month is None) != (given.months is None):
        raise OptionError("inference_per_month and months go together, such as 80B a month for 24 months")
    if given.inference_per_month is not None:
        if tokens is not None:
            raise OptionError("give inference_tokens over the model's life, or inference_per_month with months, not both")
        per_month: Any = given.inference_per_month
        tokens = per_month * given.months
        if not 1 <= tokens <= LARGEST:
            raise OptionError(f"inference_per_month times months is {plain(tokens)} tokens: expected 1 to {plain(LARGEST)}")
    if tokens is None:
        priced = [
            name
            for name in ("generated_tokens", "mfu", "inference_mfu", "generation_mfu", "price", "inference_price")
            if getattr(given, name) is not None
        ]
        if priced:
            raise OptionError(
                f"{priced[0]} says what serving costs, so it needs inference_tokens (or inference_per_month and months)"
            )
        return None
    price = _price(given, tokens)
    if not 1e-6 <= price <= 1e6:
        raise OptionError(f"a served FLOP would cost {plain(price, 3)} trained ones: check the prices and the utilisations")
    return Demand(tokens, price)


def _price(given: Any, tokens: float) -> float:
    """Return what a served FLOP costs over a trained one: prices per device-hour over utilisations."""
    if (given.price is None) != (given.inference_price is None):
        raise OptionError("price and inference_price go together: what a device-hour costs in training and in serving")
    if (given.generated_tokens is None) != (given.generation_mfu is None):
        raise OptionError("generated_tokens and generation_mfu go together: the part of the served tokens that is generated")
    served_mfu = given.inference_mfu is not None or given.generation_mfu is not None
    if (given.mfu is None) == served_mfu:
        raise OptionError("mfu and inference_mfu go together: utilisation in training and in serving")
    money = given.inference_price / given.price if given.price is not None else 1.0
    if given.mfu is None:
        return money
    generated = given.generated_tokens or 0.0
    if generated > tokens:
        raise OptionError(
            f"generated_tokens {format_count(generated)}: a part of the served tokens, so at most {format_count(tokens)}"
        )
    if given.inference_mfu is None and generated < tokens:
        raise OptionError("inference_mfu: needed for the served tokens that are read rather than generated")
    slow = generated / tokens
    read = (1 - slow) * given.mfu / given.inference_mfu if slow < 1 else 0.0
    written = slow * given.mfu / given.generation_mfu if generated else 0.0
    return float(money * (read + written))
