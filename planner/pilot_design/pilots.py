"""A pilot budget and a target in, the runs to train out, and how good the plan for the target would then be."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Unpack

import numpy as np

from planner._util.files import settings
from planner._util.frozen_dict import FrozenDict
from planner._util.parallel import Progress, Workers
from planner.accelerators.fleet import Machine
from planner.errors import CannotPlanError, OptionError
from planner.fitting.fit import RunsLike
from planner.fitting.generalised_law import Array
from planner.inputs.input_row import Number
from planner.inputs.question import Question
from planner.inputs.registry import PilotInputs, PilotsAsked, asks, rows, stated
from planner.inputs.table_inputs import FitInputs, Reading
from planner.notes import Note
from planner.pilot_design.budget_ladder import designed
from planner.pilot_design.candidate_runs import Bounds, Cells, Grid, read_builder
from planner.pilot_design.expected_regret import Expected, expectation, usual, usual_runs
from planner.pilot_design.finished_runs import Given, read_given
from planner.pilot_design.information import (
    CONSTANTS,
    FILE,
    DesignAim,
    Laws,
    drawn_laws,
    laws_after,
    optimum,
)
from planner.pilot_design.inputs import (
    check_shapes,
    check_simulation,
    read_budget,
    read_cooldown,
    read_noise,
    read_ratios,
    read_sizes,
)
from planner.pilot_design.notes import cost_notes, design_notes, saved_by, worth
from planner.pilot_design.pilots_result import Pilots, cooled_runs, planned_runs
from planner.pilot_design.simulation import Simulated, simulated
from planner.pilot_design.trunks import Trunk, beside_text, design_trunks, trunk_expectation, trunk_runs, trunk_text
from planner.quantities import (
    format_flops,
    parse_flops,
    plain,
    rounded_up,
    whole_number,
)

_SMALLEST = 1000.0
"""Parameters below which nothing trained is a language model: a house convention."""


@asks(PilotsAsked)
def pilots(
    *,
    target: Number,
    budget: Number | None = None,
    runs: int | None = None,
    ratios: str | tuple[Number, Number] | None = None,
    min_params: Number | None = None,
    max_params: Number | None = None,
    noise: Number | None = None,
    shapes: bool = False,
    vocab: Number | None = None,
    context: Number | None = None,
    batch: Number | None = None,
    given: RunsLike | None = None,
    group: str | None = None,
    trunk: bool = False,
    cooldown: Number | None = None,
    simulate: bool = False,
    tables: int | None = None,
    workers: Workers = 1,
    progress: Progress | None = None,
    seed: int = 0,
    **asked: Unpack[PilotsAsked],
) -> Pilots:
    """Choose the runs whose losses tell most about the best size for a target budget.

    Parameters
    ----------
    target : float or str
        The budget of the run that they are for [FLOP].
    budget : float or str
        What all pilots together may cost [FLOP], or a text such as ``"3 PF-days"``; or in other units, as of
        :func:`planner.plan`: ``gpus`` for ``days``, ``gpu_hours``, ``dollars``, ``energy`` or ``co2`` of a ``gpu``, ``pf_days``.
    runs : int, optional
        How many pilots (24).
    ratios : str or pair, optional
        Tokens per parameter that a pilot may have, ``"3..120"`` where the recipe is not trusted at the ends; by default 1 to
        400.
    min_params, max_params : float or str, optional
        Sizes that a pilot may have.
    noise : float or str, optional
        Standard deviation of ln loss between runs trained alike (``"0.5%"``).
    shapes : bool
        Choose among models that exist: the shapes nearest to each ratio, whole batches of tokens, exact FLOP.
    vocab, context, batch : optional
        Of those models: one vocabulary for all (by default the best for the target's size, by tao2024), tokens of context (4096),
        and tokens of a step (by default what deepseek2024 says for each run), rounded to whole sequences.
    given : path, data frame or Runs, optional
        Runs that are done: then the next ones are chosen beside them, 8 unless said otherwise, under laws that they leave
        possible; and whether those are worth their cost.
    group : str, optional
        Of that table, as of :func:`planner.fit`.
    trunk : bool
        Train one run a size at a constant learning rate, and cool models of several lengths down from it, at most ``runs``.
    cooldown : float or str, optional
        Share of a model's tokens over which it cools down from its trunk (``"20%"``).
    simulate : bool
        Also fit simulated tables of the design and of the grid, under published and drawn laws, with noise and misfit.
    tables : int, optional
        Tables for each law and misfit (20).
    workers, progress : optional
        Of the simulation, as of :func:`planner.fit`.
    seed : int
        Of the laws drawn, of the starts and of the simulated noise.
    {inputs}

    Returns
    -------
    Pilots

    Raises
    ------
    PlannerError
        A budget that buys no informative set of runs (the message says the smallest that does), a target below the pilots, limits
        that leave too few runs to choose from.

    Notes
    -----
    48 laws are drawn from a prior around published ones. For each, a run's information about the constants of the generalised
    law follows from the gradient of ln L; the design minimises the mean of ln Var(ln N*) + 0.5 ln Var(ln L*) at the target, by
    exchanging one run at a time among cells of cost and ratio. Expected regrets turn Var(ln N*) into extra compute under each
    law. They hold for a recipe that is as good at every ratio: overtrained runs that are tuned badly take half of the gain.

    Designs are searched at budgets on a fixed ladder, each from the one below, and a dearer one is taken only where no regret
    rises: more budget never raises an expected regret, and a design may cost less than its budget. The cheapest run costs a
    two-thousandth of the budget, and of budgets above 1e20 FLOP, or above a thousandth of the target, a two-thousandth of that.
    Trunks are exchanged among the same runs, at one budget: a larger one is not bound to lower their expected regret.

    Examples
    --------
    >>> import planner
    >>> found = planner.pilots(budget=1e20, target=1e23)
    >>> len(found.runs), found.spent <= 1e20, found.expected[0].regret_90 < 0.5 * found.expected[1].regret_90
    (24, True, True)
    """
    said = stated(asked, PilotsAsked, "pilots")
    of_table = {name: value for name, value in said.items() if name in rows(FitInputs)}
    question = Question.of(PilotInputs, "pilots", {name: value for name, value in said.items() if name not in of_table})
    check_simulation(simulate, tables, workers, given)
    _refuse_foreign(given, group, of_table)
    cools = read_cooldown(trunk, cooldown, shapes=shapes, given=given)
    check_shapes(shapes, vocab=vocab, context=context, batch=batch)
    money, machine = read_budget(budget, question)
    target_flops = _far(parse_flops(target, "`target`"), money)
    reading = Reading.of(of_table, "pilots", FitInputs)
    known = None if given is None else read_given(given, group, reading, target_flops, guess=noise is None)
    usual_count = settings(FILE, "candidates")["runs" if known is None else "next"]
    count = whole_number(usual_count if runs is None else runs, "`runs`", CONSTANTS if known is None else 1, 100)
    spread = known.noise if known and known.noise is not None else read_noise(noise)
    seed = whole_number(seed, "`seed`", 0, 2**32 - 1)
    k = known.runs.per_token if known else float(settings("fitting.toml", "conventions")["flops_per_param_token"])
    laws = _laws(known, target_flops, spread, k, seed)
    builder = None
    if shapes:
        largest = float(np.exp(np.median(optimum(laws, target_flops)[0]) + laws.x0))
        builder = read_builder(vocab, context, batch, known.convention if known else "total", largest)
    bounds = Bounds(k, read_ratios(ratios), read_sizes(min_params, max_params), builder)
    aim = DesignAim.of(laws, target_flops, spread)
    if cools is None:
        found = _compared(aim, target_flops, money, bounds, count, seed, known, machine)
    else:
        found = _from_trunks(aim, target_flops, money, bounds, count, seed, machine, cools)
    simulation: tuple[Simulated, ...] = ()
    if simulate:
        many = whole_number(settings(FILE, "simulation")["tables"] if tables is None else tables, "`tables`", 1, 10_000)
        designs = _simulated_designs(found, money, k)
        simulation = simulated(designs, laws, target_flops, spread, draws=many, seed=seed, workers=workers, progress=progress)
    inputs = _inputs(question, bounds, machine, known, budget=money, target=target_flops, runs=count, noise=spread, seed=seed)
    inputs |= {**({} if cools is None else {"trunk": True, "cooldown": cools}), **reading.stated()}
    told = (found.expected, found.saved, found.rate, simulation, bounds.ratios, found.notes, FrozenDict(inputs))
    columns, name = (known.columns, known.group) if known else (FrozenDict(), "")
    planned = planned_runs(laws, found.chosen, money)
    if found.trunks:
        planned = cooled_runs(planned, found.trunks, money)
    return Pilots(money, target_flops, spread, planned, *told, columns, name, found.trunks)


def _refuse_foreign(given: object, group: object, of_table: Mapping[str, object]) -> None:
    """Refuse what says something of a table where none is given."""
    if given is None and (group is not None or of_table):
        foreign = "group" if group is not None else next(iter(of_table))
        raise OptionError(f"`{foreign}` goes with `given`: which runs of a table are meant, and how it is read")


def _far(target: float, money: float) -> float:
    """Return the target [FLOP], or refuse one that pilots of so much are not for."""
    if target < 2 * money:
        raise OptionError(
            f"`target` {format_flops(target)} is less than twice the pilots' {format_flops(money)}: pilots are for a much larger "
            "run; with that much to spend, train it"
        )
    return target


def _simulated_designs(found: "_Found", money: float, k: float) -> dict[str, tuple[Array, ...]]:
    """Return N and D of the design, and of an isoFLOP grid and an L that cost as much; of trunks, which each model is of."""
    chosen, rivals = found.chosen, {name: runs for name, runs in usual_runs(money, k).items() if not name.startswith("ray")}
    if not found.trunks:
        return {"these runs": (chosen.params, chosen.tokens), **rivals}
    own = (chosen.params, chosen.tokens, np.array([at for at, each in enumerate(found.trunks) for _ in each.lengths], float))
    alone = {} if found.alone is None else {"independent runs": (found.alone.params, found.alone.tokens)}
    return {"these trunks": own, **alone, **rivals}


def _laws(known: Given | None, target: float, noise: float, k: float, seed: int) -> Laws:
    """Draw the laws that the truth may be: those that the runs given leave, or those of the design prior."""
    drawn, rng = int(settings(FILE, "laws")["draws"]), np.random.default_rng(seed)
    return laws_after(known.runs, noise, drawn, rng) if known and known.told else drawn_laws(drawn, target, k, rng)


class _Found(NamedTuple):
    """The design, what it leads to beside others, what it saves, and what to say of it."""

    chosen: Cells
    expected: tuple[Expected, ...]
    saved: float | None
    rate: float | None
    notes: tuple[Note, ...]
    trunks: tuple[Trunk, ...] = ()
    alone: Cells | None = None


def _from_trunks(
    aim: DesignAim, target: float, money: float, bounds: Bounds, count: int, seed: int, machine: Machine | None, cooldown: float
) -> _Found:
    """Return the trunks of a budget at some correlations of their models' errors, beside independent runs and the usual ones."""
    grid = Grid(target, bounds)
    design = design_trunks(aim, grid, money, count, cooldown)
    params, tokens = trunk_runs(design)
    chosen = Cells(bounds.k * params * tokens, params, tokens, (None,) * len(params), ((0.0, 0),) * len(params))
    _check_models(chosen, money)
    s = settings(FILE, "trunks")
    shown = sorted({float(s["assumed"]), *s["correlations"]}, key=lambda each: (each != s["assumed"], each))
    own, *others = (trunk_expectation(f"these trunks, {plain(each)}", aim, target, design, each) for each in shown)
    expected, alone = [own, *others], None
    try:
        alone = designed(aim, grid, own.flops, len(params), seed, None, "independent runs")[-1]
        expected.append(alone.expected)
        beside = beside_text(own, alone.expected)
    except CannotPlanError as fault:
        beside = f"independent runs within these limits: {fault}"
    grid_row, ray_row, l_row = usual(aim, target, money, bounds.k, None)
    notes = design_notes(money, target, chosen, (own, grid_row, ray_row), bounds, trunk_text(design))
    told = (*notes, Note("independent", "info", beside), *cost_notes(machine, own.flops))
    cells = alone.cells if alone else None
    return _Found(chosen, (*expected, grid_row, ray_row, l_row), None, _rate(machine), told, design, cells)


def _rate(machine: Machine | None) -> float | None:
    """Return dollars a FLOP, where a device with a price was named."""
    dollars = machine.cost(1.0).dollars if machine else None
    return dollars.expected if dollars else None


def _compared(
    aim: DesignAim,
    target: float,
    money: float,
    bounds: Bounds,
    count: int,
    seed: int,
    known: Given | None,
    machine: Machine | None,
) -> _Found:
    """Return the design of a budget, beside a grid, a ray and an L, the runs given, and the design of all ratios."""
    done, cheapest = (known.runs, known.cheapest) if known else (None, None)
    rate = _rate(machine)
    name = "these runs" if done is None else "with these runs"
    *smaller, (chosen, own, _) = designed(aim, Grid(target, bounds, cheapest), money, count, seed, done, name)
    _check_models(chosen, money)
    grid_row, ray_row, l_row = usual(aim, target, money, bounds.k, done)
    expected = [own, grid_row, ray_row, l_row]
    saved, verdict = None, list[Note]()
    if done is not None:
        before = expectation("runs given", aim, target, np.zeros(0), np.zeros(0), np.zeros(0), done)
        before = before._replace(runs=len(done), flops=float(done.flops.sum()))
        expected.insert(0, before)
        saved = saved_by(before, own, target)
        verdict = worth(before, own, smaller, target, rate)
    whole = read_ratios(None)
    if bounds.ratios != whole:
        free = Grid(target, bounds._replace(ratios=whole), cheapest)
        text = f"ratios {plain(whole[0])} to {plain(whole[1])}"
        expected.append(designed(aim, free, money, count, seed, done, text)[-1].expected)
    largest = float(known.runs.flops.max()) if known else 0.0
    notes = (
        *design_notes(money, target, chosen, (own, grid_row, ray_row), bounds, largest=largest),
        *(known.notes if known else ()),
        *cost_notes(machine, own.flops),
        *verdict,
    )
    return _Found(chosen, tuple(expected), saved, rate, notes)


def _inputs(
    question: Question, bounds: Bounds, machine: Machine | None, known: Given | None, *, seed: int, **asked: float
) -> dict[str, Any]:
    """Return what was asked of pilots, in base units."""
    (low, high), builder = bounds.sizes, bounds.builder
    return {
        **asked,
        "ratios": list(bounds.ratios),
        "min_params": low,
        "max_params": high,
        "given": None if known is None else len(known.runs),
        "shapes": builder is not None,
        **({"vocab": builder.vocab, "context": builder.context, "batch": builder.batch} if builder else {}),
        **question.stated(),
        **({"gpu": [part.device.id for part in machine.parts], "mfu": machine.mfu.expected} if machine else {}),
        "seed": seed,
    }


def _check_models(chosen: Cells, budget: float) -> None:
    """Refuse a budget whose smallest runs are no models at all, with one that is enough."""
    smallest = float(chosen.params.min())
    if smallest < _SMALLEST:
        enough = rounded_up(budget * (_SMALLEST / smallest) ** 2)  # at one ratio N grows as the square root of cost
        raise CannotPlanError(
            f"budget {format_flops(budget)}: its smallest run would have {plain(smallest, 2)} parameters; a larger budget "
            f"({format_flops(enough)} is enough), or --min-params with fewer runs"
        )
