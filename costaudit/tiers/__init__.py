"""Complexity tiers: rules held as data, and the tagger that applies them to batches of calls."""
