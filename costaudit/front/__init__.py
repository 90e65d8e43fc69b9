"""The front door: every question as a function, for programs and for the command line."""
