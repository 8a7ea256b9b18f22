"""What a model is: its config, its layers as parts, and what each family calls them."""
