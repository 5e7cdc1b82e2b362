"""Inputs of serving and of devices: demand, kind and number, price, power, utilisation."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, TypedDict

from planner.inputs.input_row import (
    DTYPES,
    Input,
    Number,
    choice_row,
    fraction_row,
    later,
    price_row,
    resource,
    tokens_row,
    within,
)
from planner.quantities import parse_count

if TYPE_CHECKING:
    from planner.inputs.input_row import FileLike


class Serving(TypedDict, total=False):
    """What is served over the model's life, and what serving costs."""

    inference_tokens: Annotated[Number, tokens_row("Tokens to serve over the model's life (2T).")]
    inference_per_month: Annotated[Number, tokens_row("Or tokens to serve a month (80B), with --months.")]
    requests_per_month: Annotated[
        Number,
        Input(
            partial(parse_count, what="requests"),
            "Or requests to serve a month (50M), with --tokens-per-request.",
            "NUMBER",
            range="1M..1B",
        ),
    ]
    tokens_per_request: Annotated[Number, tokens_row("Tokens of a request, read and generated.", "100..4000")]
    generated_per_request: Annotated[Number, tokens_row("The part of them that is generated.", "100..4000")]
    months: Annotated[Number, Input(within(1e-3, 1e5), "Months of serving.", "NUMBER", "months", "1..10")]
    generated_tokens: Annotated[Number, tokens_row("The part of the served tokens that is generated, with --generation-mfu.")]
    inference_mfu: Annotated[Number, fraction_row("utilisation", "FLOP utilisation in serving.")]
    generation_mfu: Annotated[Number, fraction_row("utilisation", "FLOP utilisation while generating (1%).")]
    inference_price: Annotated[Number, price_row("Price of a device-hour in serving, at the same peak FLOP/s.")]


class ServedCopy(TypedDict, total=False):
    """What a copy of the model is served on."""

    serving_gpus: Annotated[
        str,
        Input(
            later("serving_devices"),
            "Devices that hold one copy of the model when it is served (8xH100): what does not fit them is not planned; of a "
            "stated size it is said.",
            "NxDEVICE",
            "devices",
        ),
    ]
    cached_tokens: Annotated[
        Number, tokens_row("Tokens whose keys and values lie in them beside the weights (128k).", "8k..128k")
    ]


class ServePrecision(TypedDict, total=False):
    """In what precision the model is served."""

    serve_precision: Annotated[
        Number,
        Input(
            later("serve_precision"), "Precision that the weights are rounded to after training: int4, int8 or bits.", "FORMAT"
        ),
    ]


class Device(TypedDict, total=False):
    """Devices of a kind, and what they cost."""

    gpus: Annotated[
        Number,
        Input(
            later("devices"),
            "Devices: 512xH100, or 256xH100+512xA100; a number with --gpu.",
            "NxDEVICE",
            "devices",
            "64..1024xH100",
            whole=True,
            completes="devices",
        ),
    ]
    gpu: Annotated[
        str,
        Input(
            later("device"),
            "One kind of device, their number left open: h100-sxm (see plan hardware).",
            "DEVICE",
            completes="devices",
        ),
    ]
    peak: Annotated[
        Number, Input(resource("peak"), "Your own dense peak of one device (989TFLOPS).", "FLOP/S", "FLOP/s", "312..989TFLOPS")
    ]
    price: Annotated[
        Number,
        price_row(
            "Price of a device-hour in US dollars (2.95).  [default: a published one]",
            cell="US dollars per device-hour; a published price if blank",
        ),
    ]


class OwnDevices(TypedDict, total=False):
    """Devices and prices of one's own."""

    gpu_file: Annotated["FileLike", Input(later("file"), "Your own devices and prices.", "FILE.toml")]


class Deadline(TypedDict, total=False):
    """When the run must end."""

    deadline: Annotated[
        Number,
        Input(resource("duration"), "Time in which the run must end (30d): gives the number of devices needed.", "TIME", "h"),
    ]


class Watts(TypedDict, total=False):
    """What one device draws."""

    power: Annotated[
        Number, Input(resource("power"), "Average power of one device with its server (1.1kW).", "WATTS", "W", "700W..1.4kW")
    ]


class Power(TypedDict, total=False):
    """The building and the grid."""

    pue: Annotated[
        Number,
        Input(
            later("pue"), "Power at the meter over that of the servers.  [default: 1.25]", "RATIO", range="1.1..1.4", even=True
        ),
    ]
    grid: Annotated[
        Number,
        Input(
            later("grid"),
            "Grid, for CO2e: a country such as france, or grams per kWh.",
            "COUNTRY|G/KWH",
            "g/kWh",
            "50..500",
            even=True,
            completes="grids",
            cell="country, or grams of CO2e per kWh",
        ),
    ]


class Speed(TypedDict, total=False):
    """How fast a model was seen to train."""

    tokens_per_second: Annotated[
        "Number | FileLike",
        Input(
            later("tokens_per_second"),
            "Measured tokens/s of a device (9600), of all (1.2M in all), or a run's log (train.log): gives the MFU.",
            "TOKENS|LOG",
        ),
    ]


class Format(TypedDict, total=False):
    """The format trained in."""

    dtype: Annotated[str, choice_row(DTYPES, "Format trained in.  [default: bf16 where the device has it]")]


class Use(Format, total=False):
    """How well the devices are used."""

    mfu: Annotated[
        Number,
        fraction_row(
            "utilisation",
            "FLOP utilisation in training (40%).  [default: a published median]",
            cell="model FLOP utilisation: 0.4; if blank that forecast for counted devices, else a published median",
        ),
    ]
    overhead: Annotated[
        Number,
        fraction_row(
            "overhead",
            "Time lost to failures and restarts, over the time that counts (10%).  [default: 0]",
            "5%..20%",
            column="overhead_time",
            cell="time lost to failures over the time that counts; 0 if blank",
        ),
    ]
