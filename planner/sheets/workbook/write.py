"""A workbook of live formulas: change a budget, a price or a law's constant and every number follows, without Python."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from planner._util.defaults import DEFAULT_LAW
from planner._util.files import new_file, write_new
from planner._version import __version__
from planner.errors import CannotPlanError, OptionError
from planner.inputs.law_choice import LawLike
from planner.inputs.question import Question
from planner.inputs.registry import WorkbookInputs, asks
from planner.planning.plan import plan
from planner.scaling_laws.catalogue import all_laws, load_law
from planner.scaling_laws.law import Law
from planner.sheets.workbook.compare_page import write_compare
from planner.sheets.workbook.formulas import MEAN, kind_of
from planner.sheets.workbook.inputs import Inputs, read_inputs
from planner.sheets.workbook.plan_lines import ROW
from planner.sheets.workbook.plan_page import write_plan
from planner.sheets.workbook.reference_pages import MOST_CONSTANTS, write_devices, write_grids, write_laws
from planner.sheets.workbook.search_page import write_members, write_search
from planner.sheets.workbook.styles import Book
from planner.sheets.workbook.sweep_pages import budgets, write_notes, write_sensitivity, write_sweep


@asks(WorkbookInputs)
def write_workbook(
    path: str | Path, *, law: LawLike = DEFAULT_LAW, overwrite: bool = False, **asked: Unpack[WorkbookInputs]
) -> Path:
    """Write an .xlsx workbook whose cells hold live formulas: plan, sweep, sensitivity, laws, devices.

    Parameters
    ----------
    path : str or Path
        File to write, ending in ``.xlsx``.
    law : str, Path or Law
        The law at first; one of your own is added to the list.
    overwrite : bool
        Whether an existing file may be replaced.
    {inputs}

    Returns
    -------
    Path

    Raises
    ------
    PlannerError
        Bad input, a law that no closed formula holds, a file that exists or cannot be written, or XlsxWriter missing.

    Notes
    -----
    The laws' formulas are the derivations of their forms, the same that ``plan --explain`` prints; the values that stand in the
    cells at first are planner's own.
    """
    target = new_file(path, overwrite, ".xlsx", "a workbook")
    inputs = read_inputs(load_law(law), Question.of(WorkbookInputs, "write_workbook", asked))
    if inputs.law.form.active is not None and asked.get("gpus") is not None:
        notes = plan(law=inputs.law, others=(), **asked).notes
        told = next((note.text for note in notes if note.code == "memory-limits"), None)
        if told is not None:
            raise CannotPlanError(f"a workbook knows no limits of memory, and here they bind: {told}; plan answers within them")
    laws = [each for each in all_laws() if kind_of(each) is not None and each.id != inputs.law.id]
    write_new(target, written(inputs, [inputs.law, *laws]), overwrite=overwrite)
    return target


def written(inputs: Inputs, laws: Sequence[Law]) -> bytes:
    """Return a workbook that knows these laws."""
    try:
        import xlsxwriter
    except ImportError:
        raise OptionError('a workbook needs XlsxWriter: pip install "compute-budget-planner[xlsx]"') from None
    assert all(len(law.params) <= MOST_CONSTANTS for law in laws)
    forecasts = [law for law in laws if kind_of(law) == MEAN]
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True}) as written:
        about = "Live formulas; the sources of laws and devices stand on their pages."
        said = {"title": "Compute budget", "author": "planner", "subject": "what to train for a compute budget"}
        written.set_properties({**said, "comments": f"planner {__version__}. {about}"})
        book = Book(written, inputs, laws)
        writers = {
            ("Plan", "Compute budget: what to train"): write_plan,
            ("Sweep", "Sweep over budgets"): write_sweep,
            ("Sensitivity", "Sensitivity"): write_sensitivity,
            ("Compare", "What each law makes of the budget on Plan"): write_compare,
            ("Laws", "Laws"): write_laws,
            ("Devices", "Devices"): write_devices,
            ("Grids", "Grids"): write_grids,
            ("Notes", "Notes"): write_notes,
        }
        for (name, title), write in writers.items():
            write(book, book.page(name, title))
        write_search(book, book.page("Search", "Search"), ROW, budgets(book))
        for law in forecasts:
            write_members(book, book.page("Members", "Members"), law)
    return held.getvalue()
