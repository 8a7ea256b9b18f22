"""Attention: projections, rotary positions, scores, caches, masks; families that differ."""
