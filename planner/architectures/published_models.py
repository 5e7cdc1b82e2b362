"""Published models: shape, parameters, tokens and compute, each with its source."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from planner._util.files import kept_while_unchanged, read_bundled
from planner._util.to_json import Listing, fields_as_json
from planner.architectures.transformer import PLAIN, Details, Latent, Shape
from planner.errors import OptionError
from planner.quantities import format_count, shown


@dataclass(frozen=True)
class Model:
    """A published model.

    Attributes
    ----------
    id, name, org : str
    year : int
    params : float
        Published count: an exact integer where ``exact``, else as printed.
    exact : bool
    shape : Shape
        With the context of pretraining, which is what its cost is about.
    longest_context : int
        That it was extended to, or the same.
    active, non_embedding : float or None
        As published, where it is.
    tokens, flops : float or None
        Trained on, and training compute [FLOP], where published.
    sources : tuple of str
    read : str
        How the numbers were read.
    flag : str
        Why its shape does not fit its count; empty where it does.
    note : str
    """

    id: str
    name: str
    org: str
    year: int
    params: float
    exact: bool
    shape: Shape
    longest_context: int
    active: float | None
    non_embedding: float | None
    tokens: float | None
    flops: float | None
    sources: tuple[str, ...]
    read: str
    flag: str
    note: str

    def __repr__(self) -> str:
        return f"Model({self.id!r})"

    @property
    def flops_6nd(self) -> float | None:
        """6 N D with the parameters at work on a token [FLOP]; None where the tokens are not published."""
        return None if self.tokens is None else 6.0 * self.shape.active * self.tokens

    @property
    def aspect(self) -> float:
        """Width over layers."""
        return self.shape.width / self.shape.layers

    @property
    def cache_bytes(self) -> int:
        """Key-value cache of a token in 16 bits."""
        return 2 * self.shape.cached_per_token

    @property
    def off(self) -> float:
        """What the shape counts over what is published, less one."""
        return self.shape.total / self.params - 1

    def named_shape(self, *, context: bool) -> Shape:
        """Return the shape that its name stands for, with a remark on what that leaves open; ``context``: one was said."""
        remarks = []
        if self.longest_context != self.shape.context and not context:
            remarks.append(
                f"{self.id}: a context of {self.shape.context:,}, that of pretraining; extended to {self.longest_context:,} "
                f"(--shape {self.id},context={self.longest_context})"
            )
        if self.flag:
            sizes = f"{format_count(self.shape.total, 4)} by its shape, {format_count(self.params, 4)} as published"
            remarks.append(f"{self.id}: {sizes}: {self.flag}")
        return self.shape._replace(details=self.shape.details._replace(remark="; ".join(remarks)))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types in base units."""
        counted = {"params_of_shape": self.shape.total, "active_of_shape": self.shape.active, "flops_6nd": self.flops_6nd}
        return {**fields_as_json(self), **counted}


def models(name: str | None = None) -> Listing[Model]:
    """Return the published models that ship with planner, or the one of that id or name.

    Raises
    ------
    OptionError
        No model of that name; close ones are named.

    Examples
    --------
    >>> import planner
    >>> next(model for model in planner.models() if model.id == "llama3.1-405b").shape.total
    405853388800
    """
    return Listing(_shipped() if name is None else (model(name),), "models")


@kept_while_unchanged("models.toml")
def _shipped() -> tuple[Model, ...]:
    return tuple(_model(entry) for entry in read_bundled("models.toml")["model"])


def model(name: str) -> Model:
    """Return a published model by its id or name."""
    if not isinstance(name, str):
        raise OptionError(f"model {shown(name)}: expected a name such as llama2-7b")
    names = {_key(each): found for found in _shipped() for each in (found.name, found.id)}
    if _key(name) in names:
        return names[_key(name)]
    close = list(dict.fromkeys(names[key].id for key in get_close_matches(_key(name), names, n=4, cutoff=0.6)))
    hint = f"did you mean {' or '.join(close)}?" if close else "plan models lists them"
    raise OptionError(f"no published model {shown(name)}; {hint}")


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name.lower())  # dots stay: 1.3B is not 13B


def _model(entry: Mapping[str, Any]) -> Model:
    latent = Latent(**entry["latent"]) if "latent" in entry else None
    details = Details(**entry.get("details", {}), latent=latent) if latent or "details" in entry else PLAIN
    shape = Shape(**entry["shape"], details=details)
    longest, sources = shape.context, entry["sources"]
    if "pretraining" in entry:
        shape = shape._replace(context=entry["pretraining"]["context"])
        sources = [*sources, f"pretraining context: {entry['pretraining']['source']}"]
    published = ("active", "non_embedding", "tokens", "flops")
    numbers: dict[str, Any] = {name: float(entry[name]) if name in entry else None for name in published}
    return Model(
        **{name: entry[name] for name in ("id", "name", "org", "year", "read")},
        params=float(entry["params"]),
        exact=entry["params_kind"] == "exact",
        shape=shape,
        longest_context=longest,
        **numbers,
        sources=tuple(sources),
        flag=entry.get("flag", ""),
        note=entry.get("note", ""),
    )
