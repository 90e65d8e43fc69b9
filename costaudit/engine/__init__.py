"""One pass over the logs: kernel, ledger, the run on this machine, and money from sums."""
