"""Whole decoders: embeddings, the loop over the blocks, the head."""
