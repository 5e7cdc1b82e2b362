"""Charts drawn: pictures by matplotlib, plots in a terminal by plotille."""
