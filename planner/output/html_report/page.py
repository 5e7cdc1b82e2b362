"""A plan in, one HTML page out: nothing in it is fetched, and every text in it is escaped."""

import json
from html import escape
from pathlib import Path

from planner._util.files import new_file, write_new
from planner.errors import CannotPlanError, OptionError
from planner.output.documents.blocks import Block, Code, Facts, Items, Table, Title
from planner.output.documents.plan import plan_document
from planner.output.html_report.content import functions_text, page_content, page_laws
from planner.planning.plan_result import Plan
from planner.quantities import format_count, format_flops, format_percent, plain, shown
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
    asked = content["asked"]
    laws = page_laws(plan.law)
    title = f"{format_count(plan.params)} parameters on {format_count(plan.tokens)} tokens for {format_flops(plan.flops)}"
    devices = [(each["id"], each["id"] == asked["device"]) for each in content["devices"]]
    device = next(each for each in content["devices"] if each["id"] == asked["device"])
    values = {
        "title": escape(title),
        "lead": escape(f"By {plan.law.id}: {plan.law.reference}. N counts {PARAM_COUNTS[plan.law.conventions.params]}."),
        "plan": "\n".join(_html(block) for block in plan_document(plan)[1:]),
        "unique": f"{plain(asked['unique'] / 1e9, 12)}B" if asked["unique"] else "",
        "devices": "" if asked["devices"] is None else plain(asked["devices"]),
        "mfu": f"{plain(100 * (asked['mfu'] or device['mfu']))}%",
        "price": "" if asked["price"] is None else plain(asked["price"]),
        "band": format_percent(content["band"]),
        "left_out": _left_out(plan),
        "law_options": _options([(law.id, law.id == plan.law.id) for law in laws]),
        "device_options": _options(devices),
        "law_rows": "\n".join(_law_row(law) for law in laws),
        "footer": escape(
            f"planner {plan.version}. Each law's numbers are cited in its row; the page's arithmetic is planner's own."
        ),
        "data": _inert(json.dumps(content, ensure_ascii=False, allow_nan=False)),
        "functions": _inert(functions_text(laws)),
        "css": _resource("page.css"),
        "engine": _resource("engine.js"),
        "page": _resource("page.js"),
    }
    first, *pieces = [piece.partition("}}") for piece in _resource("page.html").split("{{")]
    return first[0] + "".join(values[name] + rest for name, _, rest in pieces) + "\n"


def _left_out(plan: Plan) -> str:
    """Say what of the plan the interactive part does not weigh; nothing where it weighs all."""
    problem = plan.problem
    parts = ["the limits"] * (not problem.limits.free) + ["serving"] * bool(problem.spending.served)
    parts += ["CO2e"] * bool(plan.machine and plan.machine.grid)
    parts += ["precision or data quality"] * any(each is not problem.repetition for each in problem.modifiers)
    if not parts:
        return ""
    known = "This part plans with budget, law, unique tokens and device alone"
    return f'<p class="warning">{known}: {" and ".join(parts)} of the plan above are not in it.</p>'


def _resource(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").rstrip("\n")


def _inert(text: str) -> str:
    """Keep a text from ending the script it stands in."""
    return text.replace("<", "\\u003c")


def _options(options: list[tuple[str, bool]]) -> str:
    return "".join(f"<option{' selected' if chosen else ''}>{escape(name)}</option>" for name, chosen in options)


def _law_row(law: Law) -> str:
    name = escape(law.id)
    numbers = '<td class="r"></td>' * 4
    counts = PARAM_COUNTS[law.conventions.params] + (" (a mixture of experts)" if law.form.active else "")
    texts = [counts, law.conventions.data, law.reference]
    cells = "".join(f"<td>{escape(text)}</td>" for text in texts)
    button = f'<button type="button" aria-pressed="false">{name}</button>'
    return f'<tr data-law="{name}"><th scope="row">{button}</th>{numbers}{cells}</tr>'


def _html(block: Block) -> str:
    """Write a block of the plan as HTML."""
    if isinstance(block, Title):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Facts):
        return f'<div class="wide"><table>{"".join(map(_fact, block.rows))}</table></div>'
    if isinstance(block, Items):
        items = "".join(f"<li{_loud(text)}>{escape(text)}</li>" for text in block.texts)
        return f'<h3>{escape(block.heading)}</h3><ul class="notes">{items}</ul>' if block.heading else f"<ul>{items}</ul>"
    if isinstance(block, Code):
        return f"<h3>{escape(block.heading)}</h3><pre>{escape(chr(10).join(block.lines))}</pre>"
    return _table(block)


def _fact(row: tuple[str, str, str]) -> str:
    label, value, remark = (escape(text) for text in row)
    return f'<tr><th scope="row">{label}</th><td class="r">{value}</td><td>{remark}</td></tr>'


def _table(block: Table) -> str:
    sides = ['class="r"' if side == "r" else "" for side in block.align]
    head = "".join(f'<th scope="col" {side}>{escape(text)}</th>' for side, text in zip(sides, block.headers, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td {side}>{escape(cell)}</td>" for side, cell in zip(sides, row, strict=True)) + "</tr>"
        for row in block.rows
    )
    notes = "".join(f"<li>{escape(text)}</li>" for text in block.footnotes)
    listed = f'<ol class="footnotes">{notes}</ol>' if notes else ""
    caption = f"<caption>{escape(block.heading)}</caption>"
    return f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{listed}'


def _loud(text: str) -> str:
    return ' class="warning"' if text.startswith("WARNING") else ""
