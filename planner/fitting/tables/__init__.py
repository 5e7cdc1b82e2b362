"""Tables of runs: files and sheets read into checked arrays, and the tables that ship."""
