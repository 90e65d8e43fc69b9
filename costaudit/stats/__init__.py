"""Statistics that know of no logs: intervals, resampling, sizes of tests, sequential tests."""
