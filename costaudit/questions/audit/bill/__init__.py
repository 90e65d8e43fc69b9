"""The bill of a provider against the log."""
