"""What failed in a log, what that cost, and what other fallback chains would have come to."""
