"""Which fields of a model go together, by the part that they are of."""
