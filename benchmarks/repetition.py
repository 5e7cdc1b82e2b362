"""What repeating data costs: Muennighoff's decay against an over-fitting penalty, fitted to few passes and asked for more.

The repeated runs of the shipped table ``muennighoff2023`` (255; those whose loss is more than 1.15 times that of their unique
tokens seen once are called diverged and left out, 8 of them), beside the additive law of its runs that saw each token once, which
is held. Each form is fitted to runs of at most so many passes and asked for the rest: median and mean of |ln error| in per cent.
The penalty is added to the loss of as many fresh tokens: ``c sqrt((D/U - 1) N/U)``, one constant, in nats a token.

    python -m benchmarks.repetition
"""

import numpy as np

from tests.repeated_runs import study

PASSES = (4.5, 8.0, 15.0, 30.0, 60.0)


def main() -> None:
    """Print the table, and the penalty's constant."""
    found = study()
    print(f"{len(found.loss)} runs; fitted on at most so many passes, asked for more: median / mean error of loss, %")
    for most in (*PASSES, np.inf):
        row = [(name, found.errors(name, most) * 100) for name in found.forms]
        text = "   ".join(f"{name} {np.median(error):5.2f} / {error.mean():5.2f}" for name, error in row)
        print(f"{f'{most:g} passes' if np.isfinite(most) else 'all':12} {text}")
    print(f"constant of the penalty {float(np.exp(found.fitted('penalty', np.inf)[0])):.4g}")


if __name__ == "__main__":
    main()
