"""The functional forms, each once and loaded when it is asked for. A law file names one of these under ``form``."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from planner.scaling_laws.forms._base import Form, Frontier, Num, Parameter, Surface, Symbols

_MODULES = {
    "additive": ("additive", "additive_units", "overtraining", "repeated"),
    "generalised": ("generalised", "powered", "ensemble"),
    "kaplan": ("kaplan_compute", "kaplan_learning_curve", "kaplan_joint", "compute_frontier"),
    "allocation": (
        *("params_allocation", "tokens_allocation", "flops_per_token_allocation"),
        *("anchored", "token_ratio", "exponents", "surface_exponents"),
    ),
    "reference": ("compute_power", "params_power", "tokens_power", "tokens_rule", "embedding_count"),
    "experts": ("fine_grained_experts", "sparse_experts", "efficiency_leverage", "routed_experts"),
    "joint_experts": ("joint_experts",),
    "counting": ("precision", "quantised_after", "quality", "vocabulary"),
    "distillation": ("distilled",),
}


_WHERE = {name: module for module, names in _MODULES.items() for name in names}


class _Forms(Mapping[str, Form]):
    """Forms by their names."""

    def __getitem__(self, name: str) -> Form:
        return _form(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_WHERE)

    def __len__(self) -> int:
        return len(_WHERE)


@cache
def _form(name: str) -> Form:
    known = vars(import_module(f"planner.scaling_laws.forms.{_WHERE[name]}")).values()
    return next(each for each in known if isinstance(each, Form) and each.name == name)


FORMS: Mapping[str, Form] = _Forms()

__all__ = ["FORMS", "Form", "Frontier", "Num", "Parameter", "Surface", "Symbols"]
