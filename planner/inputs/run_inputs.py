"""Inputs of a run: the law, the budget, sizes, a concrete model, a mixture of experts, the data."""

from typing import TYPE_CHECKING, Annotated, TypedDict

from planner._util.defaults import DEFAULT_LAW, LEVEL, TOLERANCE
from planner.inputs.input_row import (
    ATTENTION,
    RULES,
    Input,
    Number,
    as_given,
    choice_row,
    flag_row,
    fraction_row,
    later,
    number_row,
    params_row,
    resource,
    tokens_row,
    within,
)
from planner.quantities import parse_anchor, parse_flops, parse_fraction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planner.inputs.input_row import FileLike, LawLike, ShapeLike


class ChosenLaw(TypedDict, total=False):
    """The law that answers."""

    law: Annotated[
        "LawLike",
        Input(
            as_given,
            "Law to use: an id from plan laws, or your own .toml or .json file.",
            "ID|FILE",
            default=DEFAULT_LAW,
            completes="laws",
            cell=f"law, an id of PLAN_LAWS; {DEFAULT_LAW} if blank",
        ),
    ]


class Scored(TypedDict, total=False):
    """The benchmark scores that are expected of a run."""

    scores: Annotated["FileLike", Input(later("score_file"), "Expected scores, by a file of plan scores --save.", "FILE.json")]
    target_score: Annotated[
        "str | Mapping[str, Number]",
        Input(later("target_score"), "Compute for a score, with --scores: hellaswag=80%,piqa=0.82.", "TASK=SCORE"),
    ]


class Constants(TypedDict, total=False):
    """Other constants for the law."""

    constants: Annotated[
        "Mapping[str, Number]",
        Input(later("constants"), "Replace a constant of the law; repeat for more.", "NAME=VALUE", option="--set", many=True),
    ]


class Exponents(TypedDict, total=False):
    """Exponents of one's own."""

    exponents: Annotated["Sequence[Number]", Input(later("exponents"), "Your own exponents: N ~ C^A, D ~ C^B.", "A B", pair=True)]
    anchor: Annotated[
        "str | Sequence[Number]",
        Input(parse_anchor, "Known optimum the exponents pass through.  [default: the law's own at 1e20 FLOP]", "C:N"),
    ]


class Tolerance(TypedDict, total=False):
    """When a run is called balanced."""

    tolerance: Annotated[
        Number, Input(parse_fraction, "Extra compute up to which a run is balanced.", "FRACTION", default=TOLERANCE)
    ]


class Level(TypedDict, total=False):
    """How sure an interval is."""

    level: Annotated[Number, Input(later("level"), "Level of intervals.", "FRACTION", default=LEVEL)]


class Judging(Tolerance, Level, total=False):
    """When a run is called balanced, and how sure an interval is."""


class Compute(TypedDict, total=False):
    """A budget of compute."""

    flops: Annotated[Number, Input(parse_flops, 'Budget: 1e21, "3 PF-days", "1 ZFLOP".', "FLOP", "FLOP", "1e18..1e26")]


class PfDays(TypedDict, total=False):
    """The same in PF-days."""

    pf_days: Annotated[
        Number, Input(later("pf_days"), "Budget: PF-days.", "NUMBER", "PF-days", "10..1000", column="budget_pf_days")
    ]


class Days(TypedDict, total=False):
    """How long devices run."""

    days: Annotated[
        Number,
        Input(
            resource("duration"),
            "Budget: the devices of --gpus for so many days (30, 30d, 720h).",
            "TIME",
            "h",
            "10..60",
            column="budget_days",
            per=24.0,
            column_unit="days",
        ),
    ]


def _held(kind: str, help: str, metavar: str, unit: str, range: str, column: str) -> Input:
    return Input(resource(kind), f"Budget: {help}", metavar, unit, range, column=f"budget_{column}")


class HeldBudget(Days, total=False):
    """A budget held in devices, money, energy or carbon."""

    gpu_hours: Annotated[
        Number, _held("device_hours", "device-hours (350k) of --gpu.", "HOURS", "device-hours", "100k..2M", "device_hours")
    ]
    dollars: Annotated[
        Number,
        _held("dollars", "money (2M) for --gpu, at --price or a published price.", "USD", "USD", "1M..10M", "dollars"),
    ]
    energy: Annotated[str, _held("energy", "energy at the meter (4GWh) of --gpu.", "ENERGY", "kWh", "1..10GWh", "kwh")]
    co2: Annotated[str, _held("mass", "CO2e (300t) of --gpu on a --grid.", "MASS", "kg", "100..500t", "kg_co2e")]


