"""Where coding agents keep what they log, for whoever asks for it: nothing else looks into a home."""
