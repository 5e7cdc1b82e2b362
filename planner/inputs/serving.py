"""The demand to serve, and what a served FLOP costs over a trained one."""

from typing import TYPE_CHECKING, NamedTuple

from planner.errors import OptionError
from planner.inputs.question import Question
from planner.quantities import LARGEST, format_count, plain

if TYPE_CHECKING:
    from planner.accelerators.fleet import Machine


class Weights(NamedTuple):
    """What a served FLOP is weighed by: utilisations and prices in training, in serving and while generating."""

    mfu: float | None = None
    inference_mfu: float | None = None
    generation_mfu: float | None = None
    price: float | None = None
    inference_price: float | None = None
    generated: float | None = None


class Demand(NamedTuple):
    """Tokens to serve over a model's life, what a served FLOP costs over a trained one, and what that is weighed by."""

    tokens: float
    price: float
    weights: Weights = Weights()


WEIGHED = ("generated_tokens", "mfu", "inference_mfu", "generation_mfu", "price", "inference_price")


def demand_of(question: Question, machine: "Machine | None" = None) -> Demand | None:
    """Return the tokens to serve and their price over training's; with a machine its utilisation and price are training's."""
    tokens = _tokens(question)
    if tokens is None:
        priced = [name for name in question.named(*WEIGHED) if not (machine and name in {"mfu", "price"})]
        if priced:
            also = ", or for what training costs a device, `gpu` or `gpus`" if priced[0] in {"mfu", "price"} else ""
            raise OptionError(
                f"`{priced[0]}` says what serving costs, so it needs `inference_tokens` (or `inference_per_month` and `months`)"
                f"{also}"
            )
        return None
    weights = weights_of(question, tokens, machine)
    price = _price(weights, tokens, question.generated_per_request is not None)
    if not 1e-6 <= price <= 1e6:
        raise OptionError(f"a served FLOP would cost {plain(price, 3)} trained ones: check the prices and the utilisations")
    return Demand(tokens, price, weights)


def _tokens(question: Question) -> float | None:
    """Return the tokens to serve over the model's life, said in one of three ways."""
    monthly = question.inference_per_month
    requests, each = question.requests_per_month, question.tokens_per_request
    if (requests is None) != (each is None):
        raise OptionError("`requests_per_month` and `tokens_per_request` go together, such as 50M requests of 1500 tokens")
    if question.generated_per_request is not None and each is None:
        raise OptionError("`generated_per_request` goes with `requests_per_month` and `tokens_per_request`")
    said = question.named("inference_tokens", "inference_per_month", "requests_per_month")
    if len(said) > 1:
        raise OptionError(
            f"give `{said[0]}` or `{said[1]}`, not both: the tokens to serve over the model's life, a month, or as requests"
        )
    if requests is not None and each is not None:
        monthly = requests * each
    if monthly is None and question.months is not None and question.inference_tokens is not None:
        raise OptionError("`months` go with a demand a month; `inference_tokens` are of the whole life: leave `months` out")
    if (monthly is None) != (question.months is None):
        such = "50M requests" if requests is not None else "80B"
        raise OptionError(
            f"`{said[0] if monthly is not None else 'inference_per_month'}` and `months` go together, such as {such} a month for "
            "24 months"
        )
    if monthly is None or question.months is None:
        return question.inference_tokens
    tokens = monthly * question.months
    if not 1 <= tokens <= LARGEST:
        raise OptionError(f"`{said[0]}` times `months` is {plain(tokens)} tokens: expected 1 to {plain(LARGEST)}")
    return tokens


def weights_of(question: Question, tokens: float, machine: "Machine | None") -> Weights:
    """Return what serving is weighed by: a machine's utilisation and price are training's, where serving's are given."""
    mfu, price = question.mfu, question.price
    if machine is not None:
        served = question.inference_mfu is not None or question.generation_mfu is not None
        hourly = machine.dollars_per_hour if question.inference_price is not None else None
        mfu = machine.mfu.expected if served else None
        price = hourly.expected / machine.devices if hourly else None
    generated = question.generated_tokens
    if question.generated_per_request is not None and question.tokens_per_request is not None:
        if generated is not None:
            raise OptionError("give `generated_tokens` or `generated_per_request`, not both")
        generated = tokens * question.generated_per_request / question.tokens_per_request
    return Weights(mfu, question.inference_mfu, question.generation_mfu, price, question.inference_price, generated)


def _price(given: Weights, tokens: float, by_request: bool) -> float:
    """Return what a served FLOP costs over a trained one: prices per device-hour over utilisations."""
    if (given.price is None) != (given.inference_price is None):
        raise OptionError("`price` and `inference_price` go together: what a device-hour costs in training and in serving")
    if (given.generated is None) != (given.generation_mfu is None):
        told = "generated_per_request" if by_request else "generated_tokens"
        raise OptionError(f"`{told}` and `generation_mfu` go together: the part of the served tokens that is generated")
    served_mfu = given.inference_mfu is not None or given.generation_mfu is not None
    if (given.mfu is None) == served_mfu:
        raise OptionError("`mfu` and `inference_mfu` go together: utilisation in training and in serving")
    money = given.inference_price / given.price if given.price is not None and given.inference_price is not None else 1.0
    if given.mfu is None:
        return money
    generated = given.generated or 0.0
    if generated > tokens:
        if by_request:
            raise OptionError("`generated_per_request`: a part of `tokens_per_request`, so at most as many")
        raise OptionError(
            f"`generated_tokens` {format_count(generated)}: a part of the served tokens, so at most {format_count(tokens)}"
        )
    if given.inference_mfu is not None and generated == tokens:
        raise OptionError("`inference_mfu` would change nothing: all served tokens are generated, at `generation_mfu`")
    if given.inference_mfu is None and generated < tokens:
        raise OptionError("`inference_mfu`: needed for the served tokens that are read rather than generated")
    slow = generated / tokens
    read = (1 - slow) * given.mfu / given.inference_mfu if slow < 1 and given.inference_mfu else 0.0
    written = slow * given.mfu / given.generation_mfu if generated and given.generation_mfu else 0.0
    return float(money * (read + written))
