"""A mixture of experts as blocks to read: what works on a token, what must be held, and dense models beside it."""

from collections.abc import Callable

from planner.inputs.mixtures import CHOICES
from planner.output.documents.blocks import Table, four_digits
from planner.planning.plan_result import Plan
from planner.quantities import format_bytes, format_count, format_dollars, format_factor, format_flops, plain


def params_text(plan: Plan, band: str) -> str:
    """Say what the parameters of a plan are, where a law counts part of a mixture's, and which sizes are about as good."""
    counted = "at work on a token" if plan.mixture and plan.law.form.total is not None else ""
    return "; ".join(filter(None, (counted, band)))


def experts_chosen(plan: Plan) -> bool:
    """Tell whether the experts of a mixture were left to the plan."""
    return all(plan.inputs.get(name) is None for name in (*CHOICES, "active_params", "shape"))


def mixture_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Return what is active of a mixture of experts, and the dense models it stands for."""
    found = plan.mixture
    if found is None:
        return []
    meanings = {name: plan.law.form.parameters[name].meaning.split(":")[0].split(",")[0] for name in found.choices}
    made = ", ".join(f"{meanings[name]} {plain(value, 4)}" for name, value in found.choices.items())
    if plan.law.form.total is None:
        rows = [("active", format_count(found.active_params), f"parameters at work on a token; {made}")]
    else:
        rows = [("in all", format_count(found.total_params), f"parameters to hold; {made}")]
    rows.append(("memory", format_bytes(found.training_bytes), _memory_text(plan)))
    if found.dense_ratio is not None and found.dense_params is not None:
        ratio = format_factor(found.dense_ratio)
        text = f"parameters, {ratio} the compute: the cheapest dense run of the same loss, by {found.dense_law}"
        rows.append(("dense instead", format_count(found.dense_params), text))
    elif found.dense_law:
        rows.append(("dense instead", "-", f"no dense run reaches this loss, by {found.dense_law}"))
    if found.dense_equivalent is not None:
        text = f"parameters: a dense model as good after {format_count(found.routed_tokens)} tokens, by {found.routed_law}"
        rows.append(("", format_count(found.dense_equivalent), text))
    return rows


def _memory_text(plan: Plan) -> str:
    """Say what the states of training take, and of what."""
    text = "weights, gradients and Adam's states; activations come on top"
    there = plan.machine and plan.machine.memory
    return text if there is None else f"of {format_bytes(there)}: {text}"


def beside_table(plan: Plan) -> list[Table]:
    """Return the mixture beside dense models of its loss, and of its compute and memory, with what each costs."""
    found = plan.mixture
    if found is None or len(found.beside) < 2:
        return []
    columns = [column for column in _BESIDE if getattr(found.beside[0], column[1]) is not None]
    rows = [[each.name, *(write(getattr(each, name)) for _, name, write in columns)] for each in found.beside]
    headers = ["", *(header for header, _, _ in columns)]
    by = f"dense models by {found.dense_law}; memory to train is that of weights, gradients and Adam's states"
    return [Table("The mixture and dense models", "l" + "r" * len(columns), headers, rows, [by])]


_BESIDE: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("active", "active_params", format_count),
    ("in all", "total_params", format_count),
    ("tokens", "tokens", format_count),
    ("loss", "loss", four_digits),
    ("to train", "training_flops", format_flops),
    ("in dollars", "training_dollars", format_dollars),
    ("memory to train", "training_bytes", format_bytes),
    ("to serve a token", "serving_flops_per_token", format_flops),
    ("to serve them all", "serving_flops", format_flops),
    ("served weights", "weight_bytes", format_bytes),
    ("served cache", "cache_bytes", format_bytes),
)
"""Header, attribute and writer of what is known of a mixture and the dense models beside it."""
