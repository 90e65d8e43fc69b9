"""The case table: every call of cases.toml gets the tier that stands beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from costaudit.schema import CANONICAL, UNTAGGED
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Evidence, Tagger

CASES = tomllib.loads(Path(__file__).with_name("cases.toml").read_text(encoding="utf-8"))["case"]
TAGGER = Tagger(load_rules())


def batch_of(call: dict[str, Any]) -> pa.RecordBatch:
    schema = pa.schema([CANONICAL.field(name) for name in call])
    return pa.RecordBatch.from_pylist([call], schema=schema) if call else pa.record_batch({"model": ["m"]})


def call_of(case: dict[str, Any]) -> dict[str, Any]:
    call = dict(case["call"])
    if "repeat" in case:
        call["prompt"] = case["repeat"]["prompt"] * case["repeat"]["times"]
    return call


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_a_call_gets_its_tier(case):
    tags = TAGGER.tag(batch_of(call_of(case)))
    rule = TAGGER.rule_names[tags.rule[0]] if tags.tier[0] != UNTAGGED else None
    assert tags.tier[0] == case["tier"], rule
    if "evidence" in case:
        assert Evidence(tags.evidence[0]).name == case["evidence"]
    if "rule" in case:
        assert rule == case["rule"]
    low, high = case.get("confidence", (0, 100))
    assert low <= tags.confidence[0] <= high


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_the_deciding_rule_is_among_the_reasons(case):
    batch = batch_of(call_of(case))
    tags = TAGGER.tag(batch)
    reasons = TAGGER.explain(batch, 0)
    kinds = [reason.evidence for reason in reasons]
    assert kinds == sorted(kinds, reverse=True)
    if tags.tier[0] != UNTAGGED:
        decided = next(r for r in reasons if r.rule == TAGGER.rule_names[tags.rule[0]])
        assert (decided.tier, decided.evidence) == (tags.tier[0], tags.evidence[0])
        assert decided.evidence is Evidence.TEXT or decided.confidence == tags.confidence[0]


def test_titles_are_unique():
    titles = [case["title"] for case in CASES]
    assert len(titles) == len(set(titles))
