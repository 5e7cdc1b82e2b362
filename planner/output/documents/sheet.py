"""The spreadsheet functions, as blocks to read and as rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.output.csv_json_machines import Row, fields
from planner.output.documents.blocks import Block, Table, Title
from planner.sheets.cell_functions.arguments import REQUIRED

if TYPE_CHECKING:
    from planner.sheets.cell_functions.arguments import Argument, Function

_ERRORS = 'a cell without an answer holds an error value; with "text" as the last argument its reason'
_BLANKS = "blank cells give blank results, blank optional ones their default; ranges work as cells do"


def functions_document(functions: "Sequence[Function]") -> list[Block]:
    """Return the list of functions, and that of their arguments."""
    rows = [[each.name, _usage(each), each.summary.rstrip("."), each.example] for each in functions]
    arguments = {argument.name: argument for function in functions for argument in function.takes}
    helps = [[argument.name, argument.help] for argument in arguments.values()]
    return [
        Title(f"{len(functions)} spreadsheet functions"),
        Table("Functions", "llll", ["function", "arguments", "gives", "example"], rows, [_ERRORS, _BLANKS]),
        Table("Arguments", "ll", ["argument", "what it is"], helps, []),
    ]


def function_content(functions: "Sequence[Function]") -> list[Row]:
    """Return each function with its arguments."""
    rows = []
    for each in functions:
        arguments = [{**fields(argument, "name", "help"), "optional": _optional(argument)} for argument in each.takes]
        rows.append({**fields(each, "name", "summary"), "arguments": arguments, **fields(each, "example", "table")})
    return rows


def function_rows(functions: "Sequence[Function]") -> list[Row]:
    """Return a row for each function."""
    return [{"name": each.name, "arguments": _usage(each), **fields(each, "summary", "example")} for each in functions]


def _usage(function: "Function") -> str:
    return ", ".join(f"[{each.name}]" if _optional(each) else each.name for each in function.takes)


def _optional(argument: "Argument") -> bool:
    return argument.default is not REQUIRED
