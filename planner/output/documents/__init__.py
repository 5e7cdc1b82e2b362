"""Results as blocks to read, one kind of result a room."""
