"""Words that people type and there are not: what they mean here, or what is near."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_INPUTS: dict[tuple[str, ...], str] = {
    ("--hours", "--weeks", "--time", "--duration"): '--days, such as --days "3 weeks" or --days 72h',
    ("--budget", "--compute", "--compute-budget"): "--flops, --dollars, --gpu-hours, or --gpus with --days",
    ("--cost", "--usd", "--money"): "--dollars, such as --dollars 2M --gpu h100",
    ("--n-gpus", "--num-gpus", "--gpu-count", "--nodes"): "--gpus, such as --gpus 512xH100",
    ("--gpu-type", "--device", "--hardware", "--accelerator"): "--gpu, such as --gpu h100; plan hardware lists them",
    ("--model-size", "--size", "--parameters", "--n-params"): "--params, such as --params 7B",
    ("--model", "--architecture", "--layers", "--width"): "--shape, such as --shape llama2-7b; plan models lists them",
    ("--data", "--dataset"): "--tokens, and --unique-tokens for data that repeats",
    ("--epochs", "--repeat"): "--unique-tokens, the different tokens at hand: epochs are tokens over them",
    ("--target-loss", "--loss-target", "--perplexity", "--ppl"): "--loss, in nats per token: the logarithm of a perplexity",
    ("--carbon", "--emissions"): "--co2 and --grid, such as --co2 300t --gpu h100 --grid france",
    ("--region", "--country"): "--grid, such as --grid france",
    ("--quantize", "--quantization", "--fp8"): "--precision fp8, for what it costs in loss, or --dtype fp8, for the peak",
    ("--json", "--csv", "--markdown"): "--format, such as --format json",
    ("--chart", "--graph", "--draw"): "--plot, such as --plot plan.png",
    ("--verbose", "--debug"): "--explain, which shows the arithmetic line by line",
    ("--quiet", "--short"): "--brief, which prints the answer alone",
}
"""Options that people type and there are not, and those that say it here."""

_SAID: dict[tuple[str, ...], str] = {
    ("--accuracy", "--error", "--mmlu", "--benchmark", "--benchmark-score", "--downstream"): (
        "scores are forecast from runs of your own: plan scores runs.csv --target 1e23; what an error on a benchmark takes: "
        "plan limits --benchmark imagenet --error 5%"
    ),
    ("--moe",): "a mixture of experts is planned by a law of mixtures: --law ludziejewski2025; all of them: plan compare --moe",
    (
        "--batch-size",
        "--lr",
        "--learning-rate",
        "--seq-len",
        "--context",
        "--vocab",
        "--warmup",
        "--steps",
    ): ("a law holds for the recipe that it was fitted on; plan configure proposes shapes, batch size and learning rate"),
    (
        "--distill",
        "--distillation",
        "--teacher",
    ): "plan distill --student 1B --tokens 100B plans a student, with and without a teacher",
    ("--finetune", "--fine-tune", "--sft", "--rl", "--rlhf"): (
        "planner plans pre-training; no published law of fine-tuning or reinforcement learning is in it"
    ),
    ("--output", "--out", "--save"): (
        "an answer goes to a file with > FILE; --plot FILE draws it, plan report -o FILE.html writes a page"
    ),
}
"""Options that stand for something that planner does not do, or does elsewhere."""

_COMMANDS: dict[tuple[str, ...], str] = {
    ("plan",): "no name stands before its options: plan --flops 1e21",
    ("chart", "plot", "draw"): "an option draws: plan --flops 1e21 --plot plan.png",
    ("sweep", "range"): "a range makes one: plan --flops 1e18..1e26",
    ("explain",): "an option explains: plan --flops 1e21 --explain",
    ("serve", "inference"): "serving is counted by options: plan --flops 1e22 --inference-tokens 2T, or plan trade",
    ("law",): "plan laws",
    ("gpus", "devices", "prices"): "plan hardware",
    ("train",): "planner says what to train, and trains nothing: plan --flops 1e21",
}


def instead_of_option(typed: str, known: Iterable[str], command: str) -> str:
    """Return what to say of an option that a command does not have, given those that it has."""
    options = sorted(known)
    if slip := get_close_matches(typed, options, 1, 0.9):
        return f"no option {typed}; did you mean {slip[0]}?"
    for names, text in _INPUTS.items():
        if typed in names and text.split(",")[0].split()[0] in options:
            return f"no option {typed}: planner says that with {text}"
    near = _near(typed, options)
    said = "" if near else next((text for names, text in _SAID.items() if typed in names), "")
    return f"no option {typed}{near or (f': {said}' if said else f'; {command} --help lists what there is')}"


def instead_of_command(typed: str, known: Sequence[str]) -> str:
    """Return what to say of a command that there is not."""
    option = f"--{typed}"
    said = next((text for names, text in _COMMANDS.items() if typed in names), "")
    said = said or next((text for names, text in _SAID.items() if option in names), "")
    said = said or next((f"planner says that with {text}" for names, text in _INPUTS.items() if option in names), "")
    near = _near(typed, known)
    return said or near.removeprefix("; ") or f"commands are {', '.join(known)}"


def _near(typed: str, known: Sequence[str]) -> str:
    found = get_close_matches(typed, known, 2, 0.76)
    return f"; did you mean {' or '.join(found)}?" if found else ""
