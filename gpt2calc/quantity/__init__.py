"""What is asked: a model and a run of it, and the quantity that is added up, in any arithmetic."""
