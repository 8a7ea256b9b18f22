"""The families: what is called what in each, what a missing key stands for, what never varies."""
