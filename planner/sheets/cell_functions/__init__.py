"""The spreadsheet functions: one registry, from which every host is generated."""
