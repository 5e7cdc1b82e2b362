"""What is asked of pilots, read: their budget, limits and noise, and what goes with what."""

from planner._util.files import settings
from planner._util.parallel import check_workers
from planner._util.showing import Raw
from planner.accelerators.fleet import Machine
from planner.errors import OptionError
from planner.inputs.budget import PAID, refuse_idle
from planner.inputs.held_budgets import read_held
from planner.inputs.input_row import Number
from planner.inputs.question import Question
from planner.pilot_design.information import FILE
from planner.quantities import (
    format_count,
    is_range,
    parse_count,
    parse_flops,
    parse_fraction,
    parse_number,
    parse_range,
    shown,
)


def check_simulation(simulate: Raw, tables: Raw, workers: Raw, given: Raw) -> None:
    """Refuse a simulation that cannot be made, before anything long is computed."""
    if not isinstance(simulate, bool):
        raise OptionError(f"simulate {shown(simulate)}: expected True or False")
    check_workers(workers)
    if not simulate and tables is not None:
        raise OptionError("tables go with simulate: plan pilots --simulate --tables 50")
    if not simulate and workers != 1:
        raise OptionError("workers go with simulate: a design is found in this process")
    if simulate and given is not None:
        raise OptionError("`simulate`: simulated tables begin without runs; leave `given` out")


def check_shapes(shapes: object, **given: Raw) -> None:
    """Refuse what goes with shapes only."""
    if not isinstance(shapes, bool):
        raise OptionError(f"shapes {shown(shapes)}: expected True or False")
    told = [name for name, value in given.items() if value is not None]
    if told and not shapes:
        raise OptionError(f"`{told[0]}` goes with `shapes`: without them pilots are numbers of parameters and tokens")


def read_cooldown(trunk: Raw, cooldown: Raw, *, shapes: Raw, given: Raw) -> float | None:
    """Read over which share of its tokens a model cools down from its trunk; None without trunks."""
    if not isinstance(trunk, bool):
        raise OptionError(f"`trunk` {shown(trunk)}: expected True or False")
    if not trunk:
        if cooldown is not None:
            raise OptionError("`cooldown` goes with `trunk`: the share of its tokens over which a model cools down from a trunk")
        return None
    if shapes is True:
        raise OptionError("`shapes` does not go with `trunk`: trunks are numbers of parameters and tokens")
    if given is not None:
        raise OptionError("`given` does not go with `trunk`: trunks are designed from nothing; leave one of them out")
    found = float(settings(FILE, "trunks")["cooldown"]) if cooldown is None else parse_fraction(cooldown, "`cooldown`")
    if not 0.01 <= found <= 0.9:
        raise OptionError(f"`cooldown` {shown(cooldown)}: expected a share of a model's tokens, 1% to 90%")
    return found


def read_budget(budget: Number | None, question: Question) -> tuple[float, Machine | None]:
    """Return what the pilots may cost [FLOP], given in FLOP or in what is held, and the devices where they are known."""
    held = read_held(question)
    if budget is not None and held.flops is not None:
        raise OptionError(f"`budget` and `{held.name}` are two budgets: give one of them")
    for name in question.named("mfu", "price"):
        if held.machine is None:
            raise OptionError(f"`{name}` says what a device's time is worth: of which device? Give `gpu` or `gpus`")
    refuse_idle(question, held.name or "budget", PAID)
    if held.flops is not None:
        return held.flops, held.machine
    if budget is None:
        raise OptionError("no budget for the pilots: give --budget, such as 1e20, or --gpus with --days, or --dollars with --gpu")
    return parse_flops(budget, "`budget`"), held.machine


def read_noise(noise: Raw) -> float:
    """Read the scatter of ln loss, the usual one where none is given."""
    spread = float(settings(FILE, "noise")["usual"]) if noise is None else parse_fraction(noise, "`noise`")
    if not 1e-5 <= spread <= 0.2:
        raise OptionError(f"`noise` {shown(noise)}: expected the scatter of ln loss between runs trained alike, 0.001% to 20%")
    return spread


def read_ratios(ratios: Raw) -> tuple[float, float]:
    """Read the tokens per parameter that pilots may have."""
    c = settings(FILE, "candidates")
    if ratios is None:
        return float(c["lowest_ratio"]), float(c["highest_ratio"])
    if not is_range(ratios):
        raise OptionError(f"`ratios` {shown(ratios)}: expected a range of tokens per parameter such as 3..120")
    low, high = parse_range(ratios, "`ratios`", parse_number, "3..120")
    if not 0.01 <= low < high <= 1e5:
        raise OptionError(f"`ratios` {shown(ratios)}: tokens per parameter lie between 0.01 and 100,000")
    if high < 3 * low:
        raise OptionError(
            f"`ratios` {shown(ratios)}: within a factor of three runs hardly tell N from D; give a wider range such as 3..120"
        )
    return low, high


def read_sizes(min_params: Raw, max_params: Raw) -> tuple[float | None, float | None]:
    """Read the sizes that pilots may have, None where an end is open."""
    low, high = (
        None if value is None else parse_count(value, f"`{name}`", "parameters")
        for name, value in (("min_params", min_params), ("max_params", max_params))
    )
    if low is not None and high is not None and not low < high:
        raise OptionError(f"`min_params` {format_count(low)} is not below `max_params` {format_count(high)}")
    return low, high
