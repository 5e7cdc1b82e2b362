"""Runs -> a law with draws: parametric fits, isoFLOP, envelope, back-tests; its doors are ``planner.fit`` and ``backtest``."""
