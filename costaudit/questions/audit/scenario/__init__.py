"""Traffic that is given in a file, not logged."""
