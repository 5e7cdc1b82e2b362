"""What is said of a pilot design: what it assumes, leaves over and takes on devices, and whether it is worth its cost."""

from collections.abc import Iterator, Sequence

import numpy as np

from planner._util.files import settings
from planner._util.stable_choice import SINGULAR, first_lowest
from planner.accelerators.fleet import Machine
from planner.notes import Note
from planner.pilot_design.budget_ladder import Design
from planner.pilot_design.candidate_runs import Bounds, Builder, Cells
from planner.pilot_design.expected_regret import Expected
from planner.pilot_design.information import FILE
from planner.pilot_design.inputs import read_ratios
from planner.quantities import (
    format_count,
    format_dollars,
    format_factor,
    format_flops,
    format_hours,
    format_percent,
    format_price,
    format_whole,
    plain,
    rounded_up,
)
from planner.scaling_laws.provenance import PARAM_COUNTS


def saved_by(before: Expected, after: Expected, target: float) -> float:
    """Return what further runs are expected to save at the target [FLOP]."""
    return target * max(before.regret_mean - after.regret_mean, 0.0)


def worth(before: Expected, own: Expected, smaller: Sequence[Design], target: float, rate: float | None) -> list[Note]:
    """Say whether the next runs are worth what they cost, and if not, whether fewer FLOP would be."""

    def written(flops: float) -> str:
        return format_flops(flops) + (f" ({format_dollars(flops * rate)})" if rate else "")

    def net(design: Expected) -> float:
        return saved_by(before, design, target) - design.flops

    saves = saved_by(before, own, target)
    text = (
        f"these runs cost {written(own.flops)} and are expected to save {written(saves)} at the target (regrets capped at 100 %)"
    )
    if not np.isfinite(own.regret_90):
        text = "the runs given do not tell N from D, and these with them do not either: more runs (--runs), or wider --ratios"
        return [Note("open", "warning", text)]
    if net(own) >= 0:
        return [Note("worth", "info", f"{text}: worth it")]
    advice = "plan the target with what there is"
    best = first_lowest(smaller, lambda each: -net(each.expected)) if smaller else None
    if best and net(best.expected) > 0:
        saves = saved_by(before, best.expected, target)
        advice = f"a budget of {written(rounded_up(best.budget))} would be, and is expected to save {written(saves)}"
    return [Note("stop", "warning", f"{text}: not worth it; {advice}")]


def design_notes(
    budget: float,
    target: float,
    runs: Cells,
    compared: tuple[Expected, Expected, Expected],
    bounds: Bounds,
    trunks: str | None = None,
    largest: float = 0.0,
) -> list[Note]:
    """Say what a design assumes, leaves over, and is short of.

    ``compared`` are it, a grid and a ray; ``trunks`` is what they do; ``largest`` the compute of the dearest finished run.
    """
    alike = "independent for all runs" if trunks is None else "correlated as the table says within a trunk (nobody measured that)"
    text = (
        f"expected regrets assume that some generalised law is true, noise that is equal and {alike}, and a "
        "prior of about 20 tokens per parameter; one-sided misfit on overtrained runs takes half of the gain away"
    )
    return [
        _ratio_note(bounds.ratios),
        Note("assumptions", "info", text),
        *([] if trunks is None else [Note("trunks", "info", trunks)]),
        *_dear(budget, target, bounds.k, largest),
        *_unspent(budget, compared[0].flops, bounds),
        *_sizes(float(runs.params.min()), bounds.builder),
        *_beside(*compared),
    ]


def _dear(budget: float, target: float, k: float, largest: float) -> Iterator[Note]:
    """Say what two dear runs near the optimum are worth where the target is far: a bend beyond cheap runs is not seen by them.

    Not where there are runs as dear already.
    """
    s = settings(FILE, "dear")
    if target < s["far"] * budget or largest >= min(s["shares"]) * budget:
        return
    first, second = (format_flops(float(share) * budget) for share in s["shares"])
    params = [format_count(float(np.sqrt(share * budget / k / s["ratio"]))) for share in s["shares"]]
    bent, straight = s["bent"], s["straight"]
    text = (
        f"the target is {format_factor(target / budget)} the pilots: an exponent that changes beyond cheap runs would not show. "
        f"Two dear runs near the optimum, {params[0]} at {first} and {params[1]} at {second} with {plain(s['ratio'])} tokens per "
        f"parameter, and the design on the rest of the budget, guard against that. In a simulation ({s['simulated']}) they cut "
        f"the regret that 90 % stay below under such a bend from {bent[0]} to {bent[1]} %, and raise it where there is none from "
        f"{straight[0]} to {straight[1]} %"
    )
    yield Note("dear-runs", "info", text)


