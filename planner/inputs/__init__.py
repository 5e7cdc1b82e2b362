"""What a user asks, read into a problem for the solver."""
