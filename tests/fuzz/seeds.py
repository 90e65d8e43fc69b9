"""What the fuzz tests begin with: good files of every kind, most of them from other tests and the docs."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from costaudit.prices.book import shipped_directory
from tests.conftest import ROOT
from tests.engine.audits import random_log
from tests.ingest.adapters import test_damaged_traces_agents_clouds as traces
from tests.ingest.adapters import test_gateway_robustness as gateways
from tests.ingest.adapters import test_registry as providers
from tests.ingest.bills import test_read as bills

RECORDS: list[Any] = random_log(3, 12)
"""Flat records."""
OTHERS: list[Any] = [*providers.RECORDS, *gateways.RECORDS, *traces.WHOLE]
"""A record or more of every format."""


def _read(*folders: Path, ending: str = ".toml") -> list[bytes]:
    found = [sorted(folder.glob(f"*{ending}")) for folder in folders]
    assert all(found), "a folder of good files has moved"
    return [path.read_bytes() for paths in found for path in paths]


@cache
def settings() -> list[bytes]:
    """Settings files."""
    own = """
[map]
"my-gpt" = "openai/gpt-4o"
[[discounts]]
provider = "openai"
percent = 5
[formats.mine]
model = "m"
input_tokens = "usage.in"
output_tokens = "usage.out"
status = { path = "code", map = { "0" = "ok" } }
"""
    return [(ROOT / "docs" / "examples" / "gates.toml").read_bytes(), own.encode()]


@cache
def policies() -> list[bytes]:
    """Routing policies."""
    return [
        *_read(ROOT / "costaudit" / "routing" / "policies"),
        (ROOT / "docs" / "examples" / "routing.toml").read_bytes(),
    ]


@cache
def scenarios() -> list[bytes]:
    """Scenarios."""
    return _read(ROOT / "costaudit" / "questions" / "audit" / "scenario" / "scenarios")


RULES = [
    b"""[[metadata]]
name = "faq"
tier = 0
confidence = 90
columns = ["feature"]
regex = "(?i)faq"
[[text]]
name = "sort"
tier = 2
points = 40
regex = "sort|order"
at_least = 1
[[shape]]
name = "short"
tier = 0
confidence = 40
when = { output = "1..8", reasoning = "..0" }
"""
]
SAMPLE = b"""id,label,stratum,stratum_requests,weight,tier
r_146cd58b57158490,2,tier2 unpriced,1,1,2
r_cabb970c8e55e89b,1,tier1 $0.1-1,1,1,1
r_665893299fcb0013,,tier1 $0.01-0.1,1,1,1
"""
EVALS = {
    ".csv": [(ROOT / "docs" / "examples" / "evals.csv").read_bytes()],
    ".jsonl": [
        b"""{"model":"gpt-4o-mini","tier":0,"passes":388,"trials":400,"date":"2026-11-02"}
{"model":"gpt-4o-mini","task":"chat","passes":90,"trials":100}
"""
    ],
    ".toml": [b'[[evals]]\nmodel = "gpt-4o-mini"\ntier = 0\npasses = 388\ntrials = 400\ndate = 2026-11-02\n'],
}


@cache
def formats() -> list[tuple[bytes, bytes]]:
    """Formats as a user describes them, each with a record."""
    found = []
    text = (ROOT / "tests" / "ingest" / "mapping_cases.toml").read_text("utf-8")
    for case in text.split("[[case]]\n")[1:]:
        described = case.replace("[case.format", "[formats.mine").replace("[[case.calls]]", "[[calls]]")
        record = tomllib.loads(described)["record"]
        table = described[described.index("[formats.mine") :].split("[[calls]]")[0]
        found.append((table.encode(), record.replace("\n", " ").encode() + b"\n"))
    return found


@cache
def tables() -> dict[str, bytes]:
    """The price tables of one provider."""
    shipped = shipped_directory()
    held = {
        f"pricing/deepseek/{name}.csv": (shipped / "deepseek" / f"{name}.csv").read_bytes()
        for name in ("prices", "models", "aliases")
    }
    held |= {f"pricing/{name}": (shipped / name).read_bytes() for name in ("windows.csv", "gateways.toml")}
    return held | {"pricing/providers.toml": b'["deepseek"]\nkind = "vendor"\n'}


@cache
def bill_files() -> dict[str, list[bytes]]:
    """Exports of bills."""
    usage = bills.page(bills.usage(), bills.usage(model="gpt-4o", input_tokens=5))
    costs = bills.report(bills.cost("1.25", "gpt-5, input"))
    return {
        ".csv": [(ROOT / "docs" / "examples" / "anthropic_usage.csv").read_bytes()],
        ".json": [json.dumps(found).encode() for found in (usage, costs, bills.page(bills.cost(0.5)))],
    }
