"""Other price tables as observers of ours: what they say is compared and proposed, never taken over."""