def _ratio_note(ratios: tuple[float, float]) -> Note:
    """Say what free ratios of tokens to parameters ask of a recipe, or what held ones cost."""
    lowest, highest = read_ratios(None)
    if ratios[0] <= lowest or ratios[1] >= highest:
        text = (
            "starved and overtrained runs tell most, if the recipe (learning rate, warm-up, batch) is as good there as "
            "elsewhere: tune it there; holding the ratios instead (--ratios 3..120) tells less and did not help in any shape of "
            "misfit that was tried"
        )
        return Note("recipe", "info", text)
    s = settings(FILE, "simulation")
    text = (
        "held ratios tell less, and do not make up for a recipe that is worse on overtrained runs: in fits to tables with "
        f"{format_percent(s['overtrained'])} higher losses beyond {plain(s['overtrained_from'])} tokens per parameter they "
        "did worse than free ones (--simulate shows what misfit does)"
    )
    return Note("held", "info", text)


def _unspent(budget: float, spent: float, bounds: Bounds) -> Iterator[Note]:
    """Say that the search found no use for the rest of the budget."""
    if spent < 0.9 * budget:
        cheap = f"; max_params {format_count(bounds.sizes[1])} keeps them cheap" if bounds.sizes[1] else ""
        text = (
            f"these runs cost {format_flops(spent)} of {format_flops(budget)}: the search found none for the rest that plan the "
            f"target better; keep it, or pay for more runs (--runs){cheap}"
        )
        yield Note("unspent", "info", text)


def _sizes(smallest: float, builder: Builder | None) -> Iterator[Note]:
    """Say how the models are built, or that the smallest cannot be."""
    if builder:
        batch = f"batches by {builder.recipe.id}" if builder.batch is None else f"batches of {format_whole(builder.batch)} tokens"
        text = (
            f"N counts {PARAM_COUNTS[builder.convention]}; one vocabulary of {format_whole(builder.vocab)} and a context of "
            f"{format_whole(builder.context)} for all; FLOP are exact, attention over the whole context too, which is much of a "
            "small model and little of the target: plan fit does not read the table's flops_exact, and takes C = 6ND; models "
            f"that are more than {format_percent(builder.most_tables)} tables are left out, a smaller --vocab leaves more to "
            f"choose from; {batch}"
        )
        yield Note("shapes", "info", text)
    elif smallest < 1e6:
        text = f"the smallest pilot has {format_count(smallest)} parameters; --min-params keeps to models that can be built"
        yield Note("tiny", "warning", text)


def _beside(own: Expected, grid: Expected, ray: Expected) -> Iterator[Note]:
    """Say where limits make a design worse than a grid on paper, and what a ray cannot tell."""
    if own.regret_90 > grid.regret_90:
        text = (
            f"within these limits the design is worse than the {grid.design} on paper, which keeps to none of them and costs the "
            "whole budget: wider limits, or with --shapes a smaller --vocab"
        )
        yield Note("limits", "warning", text)
    if not np.isfinite(ray.regret_90):
        hidden = f"condition number {plain(ray.condition, 2)}" if ray.condition < SINGULAR else "their information is singular"
        text = (
            f"runs of one ratio cannot tell N from D ({hidden}): whatever a ray costs, it does "
            "not say how to divide a larger budget"
        )
        yield Note("ray", "info", text)


def cost_notes(machine: Machine | None, flops: float) -> list[Note]:
    """Say what runs take on devices, and by which utilisation and price."""
    if machine is None:
        return []
    cost, names = machine.cost(flops), ", ".join(part.device.id for part in machine.parts)
    text = (
        f"on {names} at an MFU of {format_percent(machine.mfu.expected)} these runs take "
        f"{format_hours(cost.device_hours.expected)} device-hours"
    )
    if cost.dollars:
        each = cost.dollars.expected / cost.device_hours.expected
        text += f" for {format_dollars(cost.dollars.expected)}, at {format_price(each)} an hour"
    return [Note("cost", "info", text)]
