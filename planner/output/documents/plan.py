"""A plan as blocks to read."""

from collections.abc import Callable
from functools import partial

from planner.allocation.problem import problem_of
from planner.inputs.limits import limit_texts
from planner.notes import Note
from planner.output.documents.blocks import (
    Block,
    Facts,
    Table,
    Title,
    between,
    beyond_text,
    conventions,
    four_digits,
    loss_interval_rows,
    loss_text,
    note_blocks,
    or_dash,
    price_text,
    regime_text,
    repetition_rows,
)
from planner.output.documents.cost import budget_rows, cost_facts, spare_labels
from planner.output.documents.mixture import beside_table, experts_chosen, mixture_rows, params_text
from planner.output.documents.scores import plan_scores_blocks
from planner.planning.plan_details import UNSPENT
from planner.planning.plan_result import Alternative, Plan
from planner.quantities import (
    format_bytes,
    format_count,
    format_dollars,
    format_extra,
    format_factor,
    format_flops,
    format_overhead,
    format_percent,
    format_pf_days,
    format_signed_percent,
    plain,
    significant,
)


def plan_document(plan: Plan) -> list[Block]:
    rows = [
        *budget_rows(plan.funded, plan.machine),
        *_budget_rows(plan),
        ("parameters", format_count(plan.params), params_text(plan, "" if plan.optimum else _band_text(plan))),
        *_interval_row(plan, "params"),
        *mixture_rows(plan),
        ("tokens", format_count(plan.tokens), _tokens_text(plan)),
        *_interval_row(plan, "tokens"),
        ("loss", *loss_text(plan.loss, plan.irreducible_loss, plan.loss_unit)),
        *loss_interval_rows(plan.intervals),
        *_quantised_rows(plan),
        *_copy_rows(plan),
        *_serving_rows(plan),
        ("regime", *regime_text(plan, experts_chosen=experts_chosen(plan))),
        *_doubling_rows(plan),
        *_data_rows(plan),
        *_limit_rows(plan),
        *_spread_rows(plan),
    ]
    growth = "N ~ C^{}, D ~ C^{}".format(*map(significant, plan.exponents)) if plan.exponents else ""
    law = [("law", plan.law.id, growth), ("", "", plan.law.form.equation), ("", "", plan.law.reference)]
    return [
        Title(_title(plan)),
        Facts(rows, spare_labels(plan.funded)),
        *([cost_facts(plan.machine, plan.cost, served=plan.serving is not None)] if plan.machine and plan.cost else []),
        Facts([*law, ("conventions", "", conventions(plan.law))]),
        *(plan_scores_blocks(plan.scores) if plan.scores else []),
        *note_blocks(plan.notes, plan.law),
        *beside_table(plan),
        *([_served_sizes(plan)] if plan.served_sizes else []),
        *([_alternatives(plan)] if plan.others else []),
    ]


def _title(plan: Plan) -> str:
    """Return the question in one line."""
    budget = f"{format_flops(plan.flops)} ({format_pf_days(plan.flops)})"
    target = plan.inputs.get("loss")
    limits = " and ".join(limit_texts(plan.limits))
    whole = plan.limits.params is not None and plan.limits.tokens is not None
    if target is not None:
        kind = f"Cheapest plan for loss {plain(target, 6)}{f' with {limits}' if limits else ''}"
    elif whole:
        kind = f"What {format_count(plan.params)} parameters on {format_count(plan.tokens)} tokens take"
    elif limits:
        kind = f"Plan with {limits}"
    else:
        kind = "Plan by your exponents" if plan.optimum else "Compute-optimal plan"
    if plan.data and not whole:
        kind += f"{', ' if limits else ' with '}{format_count(plan.data.unique_tokens)} unique tokens"
    served = ""
    if plan.serving:
        how = "then serving" if plan.serving.after else "training and serving"
        served = f", {how} {format_count(plan.serving.tokens)} tokens"
    return f"{kind}{served}: {budget}" if target is not None or whole else f"{kind} for {budget}{served}"


