"""FLOPs: what a pass, generation and training take, exactly and by rules of thumb."""
