"""A model with its run, and the quantities that are summed over it, in numbers or letters."""
