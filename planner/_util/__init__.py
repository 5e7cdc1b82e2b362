"""What any floor uses and no domain: files, root finding, read-only mappings, work over processes, stable choices."""
