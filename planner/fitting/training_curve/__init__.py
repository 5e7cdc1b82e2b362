"""The loss of a run over its steps: laws of the learning-rate schedule fitted to its log, its end, and what else it could do."""
