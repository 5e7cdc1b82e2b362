"""Learning curves: the best guess, the power law and the floor of an error against the size of the data."""
