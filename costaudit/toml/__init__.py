"""TOML: read within limits, and on which line of a file a value stands."""
