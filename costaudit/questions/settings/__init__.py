"""The settings in force: where each comes from, and whether they can be read."""
