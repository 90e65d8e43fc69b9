"""Questions that can be asked of a log, a room each: what it computes, its result, what is shown of it."""
