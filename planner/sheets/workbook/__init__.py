"""A workbook of live formulas that needs no Python."""
