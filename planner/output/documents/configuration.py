"""What to configure, and the published models, as blocks to read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.output.documents.blocks import Block, Facts, Items, Table, Title, conventions, note_blocks
from planner.output.documents.cost import cost_facts
from planner.output.documents.layouts import advice_blocks, argument_block, layout_blocks, speed_facts
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
    loss = "" if found.loss is None else f", loss {significant(found.loss, 4)}"
    title = f"{format_count(found.params)} parameters on {format_count(found.tokens)} tokens{loss}: what to configure"
    blocks: list[Block] = [Title(title), _shapes(found), *layout_blocks(found), *speed_facts(found), *advice_blocks(found)]
    blocks += [argument_block(found), *([_recipes(found)] if found.suggestions else [])]
    if found.machine and found.shapes[0].cost:
        blocks.append(cost_facts(found.machine, found.shapes[0].cost))
    blocks += [_trade(found)] if found.suggestions else []
    blocks.append(Facts([("law", found.law.id, found.law.reference), ("conventions", "", conventions(found.law))]))
    blocks += note_blocks(found.notes)
    return blocks


def _shapes(found: "Configuration") -> Table:
    headers = ["layers", "width", "heads", "kv", "head", "ffn", "vocabulary", "parameters", "off", "no embeddings", "FLOP/token"]
    headers += ["against 6N", "tokens", "cache/token"]
    mixture = found.shapes[0].shape.experts > 1
    headers += ["experts", "each", "at work"] if mixture else []
    tied = "tied" if found.shapes[0].shape.tied else "not tied"
    kind = "gated (SwiGLU)" if found.shapes[0].shape.gated else "not gated"
    causal = found.inputs.get("attention_flops") == "causal"
    attended = "to tokens before alone" if causal else "over the whole context (causal or not)"
    footnotes = [
        f"feed-forward {kind}; embeddings {tied}; context {format_whole(found.shapes[0].shape.context)}; RMS norms, no biases"
        if found.proportions
        else f"context {format_whole(found.shapes[0].shape.context)}; as given",
        f"FLOP/token: training, every matrix product, attention {attended}; cache: 16 bits",
    ]
    heading = "Shapes" if found.proportions else "The shape"
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
        [f"{each.model}", "used", format_count(each.batch), "", "", format_rate(each.learning_rate), "", each.warm_up]
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
        "-" if each.batch is None else format_count(each.batch),
        "-" if each.sequences is None else format_whole(each.sequences),
        "-" if each.steps is None else format_whole(each.steps),
        "-" if each.learning_rate is None else format_rate(each.learning_rate),
        "no" if each.beyond <= 1 else format_factor(each.beyond),
        "; ".join(text for text in (each.recipe.schedule, each.recipe.detail) if text) or "-",
    ]


def _trade(found: "Configuration") -> Table:
    critical = next(each for each in found.suggestions if each.recipe.id == "kaplan2020")
    rows = [[format_factor(ratio), format_factor(steps), format_factor(compute)] for ratio, steps, compute in found.trade]
    batch = "-" if critical.batch is None else format_count(critical.batch)
    footnotes = [
        f"the critical batch here, by kaplan2020: {batch} tokens (McCandlish et al. 2018; Kaplan et al. 2020, Eq. 5.1-5.5)"
    ]
    headers = ["batch over the critical one", "steps over the fewest", "compute over the least"]
    return Table("What a larger batch buys in time and costs in compute", "rrr", headers, rows, footnotes)


def models_document(models: "Sequence[Model]") -> list[Block]:
    """Return the list of published models."""
    headers = [
        "model",
        "year",
        "layers",
        "width",
        "heads",
        "kv",
        "ffn",
        "vocabulary",
        "parameters",
        "by its shape",
        "tokens",
        "6ND",
    ]
    rows = [
        [
            each.id,
            str(each.year),
            *(
                str(value)
                for value in (each.shape.layers, each.shape.width, each.shape.heads, each.shape.kv_heads, each.shape.ffn)
            ),
            format_whole(each.shape.vocab),
            format_whole(each.params) if each.exact else format_count(each.params, 4),
            "same" if each.off == 0 else format_signed_percent(each.off, 2),
            "-" if each.tokens is None else format_count(each.tokens),
            "-" if each.flops_6nd is None else format_flops(each.flops_6nd),
        ]
        for each in models
    ]
    notes = [
        "parameters: as published, to the last one where they are exact; --shape NAME uses a model's shape",
        "6ND: with the parameters at work on a token",
    ]
    return [
        Title(f"{len(models)} published models"),
        Table("Shapes and sizes", "l" + "r" * 11, headers, rows, notes, ("kv", "heads", "ffn", "vocabulary", "year")),
    ]


def model_document(model: "Model") -> list[Block]:
    """Return one published model whole."""
    shape = model.shape
    experts = f"{shape.experts_per_token} of {shape.experts} experts at work" if shape.experts > 1 else "dense"
    exact = "to the last parameter" if model.exact else "as printed"
    facts = [
        ("parameters", format_whole(model.params), f"{exact}; by the shape {format_whole(shape.total)}"),
        ("", format_whole(shape.non_embedding), "without embeddings"),
        *([("", format_whole(shape.active), "at work on a token")] if shape.experts > 1 else []),
        (
            "layers",
            str(shape.layers),
            f"width {shape.width}, {shape.heads} heads of {shape.head_size}, {shape.kv_heads} key-value heads",
        ),
        ("ffn", str(shape.ffn), f"{'gated' if shape.gated else 'not gated'}; {experts}"),
        (
            "vocabulary",
            format_whole(shape.vocab),
            f"embeddings {'tied' if shape.tied else 'not tied'}; context {format_whole(shape.context)}{_extended(model)}",
        ),
        ("cache", format_bytes(model.cache_bytes), "a token, in 16 bits"),
    ]
    if model.tokens is not None and model.flops_6nd is not None:
        facts.append(("trained on", format_count(model.tokens), f"tokens; 6ND = {format_flops(model.flops_6nd)}"))
    if model.flops is not None:
        facts.append(("compute", format_flops(model.flops), "as published"))
    blocks: list[Block] = [Title(f"{model.id}: {model.name}, {model.org} {model.year}"), Facts(facts)]
    blocks.append(Items("Sources", [*model.sources, f"how: {model.read}"]))
    notes = [text for text in (model.flag, model.note) if text]
    if notes:
        blocks.append(Items("Notes", notes))
    return blocks


def _extended(model: "Model") -> str:
    longest = model.longest_context
    return "" if longest == model.shape.context else f" in pretraining, extended to {format_whole(longest)}"


def published_document(models: "Sequence[Model]") -> list[Block]:
    """Return the blocks of a list of published models, of one whole."""
    return model_document(models[0]) if len(models) == 1 else models_document(models)