def _budget_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Return the budget that a loss needs, and how sure it is."""
    if plan.inputs.get("loss") is None:
        return []
    sure = plan.intervals
    text = "the least that reaches the loss"
    if sure and sure.flops:
        low, high = sure.flops
        ends = f"from {format_flops(low)} on: no budget is sure to reach it"
        text = f"{format_percent(sure.level)} interval {ends if high is None else between((low, high), format_flops)}"
    return [("budget", format_flops(plan.flops), text)]


def _doubling_rows(plan: Plan) -> list[tuple[str, str, str]]:
    if plan.doubling is None:
        return []
    kept = " within the limits" if plan.optimum and not plan.limits.free else ""
    gain = f"of loss{kept}, {format_percent(plan.doubling.share_of_reducible)} of what is reducible"
    return [("next doubling", _signed(-plan.doubling.loss_gain), gain)]


def _tokens_text(plan: Plan) -> str:
    per = f"{significant(plan.tokens_per_param)} per {'parameter' if plan.law.form.total is None else 'active parameter'}"
    if plan.mixture and plan.law.form.total is None:
        per += f", {significant(plan.mixture.tokens_per_active_param)} per active one"
    if plan.data is None:
        return per
    epochs = plan.data.epochs
    return f"{per}, {significant(epochs)} epochs" if epochs > 1 else f"{per}, {format_percent(epochs)} of the unique ones"


def _copy_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what a served copy takes of the devices that hold it."""
    found = plan.served_copy
    if found is None:
        return []
    cache = f" and {format_bytes(found.cache_bytes)} of cache" if found.cache_bytes else ""
    text = f"of weights at {plain(found.bits)} bits{cache}, in {format_bytes(found.bytes)} of {found.devices}"
    return [("served copy", format_bytes(found.weight_bytes), text)]


def _quantised_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Return the loss once the weights are rounded, what that is worth, and the run that is best served so."""
    found = plan.quantised
    if found is None:
        return []
    worth = "" if found.worth is None else f", as if {format_percent(found.worth)} of the budget were lost"
    rows = [(f"at {plain(found.bits)} bits", four_digits(found.loss), f"{_signed(found.added)} by {found.law}{worth}")]
    if found.best_params is not None and found.best_tokens is not None and found.best_loss is not None:
        run = f"{format_count(found.best_params)} on {format_count(found.best_tokens)} tokens"
        rows.append(("", "", f"best served so: {run}, {four_digits(found.best_loss)}"))
    return rows


def _data_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what repetition costs, and what more data would be worth beside more compute."""
    data = plan.data
    rows = repetition_rows(data)
    if data and plan.doubling and rows:
        more = data.doubling_gain > plan.doubling.loss_gain
        better = "more data beats more compute" if more else "more compute beats more data"
        wanted = format_count(data.tokens_wanted)
        text = f"of loss at this budget: {better}; were all tokens fresh, the best plan would use {wanted}"
        rows.append(("twice the data", _signed(-data.doubling_gain), text))
    return rows


def _serving_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Return the two parts of what is spent, and what counting the second saves."""
    found = plan.serving
    if found is None:
        return []
    price = price_text(found.price)
    alone = f"{format_count(found.trained_alone_params)} on {format_count(found.trained_alone_tokens)} tokens"
    money = f"; {format_dollars(found.dollars.expected)}" if found.dollars else ""
    if found.after:
        return [("serving", format_flops(found.serving_flops), f"over its life, after training{price}{money}")]
    verb = "saves" if found.saved >= 0 else "costs"
    return [
        ("training", format_flops(found.training_flops), f"{format_percent(found.training_share)} of what is spent"),
        ("serving", format_flops(found.serving_flops), f"{format_percent(found.share)} of what is spent{price}{money}"),
        ("", "", f"{verb} {format_percent(abs(found.saved))} over the run of the same loss that is cheapest to train: {alone}"),
    ]


def _served_sizes(plan: Plan) -> Table:
    """Return smaller sizes on the same devices and days, and which of them pays."""
    rows = []
    for each in plan.served_sizes:
        run = [format_count(each.params), format_count(each.tokens), four_digits(each.loss)]
        worth = [format_flops(each.worth), format_flops(each.serving_flops)]
        net = [_net(each.net, format_flops) if abs(each.net) >= 1 else "0 FLOP"]
        net += [] if each.net_dollars is None else [_net(each.net_dollars, format_dollars)]
        net = ["-"] * len(net) if each.ratio == 1 else net
        rows.append([format_factor(each.ratio) + " [1]" * each.best, *run, *worth, *net])
    headers = ["size", "parameters", "tokens", "loss", "worth in training", "serving", "saved less lost"]
    headers += ["in dollars"] if plan.served_sizes[0].net_dollars is not None else []
    measure = (
        "the serving saved on the training-optimal size, less what the worse loss is worth (the budget minus the least training "
        "compute that reaches that loss)"
    )
    foot = [f"where {measure}, is largest"]
    if not any(each.best for each in plan.served_sizes):
        foot = [
            f"no size is best by {measure}: a worse loss is never worth more than the budget, and this demand costs more; say "
            "which loss will do, --loss, or which size, --params"
        ]
    if any(note.code == "mfu-forecast" for note in plan.notes):
        foot.append("all at the utilisation of the training-optimal size: a smaller model may be slower, --params says")
    if plan.quantised:
        bits = plain(plan.quantised.bits)
        foot.append(f"losses and worth of unrounded weights; rounded to {bits} bits, fewer parameters on more tokens lose more")
    return Table("The same devices and days on smaller models", "r" * len(headers), headers, rows, foot)


def _net(amount: float, write: Callable[[float], str]) -> str:
    return f"{'+' if amount >= 0 else '-'}{write(abs(amount))}"


def _limit_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what the user's limits cost, and the best run without them."""
    best = plan.optimum
    if best is None:
        return []
    rows = []
    if plan.spent_share < 1 - UNSPENT:
        rows.append(("spends", format_flops(plan.spent), f"only {format_percent(plan.spent_share)} of the budget"))
    if plan.overhead is not None and not plan.limits.free:
        rows.append(("price of limits", format_overhead(plan.overhead), "than the cheapest run of the same loss without them"))
    loss = "" if best.loss is None else f", loss {four_digits(best.loss)}"
    budget = f" for {format_flops(best.flops)}" if plan.inputs.get("loss") is not None else ""
    dearer = plan.problem.spending.k / problem_of(plan.law).spending.k - 1
    shape = f", a token as dear as the shape's ({format_signed_percent(dearer)})" if abs(dearer) > 0.005 else ""
    rows.append(("optimum here", format_count(best.params), f"on {format_count(best.tokens)} tokens{loss}{budget}{shape}"))
    if best.params_band:
        rows.append(("", "", _band_text(best)))
    return rows


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else ''}{significant(change)}"


