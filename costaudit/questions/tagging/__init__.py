"""Requests one by one: their rows with tags and routes, why a tag is what it is, and samples to label."""
