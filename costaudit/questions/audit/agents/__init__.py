"""What coding agents cost: by project, session, day and model, and what their caches are worth."""
