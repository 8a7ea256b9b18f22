"""Fields of a model's config by what they describe, each with what follows from it.

A number may also be a symbol, an array or a polynomial, put in by ``evaluate_at`` in the place of
an ``int``: each property does arithmetic alone, wherever it is no plain integer.
"""
