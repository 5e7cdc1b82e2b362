"""Accelerators with their prices, power and grids; FLOP <-> device-hours <-> money <-> energy <-> CO2e. Knows no laws."""
