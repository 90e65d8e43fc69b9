"""costaudit: audit what LLM requests cost, from the logs that are already there."""

__version__ = "0.1.0"
