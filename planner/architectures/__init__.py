"""Concrete transformers: what they count, cost and take of memory, how they are laid out, and which fit a size."""
