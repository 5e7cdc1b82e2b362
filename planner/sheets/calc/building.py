"""Builds the LibreOffice Calc add-in, one .oxt file, from the registry of functions."""

import io
import json
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from planner._util.files import new_file, write_new
from planner._version import __version__
from planner.sheets.cell_functions.arguments import Argument, Function
from planner.sheets.cell_functions.registry import FUNCTIONS

SERVICE = "org.planner.Plan"
_HERE = Path(__file__).parent
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def build_addin(path: str | Path = "planner.oxt", *, overwrite: bool = False) -> Path:
    """Write the add-in that gives LibreOffice Calc planner's functions, ``=PLAN_TOKENS(A2)``.

    It remembers the Python that builds it, and asks planner there: build it anew when planner has moved to another environment.

    Parameters
    ----------
    path : str or Path
        File to write, ending in ``.oxt``; install it with ``unopkg add --force planner.oxt``.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Path

    Raises
    ------
    PlannerError
        Another ending, a file that exists, or one that cannot be written.
    """
    target = new_file(path, overwrite, ".oxt", "an add-in")
    parts = {
        "META-INF/manifest.xml": _manifest(),
        "description.xml": _DESCRIPTION,
        "description/en.txt": "Compute budgets in cells: which model to train on how many tokens, from published scaling laws.\n",
        "plan.idl": _interface(),
        "CalcAddIns.xcu": _configuration(),
        "plan.components": _COMPONENTS,
        "plan_addin.py": (_HERE / "component.py").read_text(encoding="utf-8"),
        "pythonpath/planner_calc_bridge.py": (_HERE / "bridge.py").read_text(encoding="utf-8"),
        "functions.json": json.dumps(_built(), indent=1),
    }
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    write_new(target, held.getvalue(), overwrite=overwrite)
    return target


def method(function: Function) -> str:
    """Return the function's name in the add-in's interface: ``gpuhours`` of PLAN_GPU_HOURS.

    Calc keeps a cell's formula as the service's name with this one, and shows PLAN_GPU_HOURS.
    """
    return function.name.removeprefix("PLAN_").replace("_", "").lower()


def _built() -> dict[str, object]:
    functions = [
        {"name": each.name, "method": method(each), "takes": len(each.takes), "text": each.text} for each in FUNCTIONS.values()
    ]
    return {
        "planner": __version__,
        "command": [sys.executable, "-E", "-P", "-m", "planner.sheets.calc.helper"],
        "functions": functions,
    }


def _manifest() -> str:
    kinds = {
        "plan.idl": "application/vnd.sun.star.uno-typelibrary;type=RDB",  # LibreOffice reads an interface's text as well
        "CalcAddIns.xcu": "application/vnd.sun.star.configuration-data",
        "plan.components": "application/vnd.sun.star.uno-components",  # registered without being run
    }
    entries = "".join(
        f' <manifest:file-entry manifest:full-path="{name}" manifest:media-type="{kind}"/>\n' for name, kind in kinds.items()
    )
    return f'{_XML}<manifest:manifest xmlns:manifest="http://openoffice.org/2001/manifest">\n{entries}</manifest:manifest>\n'


_DESCRIPTION = (
    f'{_XML}<description xmlns="http://openoffice.org/extensions/description/2006" xmlns:xlink="http://www.w3.org/1999/xlink">\n'
    f' <identifier value="{SERVICE.lower()}"/>\n <version value="{__version__}"/>\n'
    ' <display-name><name lang="en">planner: compute budgets</name></display-name>\n'
    ' <extension-description><src xlink:href="description/en.txt" lang="en"/></extension-description>\n'
    "</description>\n"
)
_COMPONENTS = (
    f'{_XML}<components xmlns="http://openoffice.org/2010/uno-components">\n'
    ' <component loader="com.sun.star.loader.Python" uri="plan_addin.py">\n'
    f'  <implementation name="{SERVICE}">'
    f'<service name="{SERVICE}"/><service name="com.sun.star.sheet.AddIn"/></implementation>\n'
    " </component>\n</components>\n"
)


def _interface() -> str:
    def declared(function: Function) -> str:
        taken = ", ".join(f"[in] any {_identifier(each)}" for each in function.takes)
        given = "any" if function.text else "sequence< sequence< any > >"
        return f"  {given} {method(function)}({taken});\n"

    methods = "".join(declared(each) for each in FUNCTIONS.values())
    return f"module org {{ module planner {{\n interface XPlan {{\n{methods} }};\n}}; }};\n"


def _identifier(argument: Argument) -> str:
    return f"the{argument.name}"  # some names are words of the interface language


def _configuration() -> str:
    """Return what Calc's function wizard shows: names, help and arguments."""
    functions = "".join(_function(each) for each in FUNCTIONS.values())
    return (
        f'{_XML}<oor:component-data xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        'oor:name="CalcAddIns" oor:package="org.openoffice.Office">\n'
        f' <node oor:name="AddInInfo"><node oor:name="{SERVICE}" oor:op="replace"><node oor:name="AddInFunctions">\n'
        f"{functions} </node></node></node>\n</oor:component-data>\n"
    )


def _function(function: Function) -> str:
    taken = "".join(
        f'   <node oor:name={quoteattr(_identifier(each))} oor:op="replace">{_text("DisplayName", each.name)}'
        f"{_text('Description', each.help)}</node>\n"
        for each in function.takes
    )
    return (
        f'  <node oor:name="{method(function)}" oor:op="replace">{_text("DisplayName", function.name)}'
        f"{_text('Description', f'{function.summary} {function.example}')}"
        f'<prop oor:name="Category"><value>Add-In</value></prop>{_text("CompatibilityName", function.name)}\n'
        f'  <node oor:name="Parameters">\n{taken}  </node></node>\n'
    )


def _text(name: str, text: str) -> str:
    return f'<prop oor:name="{name}"><value xml:lang="en">{escape(text)}</value></prop>'
