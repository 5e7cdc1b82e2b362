"""``plan configure``. Heavy modules are imported inside, so that ``--help`` stays quick."""

from typing import Any

import click

from planner.cli._commands import Command, answer_options, chosen, tell
from planner.cli._options import inputs, recompute_option
from planner.cli._plan import app
from planner.inputs.registry import ConfigureInputs


@app.command(cls=Command)
@inputs(ConfigureInputs, law="Law that plans and counts N.")
@click.option("--vocab", metavar="N", help="Vocabulary of the shapes.  [default: the best for the size, by tao2024]")
@click.option("--context", metavar="N", help="Tokens of context.  [default: 4096]")
@click.option("--kv-heads", metavar="N", help="Key-value heads.  [default: near 8]")
@click.option("--gated/--not-gated", default=None, help="Gated feed-forward parts (SwiGLU) or plain ones.")
@click.option("--tied/--not-tied", default=None, help="One table for embedding and head, or two.")
@click.option("--count", type=int, help="Shapes to propose.  [default: 5]")
@recompute_option
@answer_options
def configure(**options: Any) -> None:
    """Propose what to configure: shapes that hit the size, whether they fit in memory, batch size and learning rate.

    \b
    plan configure --params 7B --tokens 140B --gpus 64xH100
    plan configure --gpus 64xH100 --days 30
    plan configure --shape llama2-7b --tokens 2T --gpu a100
    """
    from planner.planning.configure import configure as configured

    tell(configured(**chosen(**options)))
