"""What a log costs and why, before and after: the audit and the simulation."""
