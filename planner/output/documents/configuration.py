"""What to configure, and the published models, as blocks to read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.output.documents.blocks import (
    Block,
    Facts,
    Items,
    Table,
    Title,
    conventions,
    four_digits,
    note_blocks,
    or_dash,
)
from planner.output.documents.cost import cost_facts
from planner.output.documents.layouts import layout_blocks
from planner.quantities import (
    format_bytes,
    format_count,
    format_factor,
    format_flops,
    format_rate,
    format_signed_percent,
    format_whole,
    significant,
)

if TYPE_CHECKING:
    from planner.architectures.hyperparameters import Suggestion
    from planner.architectures.published_models import Model
    from planner.architectures.transformer import Shape
    from planner.planning.configure import Configuration
    from planner.planning.shape_candidates import Candidate


def configuration_document(found: "Configuration") -> list[Block]:
    """Return shapes, memory, batch size and learning rate."""
    loss = "" if found.loss is None else f", loss {four_digits(found.loss)}"
    cost = found.shapes[0].cost
    return [
        Title(f"{format_count(found.params)} parameters on {format_count(found.tokens)} tokens{loss}: what to configure"),
        _shapes(found),
        *layout_blocks(found),
        *([_recipes(found)] if found.suggestions else []),
        *([cost_facts(found.machine, cost)] if found.machine and cost else []),
        *([_trade(found)] if found.suggestions else []),
        Facts([("law", found.law.id, found.law.reference), ("conventions", "", conventions(found.law))]),
        *note_blocks(found.notes),
    ]


def _shapes(found: "Configuration") -> Table:
    headers = ["layers", "width", "heads", "kv", "head", "ffn", "vocabulary", "parameters", "off", "no embeddings", "FLOP/token"]
    headers += ["against 6N", "tokens", "cache/token"]
    shape = found.shapes[0].shape
    headers += ["experts", "each", "at work"] if shape.experts > 1 else []
    causal = found.inputs.get("attention_flops") == "causal"
    attended = "to tokens before alone" if causal else "over the whole context (causal or not)"
    heading, made = "The shape", f"context {format_whole(shape.context)}; as given"
    if found.proportions:
        kind, tied = "gated (SwiGLU)" if shape.gated else "not gated", "tied" if shape.tied else "not tied"
        made = f"feed-forward {kind}; embeddings {tied}; context {format_whole(shape.context)}; RMS norms, no biases"
        heading = "Shapes"
    footnotes = [made, f"FLOP/token: training, every matrix product, attention {attended}; cache: 16 bits"]
    return Table(heading, "r" * len(headers), headers, [_shape_row(each) for each in found.shapes], footnotes)


def _shape_row(each: "Candidate") -> list[str]:
    shape = each.shape
    return [
        *(str(value) for value in (shape.layers, shape.width, shape.heads, shape.kv_heads, shape.head_size, shape.ffn)),
        format_whole(shape.vocab),
        format_whole(each.params),
        format_signed_percent(each.off, 2),
        format_whole(each.params_non_embedding),
        significant(each.flops_per_token),
        format_signed_percent(each.over_6nd),
        format_count(each.tokens),
        format_bytes(each.cache_bytes),
        *(_experts(shape) if shape.experts > 1 else ()),
    ]


def _experts(shape: "Shape") -> tuple[str, str, str]:
    """Return how many experts work on a token, how wide each is, and the parameters at work."""
    shared = f" and {shape.details.shared_experts}" if shape.details.shared_experts else ""
    return (
        f"{shape.experts_per_token} of {shape.experts}{shared}",
        str(shape.details.expert_ffn or shape.ffn),
        format_count(shape.active),
    )


def _recipes(found: "Configuration") -> Table:
    headers = ["law", "batch is", "tokens a batch", "sequences", "steps", "learning rate", "outside its runs", "holds for"]
    rows = [_recipe_row(each) for each in found.suggestions]
    rows += [
        [each.model, "used", format_count(each.batch), "", "", format_rate(each.learning_rate), "", each.warm_up]
        for each in found.used
    ]
    footnotes = [
        "an optimal batch has the lowest loss for its compute; beyond a critical one more devices save little time",
        "learning rates belong to the optimizer and schedule beside them; none of these laws was fitted on large models",
    ]
    return Table("Batch size and learning rate, by published laws", "llrrrrrl", headers, rows, footnotes)


def _recipe_row(each: "Suggestion") -> list[str]:
    return [
        each.recipe.id,
        each.recipe.kind,
        or_dash(each.batch, format_count),
        or_dash(each.sequences, format_whole),
        or_dash(each.steps, format_whole),
        or_dash(each.learning_rate, format_rate),
        "no" if each.beyond <= 1 else format_factor(each.beyond),
        "; ".join(text for text in (each.recipe.schedule, each.recipe.detail) if text) or "-",
    ]


def _trade(found: "Configuration") -> Table:
    critical = next(each for each in found.suggestions if each.recipe.id == "kaplan2020")
    rows = [[format_factor(ratio), format_factor(steps), format_factor(compute)] for ratio, steps, compute in found.trade]
    batch = or_dash(critical.batch, format_count)
    note = f"the critical batch here, by kaplan2020: {batch} tokens (McCandlish et al. 2018; Kaplan et al. 2020, Eq. 5.1-5.5)"
    headers = ["batch over the critical one", "steps over the fewest", "compute over the least"]
    return Table("What a larger batch buys in time and costs in compute", "rrr", headers, rows, [note])


def _models(models: "Sequence[Model]") -> list[Block]:
    headers = ["model", "year", "layers", "width", "heads", "kv", "ffn", "vocabulary"]
    headers += ["parameters", "by its shape", "tokens", "6ND"]
    rows = []
    for each in models:
        shape = each.shape
        sizes = [str(size) for size in (each.year, shape.layers, shape.width, shape.heads, shape.kv_heads, shape.ffn)]
        params = format_whole(each.params) if each.exact else format_count(each.params, 4)
        off = "same" if each.off == 0 else format_signed_percent(each.off, 2)
        run = [or_dash(each.tokens, format_count), or_dash(each.flops_6nd, format_flops)]
        rows.append([each.id, *sizes, format_whole(shape.vocab), params, off, *run])
    notes = [
        "parameters: as published, to the last one where they are exact; --shape NAME uses a model's shape",
        "6ND: with the parameters at work on a token",
    ]
    return [
        Title(f"{len(models)} published models"),
        Table("Shapes and sizes", "l" + "r" * 11, headers, rows, notes, ("kv", "heads", "ffn", "vocabulary", "year")),
    ]


def _model(model: "Model") -> list[Block]:
    shape = model.shape
    experts = f"{shape.experts_per_token} of {shape.experts} experts at work" if shape.experts > 1 else "dense"
    exact = "to the last parameter" if model.exact else "as printed"
    longest = model.longest_context
    extended = "" if longest == shape.context else f" in pretraining, extended to {format_whole(longest)}"
    tied = "tied" if shape.tied else "not tied"
    wide = f"width {shape.width}, {shape.heads} heads of {shape.head_size}, {shape.kv_heads} key-value heads"
    facts = [
        ("parameters", format_whole(model.params), f"{exact}; by the shape {format_whole(shape.total)}"),
        ("", format_whole(shape.non_embedding), "without embeddings"),
        *([("", format_whole(shape.active), "at work on a token")] if shape.experts > 1 else []),
        ("layers", str(shape.layers), wide),
        ("ffn", str(shape.ffn), f"{'gated' if shape.gated else 'not gated'}; {experts}"),
        ("vocabulary", format_whole(shape.vocab), f"embeddings {tied}; context {format_whole(shape.context)}{extended}"),
        ("cache", format_bytes(model.cache_bytes), "a token, in 16 bits"),
    ]
    if model.tokens is not None and model.flops_6nd is not None:
        facts.append(("trained on", format_count(model.tokens), f"tokens; 6ND = {format_flops(model.flops_6nd)}"))
    if model.flops is not None:
        facts.append(("compute", format_flops(model.flops), "as published"))
    notes = [text for text in (model.flag, model.note) if text]
    return [
        Title(f"{model.id}: {model.name}, {model.org} {model.year}"),
        Facts(facts),
        Items("Sources", [*model.sources, f"how: {model.read}"]),
        *([Items("Notes", notes)] if notes else []),
    ]


def published_document(models: "Sequence[Model]") -> list[Block]:
    return _model(models[0]) if len(models) == 1 else _models(models)
