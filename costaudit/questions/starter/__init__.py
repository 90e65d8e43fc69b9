"""Files that a project begins with: settings, and a routing policy drawn from its own log."""
