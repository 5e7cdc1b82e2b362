"""The catalogue over ``data/laws/``: loading a law by id or from a file."""

from pathlib import Path

from planner._util.files import data_root, kept_while_unchanged, read_bundled, read_table, settings
from planner.errors import LawFileError, UnknownLawError
from planner.quantities import shown, shown_path
from planner.scaling_laws.law import Law, is_id
from planner.scaling_laws.law_file import law_from_table


def law_ids() -> list[str]:
    """Return the ids of all catalogued laws, sorted."""
    return sorted(path.stem for path in (data_root() / "laws").glob("*.toml"))


def load_law(law: "str | Path | Law") -> Law:
    """Load a law by catalogue id or from a file.

    Parameters
    ----------
    law : str, Path or Law
        An id such as ``besiroglu2024``, or the path of a ``.toml`` or ``.json`` law file. A Law is returned as it is.

    Returns
    -------
    Law

    Raises
    ------
    UnknownLawError
        No catalogued law of that id; the message names close matches.
    LawFileError
        The file cannot be read or breaks a rule; the message says file, key and rule.

    Examples
    --------
    >>> import planner
    >>> planner.load_law("besiroglu2024").source.year
    2024
    """
    if isinstance(law, Law):
        return law
    if isinstance(law, Path) or (isinstance(law, str) and _looks_like_a_path(law)):
        path = Path(law)
        own = law_from_table(read_table(path), shown_path(path))
        if own.id in law_ids() and own != _catalogued(own.id):
            raise LawFileError(f"{shown_path(path)}: id = {shown(own.id)} belongs to a catalogued law; choose another")
        return own
    if not isinstance(law, str):
        raise UnknownLawError(
            f"law {shown(law)}: expected an id such as besiroglu2024, a law file or a Law, got {type(law).__name__}"
        )
    return _catalogued(law)


@kept_while_unchanged("laws/{0}.toml")
def _catalogued(law_id: str) -> Law:
    path = data_root() / "laws" / f"{law_id}.toml"
    if not is_id(law_id) or not path.is_file():
        raise _unknown(law_id)
    return law_from_table(read_bundled(f"laws/{law_id}.toml"), path.name)


def all_laws() -> tuple[Law, ...]:
    """Return the whole catalogue, sorted by id."""
    return tuple(load_law(law_id) for law_id in law_ids())


def _looks_like_a_path(text: str) -> bool:
    return "/" in text or "\\" in text or text.lower().endswith((".toml", ".json"))


def _unknown(law: str) -> UnknownLawError:
    from difflib import get_close_matches

    ids = law_ids()
    wanted = law.lower().strip()
    matches = [law_id for law_id in ids if wanted and wanted in law_id] or get_close_matches(wanted, ids, n=3, cutoff=0.5)
    if not matches and wanted:
        matches = [known.id for known in all_laws() if wanted in known.title.lower()]
    if "," in law:
        return UnknownLawError(f"law {shown(law)}: one law here; a range of plan, and planner.sweep, take several", matches)
    hint = f"did you mean {', '.join(matches[:4])}?" if matches else "plan laws lists them all."
    return UnknownLawError(
        f"law {shown(law)} is not in the catalogue; {hint} A file of your own ends in .toml or .json.", matches
    )


def embedding_count() -> Law:
    """Return the law that converts between counts of N with and without embeddings."""
    return load_law(settings("planning.toml", "embeddings")["law"])
