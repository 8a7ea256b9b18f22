"""The proof: against the model that PyTorch builds, and against real checkpoints."""
