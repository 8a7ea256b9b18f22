"""Memory: what training and inference hold, byte for byte, and what fits."""
