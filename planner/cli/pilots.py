"""``plan pilots``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, tell
from planner.cli._options import files, inputs, progress_bar
from planner.cli._plan import app
from planner.inputs.registry import PilotInputs
from planner.inputs.table_inputs import FitInputs
from planner.quantities import shown


@app.command(cls=Command)
@click.option("--budget", metavar="FLOP", help="What all pilots may cost: 1e20, or one of the budgets below.")
@click.option("--target", metavar="FLOP", required=True, help="The budget of the run that they are for.")
@click.option("--runs", type=int, help="How many pilots.  [default: 24; beside --given as many as pay]")
@click.option("--ratios", metavar="FROM..TO", help="Tokens per parameter that a pilot may have (3..120).  [default: 1..400]")
@click.option("--min-params", metavar="N", help="Smallest pilot.")
@click.option("--max-params", metavar="N", help="Largest pilot.")
@click.option("--noise", metavar="FRACTION", help="Scatter of ln loss between runs trained alike.  [default: 0.5%]")
@click.option("--shapes", is_flag=True, help="Choose models that exist: shapes, whole batches, exact FLOP.")
@click.option("--vocab", metavar="N", help="Vocabulary of the shapes.  [default: the best for the target, by tao2024]")
@click.option("--context", metavar="N", help="Tokens of context of the shapes.  [default: 4096]")
@click.option("--batch", metavar="TOKENS", help="Tokens of a step of the shapes.  [default: by deepseek2024]")
@click.option("--given", multiple=True, type=click.Path(allow_dash=True), metavar="FILE|-",
              help="Runs that are done: choose the next ones; repeat for more files.")  # fmt: skip
@click.option("--group", metavar="NAME", help="Which group of --given.")
@click.option("--trunk", is_flag=True, help="One constant-rate run a size, and models of several lengths cooled down from it.")
@click.option("--cooldown", metavar="FRACTION", help="Share of its tokens over which such a model cools down.  [default: 20%]")
@click.option("--simulate", is_flag=True, help="Also fit simulated tables, of these runs and of an isoFLOP grid.")
@click.option("--tables", type=int, help="Simulated tables for each law and misfit.  [default: 20]")
@click.option("--workers", type=int, help="Processes of the simulation.  [default: 1]")
@inputs(FitInputs)
@inputs(PilotInputs)
@click.option("--seed", type=int, help="Seed of the laws drawn.  [default: 0]")
@click.option("--save", metavar="PILOTS.csv", help="Write a table whose losses wait to be filled in, for plan fit.")
@answer_options
def pilots(save: Any, force: bool, **options: Any) -> None:
    """Choose which small runs to train, so that the plan for a large budget is right.

    \b
    plan pilots --budget 1e20 --target 1e23 --save pilots.csv
    plan pilots --gpus 64xh100 --days 2 --target 1e24 --ratios 3..120
    plan pilots --budget 1e20 --target 1e23 --shapes --vocab 32000 --context 2048
    plan pilots --given runs.csv --budget 3e19 --target 1e23
    plan pilots --budget 1e20 --target 1e23 --trunk --cooldown 10%
    plan pilots --budget 1e20 --target 1e23 --simulate --workers 2
    """
    from planner.output import save_pilots
    from planner.pilot_design.pilots import pilots as design

    if save is not None:
        from planner._util.files import new_file

        new_file(save, force, ".csv", "a table of pilots")
    with progress_bar("simulating", wanted=bool(options["simulate"])) as progress:
        given = chosen(**options)
        if "given" in given:
            given["given"] = files(given["given"])
        answer = design(**given, progress=progress)

    def saved() -> str:
        save_pilots(answer, save, overwrite=force)
        beside = "".join(f"{shown(each)} " for each in options["given"] if each != "-")
        return f"fill in the losses, then: plan fit {beside}{shown(save)}"

    tell(answer, saved if save is not None else None)
