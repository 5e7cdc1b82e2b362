"""A mapping that cannot be changed, but can be hashed, copied and pickled (types.MappingProxyType can do none of these)."""

from typing import Any, NoReturn


class FrozenDict(dict[str, Any]):
    """A read-only dict."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this mapping is read-only; make a copy with dict(...)")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items(), key=lambda item: item[0])))

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)
