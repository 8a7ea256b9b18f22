"""A model with its run, and the quantities counted of it, as numbers or as formulas."""
