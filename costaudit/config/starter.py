"""The gates that a project can begin with."""

from __future__ import annotations

from typing import Final

STARTER_GATES: Final = """\
[gates]
price_age = { deny = 365, warn = 180 }           # days since the prices used were checked
failure_cost = { deny = "10%", warn = "3%" }     # of the bill, for attempts without an answer

[gates.coverage]                                 # below deny nothing is judged: exit 2
requests = { deny = "90%", warn = "99%" }
tokens = { deny = "90%", warn = "99%" }

[gates.policy]                                   # every model of the routing policy is in service
level = "deny"

[[gates.budget]]
per = "month"                                    # log, day, month or peak-day
deny = "5000"
warn = "4000"
"""
"""Settings in the form of costaudit.toml; in pyproject.toml each table begins with tool.costaudit."""
