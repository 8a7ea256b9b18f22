"""Analyses of a quantity: comparisons, sweeps, models of a wanted size, diagnoses of a count."""
