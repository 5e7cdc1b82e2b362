"""What holds where the user says nothing."""

DEFAULT_LAW = "besiroglu2024"
"""The law that plans when none is named: the 2024 refit of Chinchilla."""

TOLERANCE = 0.10
"""Extra compute up to which a run is called balanced: a house convention."""

LEVEL = 0.95
"""Level of intervals."""
