"""Arrays of numbers in, floats out: what takes many runs or budgets at once reads them here."""

from typing import Any

from planner._util.showing import Raw, finite, shown
from planner.errors import OptionError
from planner.quantities.parsing import parse_number


def real_numbers(value: Raw, name: str) -> Any:
    """Read one finite real number, or an array of them; no text, no bool, no complex number, nothing missing.

    Parameters
    ----------
    value : number or array-like
        Numbers of any library, a list, an array of any shape, a column of a data frame.
    name : str
        What to call it in an error message.

    Returns
    -------
    float or array
        A float for one number.

    Raises
    ------
    OptionError
        Anything else, said with what was given.
    """
    number = finite(value)
    if number is not None:
        return number
    import numpy as np

    wrong = OptionError(f"{name} {shown(value)}: expected a finite number, or an array of numbers")
    if isinstance(value, (str, bytes, bytearray, memoryview)) or (isinstance(value, np.ma.MaskedArray) and np.any(value.mask)):
        raise wrong
    try:
        given = np.asarray(value)
        if given.dtype.kind == "O":  # numbers of another library, or integers beyond 64 bits
            if any(isinstance(each, str) for each in given.flat):
                raise wrong
            given = np.array([parse_number(each, name) for each in given.flat]).reshape(given.shape)
        if given.dtype.kind not in "iuf":
            raise wrong
        numbers = given.astype(float)
    except Exception:  # a number that is none, or whatever somebody's type makes of being an array
        raise wrong from None
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad) and numbers.ndim:
        where = ", ".join(str(i) for i in bad[0])
        raise OptionError(f"{name}[{where}] = {numbers[tuple(bad[0])]:g}: expected a finite number")
    if len(bad):
        raise wrong
    return float(numbers) if numbers.ndim == 0 else numbers
