"""What make_sample_logs.py draws the synthetic logs from."""
