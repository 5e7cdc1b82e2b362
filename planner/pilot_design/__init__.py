"""Which small runs to train, so that the plan of a large one is right."""
