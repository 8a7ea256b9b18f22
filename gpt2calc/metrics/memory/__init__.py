"""Memory: what training and serving hold, byte for byte, from a run on the tape; and what fits."""
