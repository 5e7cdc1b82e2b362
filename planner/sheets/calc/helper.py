"""Answers a spreadsheet's cells over a pipe, a line of JSON each way: LibreOffice's own Python sees neither numpy nor planner."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from planner._version import __version__
from planner.quantities import shown
from planner.sheets.cell_functions.arguments import REQUIRED, Function
from planner.sheets.cell_functions.calling import call
from planner.sheets.cell_functions.cells import CellError, is_blank
from planner.sheets.cell_functions.registry import FUNCTIONS


def main() -> None:
    """Answer from standard input to standard output until the input ends; what else is printed goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    if sys.stdin is not None and answers is not None:
        serve(sys.stdin.buffer, answers.buffer)


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Say who answers, then answer line by line until there are no more.

    A line in is ``{"id": 7, "call": "PLAN_TOKENS", "cells": [1e21, null, [["a"], [""]]]}``, one out ``{"id": 7, "result": 1}``,
    with ``{"error": reason}`` for a cell without an answer and null for a blank one.
    """
    _say(answers, {"planner": __version__})
    for line in iter(asked.readline, b""):
        _say(answers, answer(line))


def answer(line: bytes) -> dict[str, Any]:
    """Answer one line; whatever is wrong with it is said in the answer."""
    number = None
    try:
        request = json.loads(line)
        name, cells = request["call"], request["cells"]
        number = int(request["id"])
        if name not in FUNCTIONS:
            found: Any = CellError(f"planner {__version__} has no {shown(name)}; build the add-in anew: plan sheets build-addin")
        else:
            found = _called(FUNCTIONS[name], cells)
        return {"id": number, "result": _plain(found)}
    except Exception as error:  # the helper outlives whatever it is sent
        return {"id": number, "result": {"error": f"the helper failed on this cell ({type(error).__name__})"}}


def _called(function: Function, cells: Sequence[Any]) -> Any:
    given = from_calc(function, cells)
    if function.text:  # Calc finds no text of an array equal to another, so that texts come one by one
        given = [_single(cell) for cell in given]
    return call(function, given)


def _single(cell: Any) -> Any:
    if not isinstance(cell, list):
        return cell
    if len(cell) == len(cell[0]) == 1:
        return cell[0][0]
    return CellError("one cell at a time here, not a range; fill the formula down")


def from_calc(function: Function, cells: Sequence[Any]) -> list[Any]:
    """Return the arguments of a function as Calc meant them.

    An empty cell reaches an add-in as 0, an empty cell of a range as an empty text, an argument left out as None. So a 0 is a
    blank, and an error where somebody may mean it: no price is no published price.
    """
    given = list(cells)
    while given and given[-1] is None:
        given.pop()  # left out
    meant = [None if _is_zero(cell) else cell for cell in given]
    pairs = list(zip(function.takes, given, meant, strict=False))
    if not any(argument.default is REQUIRED and is_blank(cell) for argument, _, cell in pairs):
        for i, (argument, cell, _) in enumerate(pairs):
            if argument.zero and _is_zero(cell):
                meant[i] = CellError(
                    f"{argument.name}: 0 or an empty cell, which Calc does not tell apart; leave the argument out"
                )
    return meant


def _is_zero(cell: Any) -> bool:
    return isinstance(cell, (int, float)) and cell == 0


def _plain(found: Any) -> Any:
    if isinstance(found, list):
        return [_plain(each) for each in found]
    if isinstance(found, CellError):
        return {"error": found.reason}
    return found


def _say(answers: BinaryIO, what: Mapping[str, Any]) -> None:
    answers.write(json.dumps(what, allow_nan=False).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