class Target(TypedDict, total=False):
    """A loss to reach instead of a budget."""

    loss: Annotated[
        Number,
        Input(
            later("loss"),
            "Instead of a budget: the loss to reach, at the least compute.",
            "LOSS",
            range="1.9..2.5",
            even=True,
            column="target_loss",
            cell="loss to reach, in the law's unit",
        ),
    ]


class Run(TypedDict, total=False):
    """A run: parameters and tokens."""

    params: Annotated[
        Number,
        params_row(
            "Parameters: alone with a budget, tokens follow (70B); with tokens, the run itself.",
            cell='parameters: 7e9 or "7B"',
        ),
    ]
    tokens: Annotated[
        Number,
        tokens_row(
            "Tokens: alone with a budget, parameters follow (1.4T); with parameters or a shape, the run itself.",
            metavar="D",
            cell='training tokens: 1.4e12 or "1.4T"',
        ),
    ]


class SizeLimits(TypedDict, total=False):
    """What limits the size of a run."""

    tokens_per_param: Annotated[Number, Input(within(1e-9, 1e12), "Fix the tokens per parameter (20).", "RATIO", range="1..10")]
    max_params: Annotated[Number, params_row("At most so many parameters, for memory or latency (13B).")]
    max_tokens: Annotated[Number, tokens_row("At most so many tokens (2T).", metavar="D")]


class Model(TypedDict, total=False):
    """A concrete model."""

    shape: Annotated[
        "ShapeLike",
        Input(
            later("shape"),
            "A concrete model, which fixes the parameters: a published one, llama2-7b; a Hugging Face config.json; a script of "
            "Megatron-LM; or layers=32,width=4096,heads=32 with vocab and context (and ffn, kv_heads, head_size, gated, tied, "
            "experts, experts_per_token, expert_ffn, shared_experts, dense_layers, window, windowed_layers, bias, qk_norm, mtp "
            "and more where they differ).",
            "MODEL|FILE|NAME=N,...",
            completes="models",
        ),
    ]


class Attention(TypedDict, total=False):
    """How the FLOP of attention are counted."""

    attention_flops: Annotated[
        str,
        choice_row(ATTENTION, "Attention over the whole context, or to tokens before alone (about half).  [default: full]"),
    ]


class Counting(Attention, total=False):
    """How the FLOP of a concrete model are counted."""

    flops_rule: Annotated[str, choice_row(RULES, "How its FLOP are counted.  [default: exact]")]
    recompute: Annotated[bool, flag_row("Activations are computed anew in the backward pass.")]


class Mixture(TypedDict, total=False):
    """A mixture of experts."""

    active_params: Annotated[Number, params_row("Fix the active parameters of a mixture of experts (7B).")]
    experts: Annotated[
        Number,
        number_row("Experts of a mixture, with --law ludziejewski2025, krajewski2024-moe or abnar2025.", whole=True),
    ]
    granularity: Annotated[Number, number_row("Parts into which an expert is split (krajewski2024-moe).")]
    experts_per_token: Annotated[Number, number_row("Experts at work on a token (abnar2025).", whole=True)]
    sparsity: Annotated[Number, fraction_row("sparsity", "Or the share of experts at rest (abnar2025).")]


class TotalParams(TypedDict, total=False):
    """What limits a mixture of experts as a whole."""

    max_total_params: Annotated[
        Number, params_row("At most so many parameters in all of a mixture of experts (100B).", "10B..100B")
    ]


class Data(TypedDict, total=False):
    """The data there are, and how they are trained on."""

    unique_tokens: Annotated[Number, tokens_row("Different tokens at hand (25B); more come from repeating them.", metavar="D")]
    precision: Annotated[
        str, Input(later("precision"), "Precision of training: fp8, int4, ... or bits such as w4a8kv8.", "FORMAT")
    ]
    data_quality: Annotated[Number, fraction_row("data_quality", "Share of the tokens that is not corrupted (90%).", "60%..90%")]