def _spread_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what other studies, and other laws, make of the budget."""
    rows, found = [], plan.other_studies
    if found:
        text = f"parameters: where {format_percent(found.level)} of studies on other data, with another recipe, put the optimum"
        rows.append(("other studies", between(found.params, _two_digits, " - "), f"{text} (by {len(found.studies)})"))
    if plan.params_spread:
        text = f"{'dense ' if plan.mixture else ''}parameters, for the same budget"
        rows.append(("other laws", between(plan.params_spread, format_count, " - "), text))
    return rows


_two_digits = partial(format_count, digits=2)


_POINT = 1e-6
"""An interval narrower than this, as a fraction, is a limit that holds in every draw."""


def _interval_row(plan: Plan, name: str) -> list[tuple[str, str, str]]:
    sure = plan.intervals
    ends = getattr(sure, name) if sure else None
    if sure is None or ends is None or ends[1] <= ends[0] * (1 + _POINT):
        return []
    text = f"{format_percent(sure.level)} interval {between(ends, _two_digits)}"
    if name == "tokens" and sure.tokens_per_param:
        text += f", {between(sure.tokens_per_param, partial(significant, digits=2))} per parameter"
    return [("", "", text)]


def _alternatives(plan: Plan) -> Table:
    judge = plan.law.surface_law
    judged = judge is not None and any(other.regime is not None for other in plan.others)
    footnotes: list[str] = []
    rows = []
    for other in plan.others:
        texts = [_footnote(note) for note in other.notes if note.code not in _IN_THE_TABLE]
        footnotes += [text for text in texts if text not in footnotes]
        mark = f" [{','.join(str(footnotes.index(text) + 1) for text in texts)}]" if texts else ""
        run = [format_count(other.params), format_count(other.tokens), significant(other.tokens_per_param)]
        run += [or_dash(other.loss, four_digits), beyond_text(other.extrapolation)]
        judgement = _seen(other) if judged else [format_factor(other.params_ratio)]
        rows.append([other.law.id + mark, significant(other.exponents[0], 2), *run, *judgement])
    headers = ["law", "N ~ C^", "parameters", "tokens", "tok/param", "loss", "outside its data"]
    if judge is None or not judged:
        if plan.mixture:
            footnotes.append(f"against {plan.law.id}: parameters at work on a token, over those of its optimum without limits")
        return Table("The same budget under other laws", "lrrrrrrr", [*headers, f"N against {plan.law.id}"], rows, footnotes)
    footnotes.append(f"regime, extra compute (or how many times as much): what {judge.id} makes of that size on its tokens")
    return Table("The same budget under other laws", "lrrrrrrlr", [*headers, "regime", "extra compute"], rows, footnotes)


_IN_THE_TABLE = {"extrapolation", "range-unknown"}
"""Codes of notes that a column of the table says already."""


def _footnote(note: Note) -> str:
    # not "WARNING": that word is for the answer's own law, which alone decides under --strict
    return f"caution: {note.text}" if note.severity == "warning" else note.text


def _seen(other: Alternative) -> list[str]:
    if other.regime is None or other.overhead is None:
        return ["-", f"{format_factor(other.params_ratio)} N"]
    return [other.regime, format_extra(other.overhead)]


def _band_text(plan: Plan) -> str:
    if plan.params_band is None:
        return ""
    return f"{between(plan.params_band, format_count)} cost at most {format_percent(plan.band_tolerance)} more compute"
