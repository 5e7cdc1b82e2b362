"""The optimisation: a problem, what a run costs, what counts of it, the loss surface, the solver, and how sure it is."""
