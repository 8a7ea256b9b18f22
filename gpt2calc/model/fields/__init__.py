"""Fields of a model's config by what they describe, each with what follows from it."""
