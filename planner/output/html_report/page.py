"""A plan in, one HTML page out: nothing in it is fetched, and every text in it is escaped."""

import json
from html import escape
from pathlib import Path

from planner._util.files import new_file, write_new
from planner.allocation.open_choices import choice_text
from planner.errors import CannotPlanError, OptionError
from planner.output.documents.blocks import WARNINGS, Block, Code, Facts, Items, Table, Title, answer_first
from planner.output.documents.plan import plan_document
from planner.output.html_report.content import functions_text, page_content, page_laws, spoken
from planner.planning.plan_result import Plan
from planner.quantities import format_count, format_flops, shown
from planner.scaling_laws.law import Law
from planner.scaling_laws.provenance import PARAM_COUNTS

_HERE = Path(__file__).resolve().parent


def write_report(plan: Plan, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a plan as one self-contained HTML page that goes on planning in a browser.

    Parameters
    ----------
    plan : Plan
        What :func:`planner.plan` answered; its budget, law, unique tokens and device are where the page begins.
    path : str or Path
        A file ending in .html.
    overwrite : bool
        Let it replace a file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    PlannerError
        Another ending, a file that exists, or a law that plans nothing.

    Examples
    --------
    >>> import planner
    >>> page = planner.write_report(planner.plan(flops=1e21), "plan.html")  # doctest: +SKIP
    """
    target = new_file(path, overwrite, ".html", "a report")
    write_new(target, report_page(plan), overwrite=overwrite)
    return target


def report_page(plan: Plan) -> str:
    """Return the page as text."""
    if not isinstance(plan, Plan):
        raise OptionError(f"plan {shown(plan)}: expected what planner.plan answers")
    if plan.law.role != "plan" or plan.law.judge is not None:
        raise CannotPlanError(f"report: {plan.law.id} is no law that a page can plan with; use a published or fitted one")
    content = page_content(plan)
    start = content["start"]
    laws = page_laws(plan.law)
    title, *blocks = answer_first(plan_document(plan))
    assert isinstance(title, Title)
    values = {
        "title": escape(
            f"{format_count(plan.params)} parameters on {format_count(plan.tokens)} tokens for {format_flops(plan.flops)}"
        ),
        "lead": escape(f"By {plan.law.id}: {plan.law.reference}. N counts {PARAM_COUNTS[plan.law.conventions.params]}."),
        "written": escape(title.text),
        "plan": "\n".join(_html(block) for block in blocks),
        "or_nothing": "" if start["mode"] == "devices" else ", or nothing",
        "left_out": _left_out(plan),
        "law_options": _options([(law.id, law.id == start["law"]) for law in laws]),
        "device_options": _options([(each["id"], each["id"] == start["device"]) for each in content["devices"]]),
        "grid_options": _options([(each["name"], each["name"] == start["grid"]) for each in content["grids"]]),
        "device_heads": _heads(_DEVICE_HEADS, "l" + "r" * 7 + "l", by=3),
        "law_heads": _heads(_LAW_HEADS, "lrrrrlll"),
        "law_rows": "\n".join(_law_row(law) for law in laws),
        "footer": escape(
            f"planner {plan.version}. Each law's numbers are cited in its row; the page's arithmetic is planner's own. "
            "Nothing is sent or fetched; the address keeps what you change."
        ),
        "data": _inert(json.dumps(content, ensure_ascii=False, allow_nan=False)),
        "functions": _inert(functions_text(laws)),
        "css": _resource("page.css"),
        "engine": _resource("engine.js"),
        "page": _resource("page.js"),
    }
    first, *pieces = [piece.partition("}}") for piece in _resource("page.html").split("{{")]
    return first[0] + "".join(values[name] + rest for name, _, rest in pieces) + "\n"


_DEVICE_HEADS = ("device", "device-hours", "time", "cost", "low to high", "USD an hour", "energy", "CO2e", "price as of")
_LAW_HEADS = ("law", "parameters", "tokens", "loss", "outside its runs", "N counts", "fitted on", "source")


def _heads(names: tuple[str, ...], align: str, by: int | None = None) -> str:
    """Return the headers of a table that its reader sorts."""
    sides = [' class="r"' if side == "r" else "" for side in align]
    order = [' aria-sort="ascending"' if at == by else "" for at in range(len(names))]
    buttons = [f'<button type="button">{escape(name)}</button>' for name in names]
    return "".join(f'<th scope="col"{look}{up}>{button}</th>' for look, up, button in zip(sides, order, buttons, strict=True))


def _scrolling(label: str, table: str) -> str:
    """Return a table that scrolls by itself where it is wider than the screen."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table>{table}</table></div>'


def _left_out(plan: Plan) -> str:
    """Say what of the plan the interactive part does not weigh; nothing where it weighs all."""
    problem = plan.problem
    parts = ["the limits"] * (not problem.limits.free) + ["serving"] * bool(problem.spending.served)
    parts += ["precision or data quality"] * any(each is not problem.repetition for each in problem.modifiers)
    known = "The fields below plan with budget, law, unique tokens and device alone"
    said = f"{known}: {' and '.join(parts)} of the plan as it was written, further down, are not in them."
    return f'<p class="callout warning">{said}</p>' if parts else ""


def _resource(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").rstrip("\n")


def _inert(text: str) -> str:
    """Keep a text from ending the script it stands in."""
    return text.replace("<", "\\u003c")


def _options(options: list[tuple[str, bool]]) -> str:
    return "".join(f"<option{' selected' if chosen else ''}>{escape(name)}</option>" for name, chosen in options)


def _law_row(law: Law) -> str:
    name, numbers = escape(law.id), '<td class="r"></td>' * 4
    counts = PARAM_COUNTS[law.conventions.params]
    if law.form.active:
        counts += f" (a mixture of experts: {choice_text(law) or 'as chosen'})"
    cells = "".join(f"<td>{escape(text)}</td>" for text in (counts, law.conventions.data, law.reference))
    button = f'<button type="button" aria-pressed="false">{name}</button>'
    return f'<tr data-law="{name}"><th scope="row">{button}</th>{numbers}{cells}</tr>'


def _html(block: Block) -> str:
    """Write a block of the plan as HTML."""
    if isinstance(block, Title):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Facts):
        return _scrolling(f"the plan, from {block.rows[0][0]} on", "".join(map(_fact, block.rows)))
    if isinstance(block, Items):
        items = "".join(f"<li>{escape(spoken(text))}</li>" for text in block.texts)
        if block.heading == WARNINGS:
            return f'<div class="warnings"><h3>{escape(block.heading)}</h3><ul>{items}</ul></div>'
        return f'<h3>{escape(block.heading)}</h3><ul class="notes">{items}</ul>' if block.heading else f"<ul>{items}</ul>"
    if isinstance(block, Code):
        return f"<h3>{escape(block.heading)}</h3><pre>{escape(chr(10).join(block.lines))}</pre>"
    return _table(block)


def _fact(row: tuple[str, str, str]) -> str:
    label, value, remark = (escape(spoken(text)) for text in row)
    return f'<tr><th scope="row">{label}</th><td class="r">{value}</td><td>{remark}</td></tr>'


def _table(block: Table) -> str:
    sides = ['class="r"' if side == "r" else "" for side in block.align]
    head = "".join(f'<th scope="col" {side}>{escape(text)}</th>' for side, text in zip(sides, block.headers, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td {side}>{escape(cell)}</td>" for side, cell in zip(sides, row, strict=True)) + "</tr>"
        for row in block.rows
    )
    notes = "".join(f"<li>{escape(spoken(text))}</li>" for text in block.footnotes)
    listed = f'<ol class="footnotes">{notes}</ol>' if notes else ""
    caption = f"<caption>{escape(block.heading)}</caption>"
    return _scrolling(block.heading, f"{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>") + listed
