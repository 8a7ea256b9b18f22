"""Where configs come from, and go to: presets, files, the Hub, config.json."""
