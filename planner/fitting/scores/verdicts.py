"""Whether a task's score can be forecast, why not, and which run would decide it."""

from typing import NamedTuple

import numpy as np

from planner._util.student_t import student_quantile
from planner.fitting.scores.forms import Where
from planner.fitting.scores.public_models import public_upper
from planner.fitting.scores.settings import settings
from planner.fitting.scores.task_model import Errors, TaskModel, goes_on
from planner.quantities import format_flops, significant

PREDICTABLE = "predictable"
NOT_ABOVE_CHANCE = "not yet above chance"
SATURATED = "saturated"
NOT_MONOTONE = "not monotone"
TOO_NOISY = "too noisy"
VERDICTS = (PREDICTABLE, NOT_ABOVE_CHANCE, SATURATED, NOT_MONOTONE, TOO_NOISY)


class Verdict(NamedTuple):
    """A verdict with its reason, and what would change a refusal; empty where there is nothing to decide."""

    name: str
    reason: str
    decided_by: str = ""


def judge(model: TaskModel, errors: Errors, score: float, target: Where, most: float | None = None) -> Verdict:
    """Judge the forecast of one task at one target; ``most`` is the largest standard deviation of one that is given."""
    known = settings("verdict")
    limit, noise = float(known["most"]) if most is None else most, _noise(model)
    if model.top >= model.ceiling - max(float(known["at_ceiling"]), noise):
        text = f"its largest runs, {_points(model.top)}, are within {_points(max(model.ceiling - model.top, noise))} points"
        return Verdict(SATURATED, f"{text} of the ceiling, {_points(model.ceiling)}", "a harder task tells larger runs apart")
    fell = model.floor - model.top
    if fell > float(known["fall"]) and model.rise < -float(known["sure_fall"]):
        return _not_monotone(f"its score falls with compute, from {_points(model.floor)} to {_points(model.top)}")
    # of few runs the error itself is not known: as wide as their interval
    unsure = max(student_quantile(0.975, max(len(model.scores) - 4, 1)) / student_quantile(0.975, float(known["usual"])), 1.0)
    sd = round(float(errors.judged[0]) * unsure, 6)
    if model.few:
        return Verdict(TOO_NOISY, f"{len(model.scores)} runs have a score: too few to hold any out", "more runs with a score")
    leaves = score - max(model.top, model.floor) > float(known["leaves"])
    unknown = not model.questions and most is None
    if not model.above_chance and (leaves or _beyond(model, target) or unknown or sd > limit):
        return _below(model, errors, noise)
    small = model.top - model.floor < float(known["least_rise"])
    if (small or not model.above_chance) and (public := _public(model, target)):
        return public
    if sd <= limit:
        return Verdict(PREDICTABLE, _why(model, errors, score))
    return _noisy(model, errors, noise, target)


def _beyond(model: TaskModel, target: Where) -> bool:
    """Tell whether a target lies where a task at chance is not known to stay there: past the back-tests, or by loss alone."""
    if target.flops is None or not np.isfinite(model.center.flops):
        return target.loss is not None and float(target.loss[0]) < model.center.loss
    return float(np.max(model.reach(target))) > float(settings("verdict")["chance_to"])


def _public(model: TaskModel, target: Where) -> Verdict | None:
    """Refuse a task at chance on which public models of the target's compute are above it."""
    upper = None if target.flops is None else public_upper(model.name, float(target.flops[0]))
    if upper is None or upper <= model.top + float(settings("public")["above"]):
        return None
    public = f"a quarter of public models of the target's compute reach {_points(upper)} or more"
    return Verdict(NOT_ABOVE_CHANCE, f"near {_points(model.top)} in all runs, but {public}", _first_clear(model))


def _points(value: float) -> str:
    """Write a fraction in points: ``46.2``."""
    return significant(100 * value, 3 if abs(value) >= 0.1 else 2) if abs(value) >= 0.0005 else "0"


def _noise(model: TaskModel) -> float:
    """Return the standard deviation of a test at the largest runs, by its questions; 0 where they are not known."""
    if not model.questions:
        return 0.0
    share = min(max(model.top / model.ceiling, 0.01), 0.99)
    return model.ceiling * float(np.sqrt(share * (1 - share) / model.questions))


