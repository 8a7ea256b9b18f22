"""Comparison with the models that transformers builds, and inspection of checkpoints."""
