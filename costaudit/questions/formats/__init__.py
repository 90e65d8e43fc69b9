"""What is read from a log, field by field."""
