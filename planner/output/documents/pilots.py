"""Pilot runs as blocks to read, as rows, and as a table to be filled in."""

from math import isfinite

from planner._util.stable_choice import SINGULAR
from planner.output.csv_json_machines import Row, fields
from planner.output.documents.blocks import Block, Table, Title, note_blocks
from planner.pilot_design.expected_regret import Expected
from planner.pilot_design.pilots_result import PilotRun, Pilots
from planner.pilot_design.simulation import assumed_correlation, misfits
from planner.quantities import format_count, format_flops, format_percent, format_signed_percent, format_whole, plain, significant


def pilots_document(found: Pilots) -> list[Block]:
    spent = f"{format_flops(found.spent)} of {format_flops(found.budget)}, noise {format_percent(found.noise)}"
    what = f"pilot runs from {len(found.trunks)} trunks" if found.trunks else "pilot runs"
    headers = ["run", *(["trunk"] if found.trunks else []), "parameters", "tokens", "tok/param", "compute", "share"]
    runs = [_run(number, run) for number, run in enumerate(found.runs, 1)]
    heads = ["runs", "how many", "regret, median", "90 % below", "mean", "error of ln N", "error of the loss", "condition"]
    expected = [_expected(each) for each in found.expected]
    note = (
        "regret: extra compute at the target through the error in N*, in the mean capped at 100 %; errors are root mean squares; "
    )
    note += "grid, ray and L cost the whole budget, on paper: C = 6ND, models of any size"
    if found.trunks:
        note += "; of trunks: the correlation of the errors of models from one trunk, which a fit takes as independent"
    note += "" if found.saved is None else "; the last ones each beside the runs given"
    return [
        Title(f"{len(found.runs)} {what} for {format_flops(found.target)}: {spent}"),
        *_trunks(found),
        Table("Runs", "r" * len(headers) + "l", [*headers, "what it is for"], runs, [_SHARES] if found.trunks else []),
        *_models(found),
        Table("How good the plan for the target would be", "lrrrrrrr", heads, expected, [note]),
        *_simulation(found),
        *note_blocks(found.notes),
    ]


def pilots_rows(found: Pilots) -> list[Row]:
    """Return a row for each run, ready for its loss: whole parameters and tokens, in the columns of the runs given."""
    called = {name: name for name in ("run", "params", "tokens", "flops", "loss")} | dict(found.columns)
    return [
        {
            # one name a trunk: intervals of a fit know that its models share their luck
            called["run"]: f"pilot-{number}" if run.trunk is None else f"trunk-{run.trunk}",
            called["params"]: round(run.params),
            called["tokens"]: round(run.tokens),
            # a fit's C = k N D is the target's, not a small model's
            called["flops"] if run.model is None else "flops_exact": run.flops,
            called["loss"]: None,
            **({called.get("group", "group"): found.group} if found.group else {}),
            **fields(run, "tokens_per_param", "share", "purpose"),
            **({} if run.cools_from is None else {"cools_from": round(run.cools_from)}),
            **_model(run),
        }
        for number, run in enumerate(found.runs, 1)
    ]


def _model(run: PilotRun) -> Row:
    """Return what to train, nothing for numbers on paper."""
    if run.model is None:
        return {}
    shape = run.model.shape
    sizes = fields(shape, "layers", "width", "heads", "kv_heads", "head_size", "ffn")
    sizes |= {"tied": "yes" if shape.tied else "no", **fields(shape, "vocab", "context")}
    return sizes | fields(run.model, "batch", "steps")


def _models(found: Pilots) -> list[Block]:
    """Return the shapes to train, nothing for numbers on paper."""
    if found.runs[0].model is None:
        return []
    rows = []
    for number, run in enumerate(found.runs, 1):
        model = {name: value for name, value in _model(run).items() if name not in {"vocab", "context"}}
        sizes = [value if isinstance(value, str) else format_whole(value) for value in model.values()]
        rows.append([str(number), *sizes, format_signed_percent(run.beyond_rule)])
    short = {"kv_heads": "kv", "head_size": "head"}
    heads = ["run", *(short.get(name, name) for name in model), "exact against 6ND"]
    note = "feed-forward gated (SwiGLU); tied: head and embeddings are one table; RMS norms, no biases; batch in tokens"
    return [Table("What to train", "r" * len(heads), heads, rows, [note])]


_SHARES = "compute: what a model of this size and length costs alone; share: what it adds to the bill, the longest its trunk"


def _trunks(found: Pilots) -> list[Block]:
    """Return the runs at a constant rate, and where cooldowns leave them; nothing without trunks."""
    if not found.trunks:
        return []
    heads = ["trunk", "parameters", "constant rate for", "cooldowns begin at", "compute", "share"]
    rows = []
    for number, each in enumerate(found.trunks, 1):
        starts = ", ".join(map(format_count, reversed(each.starts)))
        compute = [format_flops(each.flops), format_percent(each.flops / found.budget)]
        rows.append([str(number), format_count(each.params), format_count(each.starts[0]), starts, *compute])
    return [Table("Trunks", "rrrlrr", heads, rows, ["in tokens; compute: of the trunk and all of its cooldowns"])]


def _run(number: int, run: PilotRun) -> list[str]:
    numbers = [str(number)] if run.trunk is None else [str(number), str(run.trunk)]
    sizes = [format_count(run.params), format_count(run.tokens), significant(run.tokens_per_param)]
    return [*numbers, *sizes, format_flops(run.flops), format_percent(run.share), run.purpose]


def _expected(each: Expected) -> list[str]:
    regrets = [_share(regret) for regret in (each.regret_median, each.regret_90, each.regret_mean)]
    condition = plain(each.condition, 2) if each.condition < SINGULAR else "singular"
    errors = [significant(each.size_error), format_percent(each.loss_error)]
    return [each.design, str(each.runs), *regrets, *errors, condition]


def _simulation(found: Pilots) -> list[Block]:
    if not found.simulation:
        return []
    heads = ["runs", "true laws", "misfit", "tables", "regret, median", "90 % below", "error of the loss"]
    rows = []
    for each in found.simulation:
        results = [_share(each.regret_median), _share(each.regret_90), format_percent(each.loss_error)]
        rows.append([each.design, each.truths, each.misfit, str(each.tables), *results])
    overtrained, small, bend_at, bend = misfits()
    note = (
        f"fits of the generalised law under weak priors; misfit: {format_percent(overtrained)} on overtrained runs, or "
        f"{format_percent(small)} on small ones, or an exponent of D that is {plain(bend)} times as large beyond "
        f"{format_count(bend_at)} tokens"
    )
    if found.trunks:
        note += f"; errors of models from one trunk are correlated by {plain(assumed_correlation())}"
    return [Table("In simulation", "lllrrrr", heads, rows, [note])]


def _share(value: float) -> str:
    return format_percent(value) if isfinite(value) and value < 100 else "unbounded"
