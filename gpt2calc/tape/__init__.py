"""A tape: tensors with shape, strides and dtype but no memory, and autograd over them.

A :class:`~gpt2calc.tape.recorder.Tape` records what PyTorch would allocate, free and multiply if
the same operations ran on real tensors: a list of events with bytes and FLOPs. Nothing here knows
of models.

A tensor's storage is freed when the last reference to it goes, as in PyTorch: lifetimes are those
of Python's own reference counts. Names in a forward pass therefore matter. A name that still holds
a tensor keeps its bytes alive, just as it does in the code that the forward pass follows.
"""
