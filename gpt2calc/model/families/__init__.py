"""Tables of model families: keys of each ``config.json``, defaults of its class, tensor names."""
