"""Blocks (decoder layers): how attention, MLP, norms and the residual stream stand."""
