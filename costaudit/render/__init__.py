"""What a run came to: the report, and one renderer per output format."""
