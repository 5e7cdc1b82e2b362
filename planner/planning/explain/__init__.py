"""The arithmetic of an answer, line by line."""
