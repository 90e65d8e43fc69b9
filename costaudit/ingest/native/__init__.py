"""Reading flat JSON lines by compiled code, where it was built; everything works without it."""
