"""Published learning curves: how the error of a domain fell with data, and how the model grew."""

from typing import NamedTuple

from planner._util.files import kept_while_unchanged, read_bundled
from planner._util.showing import Raw
from planner.errors import OptionError
from planner.quantities import shown


class PublishedCurve(NamedTuple):
    """A domain's learning curve.

    Attributes
    ----------
    id, title, metric : str
    exponent : float
        b in error ~ size^-b.
    level : float or None
        The error at size 1 by the printed law.
    model_exponents : (low, high) or None
        In model size ~ size^p; None where the source has none.
    detail, source, read : str
    """

    id: str
    title: str
    metric: str
    exponent: float
    level: float | None
    model_exponents: tuple[float, float] | None
    detail: str
    source: str
    read: str


@kept_while_unchanged("learning_curves.toml")
def published_curves() -> tuple[PublishedCurve, ...]:
    """Return the published learning curves."""
    table = read_bundled("learning_curves.toml")
    return tuple(
        PublishedCurve(
            **{key: entry[key] for key in ("id", "title", "metric", "detail")},
            exponent=-float(entry["beta_g"]),
            level=entry.get("level"),
            model_exponents=(float(entry["beta_p"][0]), float(entry["beta_p"][1])) if "beta_p" in entry else None,
            source=table["source"]["text"],
            read=table["source"]["read"],
        )
        for entry in table["curve"]
    )


def published_curve(name: Raw) -> PublishedCurve:
    """Return a published learning curve by its id."""
    known = {each.id: each for each in published_curves()}
    if not isinstance(name, str) or name.strip().lower() not in known:
        raise OptionError(f"domain {shown(name)}: expected one of {', '.join(known)}")
    return known[name.strip().lower()]


@kept_while_unchanged("learning_curves.toml")
def general_model_exponents() -> tuple[float, float]:
    """Return the range of model exponents over all domains."""
    low, high = read_bundled("learning_curves.toml")["source"]["general"]
    return float(low), float(high)
