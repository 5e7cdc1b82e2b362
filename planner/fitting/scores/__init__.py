"""Benchmark scores of larger runs from those of smaller ones: forms, weights, intervals, verdicts, back-tests."""
