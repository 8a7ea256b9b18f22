"""Lessons: formulas with every step shown, and exercises."""
