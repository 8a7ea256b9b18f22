"""What is counted of a model and a run: parameters, FLOPs, memory, serving and training time."""
