"""The pages of the site that are made when it is built (a hook of mkdocs): one a law, one a command, and the public names."""

import html
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the checkout that the docs belong to

import planner
from planner.cli._app import app
from planner.output.documents.law import law_document
from planner.output.text import to_markdown
from planner.scaling_laws.latex import equation, latex, symbol

_HIDDEN = ("Draws", "DEFAULT_LAW")


def generated() -> dict[str, str]:
    """Return the text of every generated page by its place in ``docs``."""
    commands = {"plan": app, **dict(sorted(app.commands.items()))}
    pages = {f"reference/laws/{law.id}.md": law_page(law.id) for law in planner.laws()}
    pages |= {f"reference/commands/{name}.md": command_page(name, command) for name, command in commands.items()}
    return pages | {"reference/api.md": api_page()}


def law_page(name: str) -> str:
    """Return the page of a law: its equation and optimum as formulas, then what ``plan laws ID`` prints."""
    law = planner.load_law(name)
    _, *rest = law_document(law)
    parts = [f"# {law.id}", f"*{law.title}.* {law.citation}", *_equation(law.form.equation)]
    frontier = law.form.frontier
    if frontier and law.role == "plan" and not any("=" in line for _, line in frontier.derivation):
        parts.append("The optimum of a budget C:")
        parts += [_formula(f"{symbol(left)} = {latex(right)}") for left, right in frontier.derivation]
    parts += [to_markdown(rest).replace("\n## ", "\n### ")]
    if law.role == "plan":
        parts.append(
            f"Plan with it: `plan --flops 1e21 --law {law.id}`; every number of it in JSON: `plan laws {law.id} --format json`."
        )
    return "\n\n".join(parts) + "\n"


def _equation(text: str) -> list[str]:
    """Return an equation as formulas one below the other; remarks stay words."""
    parts = re.split(r"[,;]\\quad ", equation(text))
    spoken = [re.fullmatch(r"\\text\{([^{}]*)\}", part) for part in parts]
    return [f"`{words[1]}`" if words else _formula(part) for part, words in zip(parts, spoken, strict=True)]


def _formula(text: str) -> str:
    from latex2mathml.converter import convert

    return str(convert(text, display="block"))


def command_page(name: str, command: click.Command) -> str:
    """Return the page of a command: what it does, its examples, and its options group by group."""
    full = "plan" if name == "plan" else f"plan {name}"
    about, _, examples = (command.help or "").partition("\b")
    parts = [f"# `{full}`", _flowed(about)]
    if examples.strip():
        shown, _, more = examples.strip("\n").partition("\n\n")
        parts += ["```text\n" + inspect.cleandoc(shown) + "\n```", _flowed(more.replace("\b", ""))]
    context = click.Context(command, info_name=full)
    parts.append("```text\n" + command.get_usage(context).removeprefix("Usage: ") + "\n```")
    headed: dict[str, list[str]] = {}
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record:
            line = f"| <code>{_plain(record[0])}</code> | {_plain(record[1])} |"
            headed.setdefault(getattr(param, "heading", "") or "Options", []).append(line)
    for heading, lines in headed.items():
        parts += [f"## {heading}", "\n".join(["| option | what it says |", "| --- | --- |", *lines])]
    if isinstance(command, click.Group) and command is not app:
        parts += [f"## `{full} {each}`\n\n{_flowed(part.help or '')}" for each, part in command.commands.items()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _plain(text: str) -> str:
    return html.escape(text, quote=False).replace("|", "&#124;").replace("*", "&#42;").replace("_", "&#95;")


def _flowed(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def api_page() -> str:
    """Return the page of public names, functions first, which mkdocstrings fills from what is imported."""
    homes = {name: home for home, names in planner._HOMES.items() for name in names if name not in _HIDDEN}  # type: ignore[attr-defined]
    functions = [name for name in sorted(homes) if name[0].islower()]
    classes = [name for name in sorted(homes) if name[0].isupper()]
    parts = [
        "# The Python interface",
        "Every name is imported from `planner`. Inputs are those of the command line: [inputs](inputs.md).",
    ]
    for heading, names in (("Functions", functions), ("Answers and other types", classes)):
        parts.append(f"## {heading}")
        parts += [f"::: {homes[name]}.{name}\n    options:\n      heading: planner.{name}" for name in names]
    return "\n\n".join(parts) + "\n"


_CATALOGUES = {"reference/laws.md": "laws", "reference/commands.md": "commands"}


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Link the names on the pages of laws and commands to their own pages, which are on the site alone."""
    folder = _CATALOGUES.get(page.file.src_uri)
    if folder == "laws":
        known = {law.id for law in planner.laws()}
        return re.sub(r"`([\w.-]+)`", lambda each: f"[{each[0]}](laws/{each[1]}.md)" if each[1] in known else each[0], markdown)
    if folder == "commands":
        links = ", ".join(f"[`plan {name}`](commands/{name}.md)" for name in sorted(app.commands))
        return markdown.replace("\n\n", f"\n\nEvery option: [`plan`](commands/plan.md), {links}.\n\n", 1)
    return markdown


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to the site."""
    from mkdocs.structure.files import File

    for place, text in generated().items():
        files.append(File.generated(config, place, content=text))
    return files
