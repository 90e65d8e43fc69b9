"""Gates on a saved ledger: the same outcome as on its logs, to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.audits import random_log, write_jsonl
from tests.questions.gates.conftest import LOG

GATES = """
[gates]
price_age = 300
failure_cost = { deny = "50%", warn = "9%" }

[gates.coverage]
requests = { warn = "99%" }
tokens = { warn = "99%" }

[gates.flagship]
requests = "50%"
spend = "50%"

[gates.markup]
deny = "5%"

[gates.policy]

[gates.untagged]
requests = "1%"
spend = "1%"

[gates.unpriced]
allow = ["acme-*"]
"""
BUDGETS = "".join(
    f'\n[[gates.budget]]\nper = "{per}"\ndeny = "9"\n{scope}\n'
    for per in ("log", "day", "month", "peak-day")
    for scope in ("", "tier = 1", 'feature = "*e*"', 'model = "openai/*"', 'tier = "untagged"')
)


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize("resolution", ["day", "hour"])
def test_a_ledger_is_judged_as_its_log(run: Any, project: Path, seed: int | None, resolution: str):
    (project / "costaudit.toml").write_text(GATES + BUDGETS)
    write_jsonl(project / "log.jsonl", list(LOG) if seed is None else random_log(seed))
    assert run("ledger", "log.jsonl", "-o", "saved.parquet", "--resolution", resolution).code == 0
    argv = ("--format", "json", "--at", "2026-11-21")
    log, ledger = (run("check", path, *argv) for path in ("log.jsonl", "saved.parquet"))
    assert ledger.out == log.out
    assert (ledger.code, len(json.loads(ledger.out)["gates"]) > 25) == (log.code, True)
