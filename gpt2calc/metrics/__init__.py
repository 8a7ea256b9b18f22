"""What is added up over a model and a run: parameters, FLOPs."""
