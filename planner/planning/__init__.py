"""The verbs a user calls: plan, check, sweep, compare, trade, configure, levers, limits; and their arithmetic on paper."""
