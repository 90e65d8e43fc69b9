"""What else a bill could lose: caches, repeats, batches. A lever per module, over the tape of an audit."""