def _why(model: TaskModel, errors: Errors, score: float) -> str:
    foretold = f"smaller runs foretold larger ones to {_points(errors.held_out)} points"
    if model.above_chance:
        return f"rises from {_points(model.floor)} in the smallest runs to {_points(model.top)} in the largest; {foretold}"
    hidden = f"a rise that noise hides adds at most {_points(2 * float(errors.hidden[0]))} points"
    return f"near {_points(model.top)} in all runs, and expected to stay there; {hidden}; {foretold}"


def _below(model: TaskModel, errors: Errors, noise: float) -> Verdict:
    known = settings("verdict")
    if errors.scatter > max(float(known["scatter"]) * noise, float(known["restless"])):
        text = f"runs scatter by {_points(errors.scatter)} points, and do not rise beyond that"
        return Verdict(TOO_NOISY, text, "two more seeds at the largest size")
    seen = f"no rise beyond noise in the runs, which are near {_points(model.top)}"
    if not model.questions:
        seen += "; how many questions it has is not known"
        return Verdict(NOT_ABOVE_CHANCE, seen, "its number of questions, or larger runs")
    return Verdict(NOT_ABOVE_CHANCE, seen, _or_more_questions(_first_clear(model), model))


def _first_clear(model: TaskModel) -> str:
    """Say at which compute a hidden rise would be ``decides`` standard errors of one test, up to the farthest."""
    known = settings("verdict")
    if not np.isfinite(model.center.flops) or model.top_error <= 0:
        return "larger runs"
    test = max(_noise(model), model.scatter)
    ratio = (float(known["decides"]) * test / (2 * model.top_error)) ** (1 / float(settings("interval")["hidden_growth"]))
    if ratio > float(known["farthest"]):
        return "larger runs"
    return f"a run of {format_flops(model.center.flops * max(ratio, 2.0), 2)}"


def _or_more_questions(run: str, model: TaskModel) -> str:
    """Say which run decides, or how many questions would bring their noise to a third of what a forecast may be off."""
    wanted, noise = float(settings("verdict")["most"]) / 3, _noise(model)
    if not model.questions or noise <= wanted:
        return run
    return f"{run}, or {significant(model.questions * (noise / wanted) ** 2, 2)} questions instead of {model.questions:.0f}"


def _not_monotone(seen: str) -> Verdict:
    return Verdict(NOT_MONOTONE, seen, "two more seeds at the largest size")


def _noisy(model: TaskModel, errors: Errors, noise: float, target: Where) -> Verdict:
    """Say which part of the error is the largest."""
    scatter = float(settings("verdict")["scatter"])
    forms, held = float(errors.forms[0]), errors.held_out
    onward = goes_on(model, target)
    if onward is not None and float(errors.hidden[0]) > max(forms, held, errors.scatter):
        text = f"its rise has only begun, at {_points(model.top)}: going on as in the last runs it reaches "
        text += _points(float(onward[0]))
        return Verdict(TOO_NOISY, text, _between(model, target))
    if errors.scatter > forms and errors.scatter > scatter * max(noise, 0.005):
        beside = f", of which its questions explain {_points(noise)}" if noise else ""
        return _not_monotone(f"runs scatter by {_points(errors.scatter)} points around a rising curve{beside}")
    between = _between(model, target)
    if forms >= held:
        return Verdict(TOO_NOISY, f"forms that fit its runs differ by {_points(2 * forms)} points at the target", between)
    text = f"smaller runs foretold larger ones to no better than {_points(held)} points"
    text = text if held < 1 else "smaller runs foretell nothing of a run so much larger"
    return Verdict(TOO_NOISY, text, _or_more_questions(between, model))


def _between(model: TaskModel, target: Where) -> str:
    """Return the run half way to the target, on a logarithmic scale."""
    if target.flops is None or not np.isfinite(model.center.flops) or float(target.flops[0]) <= model.center.flops:
        return "more runs near the target"
    return f"a run of {format_flops(float(np.sqrt(float(target.flops[0]) * model.center.flops)), 2)}"
