"""The tape: each request of some logs, once, in canonical columns without text, before any price or tag.

Whatever is asked of logs starts from it. `read` makes one out of logs, `tape` gives its requests out, again
and again.
"""
