"""Runs -> a law with draws: parametric fits, isoFLOP, envelope, back-tests; the doors are ``planner.fit`` and ``planner.backtest``."""
