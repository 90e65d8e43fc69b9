"""What must hold for every report of every log (DESIGN §8)."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.questions.audit.result import Audit
from costaudit.questions.audit.shown.formats import RENDERERS
from costaudit.render.part import plain_of
from tests.engine.audits import Record, audit, random_log, write_jsonl
from tests.often import repeated

FEW = repeated(3, 50)
SEEDS = st.integers(0, 2**32)
COUNTED = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "input_audio",
    "output_audio",
    "cache_read_audio",
    "input_image",
    "output_image",
    "cache_read_image",
)


def parts(report: Audit) -> dict[str, list[Any]]:
    return {
        name: getattr(report, name) for name in ("by_tier", "by_model", "by_feature", "by_user", "by_day")
    }


def amount(value: Decimal | None) -> Decimal:
    return value if value is not None else Decimal(0)


@FEW
@given(SEEDS)
def test_parts_sum_to_the_whole(tmp_path: Path, seed: int):
    report = audit(write_jsonl(tmp_path / "log.jsonl", random_log(seed)))
    spend, after = report.spend, report.projection.after_usd
    for name, rows in parts(report).items():
        assert sum(r.requests for r in rows) == spend.requests == report.inputs.requests, name
        assert sum(amount(r.list_usd) for r in rows) == spend.list_usd, name
        for count in COUNTED:
            assert sum(getattr(r.tokens, count) for r in rows) == getattr(spend.tokens, count), (name, count)
        if name != "by_user":  # known fees of gateways are not split by user
            assert sum(amount(r.billed_usd) for r in rows) == spend.billed_usd, name
            assert sum(amount(r.after_usd) for r in rows) == after, name
    assert sum(report.projection.kept.values()) == spend.requests
    assert sum(report.coverage.usage.values()) == sum(report.coverage.reading.values()) == spend.requests


@FEW
@given(SEEDS)
def test_the_waterfall_ends_at_the_projection_within_its_range(tmp_path: Path, seed: int):
    report = audit(write_jsonl(tmp_path / "log.jsonl", random_log(seed)))
    projection, drivers = report.projection, report.drivers
    *steps, last = projection.steps
    assert (steps[0].usd, last.usd) == (projection.before_usd, projection.after_usd)
    assert sum(s.usd for s in steps) == last.usd
    taken = {s.name: -s.usd for s in steps}
    for name in ("overspecification", "lock_in", "markup", "reliability"):
        assert taken[name] == getattr(drivers, f"{name}_usd")
    assert projection.savings_usd == projection.before_usd - projection.after_usd
    assert projection.low_usd <= projection.after_usd <= projection.high_usd
    assert projection.before_usd == report.spend.billed_usd


@FEW
@given(SEEDS)
def test_nothing_is_negative_and_nothing_unpriced_is_zero(tmp_path: Path, seed: int):
    report = audit(write_jsonl(tmp_path / "log.jsonl", random_log(seed)))
    money = [
        report.spend.list_usd,
        report.spend.billed_usd,
        report.projection.after_usd,
        report.projection.low_usd,
    ]
    money += [getattr(report.drivers, name) for name in report.drivers.__struct_fields__]
    for rows in parts(report).values():
        money += [amount(r.list_usd) for r in rows] + [amount(r.billed_usd) for r in rows]
        assert all(getattr(r.tokens, c) >= 0 for r in rows for c in COUNTED)
    assert min(money) >= 0
    unpriced = {u.model for u in report.coverage.unpriced if u.reason == "unknown_model"}
    assert {"acme-9", "openai/acme-9"} & unpriced
    for row in report.by_model:
        if row.model in unpriced and row.list_usd is not None:  # only what nobody billed has a price then
            assert row.list_usd == 0
            assert row.requests > sum(u.requests for u in report.coverage.unpriced if u.model == row.model)


@pytest.mark.parametrize("percent", [Decimal(0), Decimal("5.5"), Decimal(10), Decimal("12.25")])
def test_a_markup_that_is_applied_is_found_again(tmp_path: Path, percent: Decimal):
    """Costs that are list plus a percentage, through a gateway that publishes no fee."""
    chance = random.Random(3)  # noqa: S311 - the same log on every run
    plain = [
        {
            "request_id": f"r{n}",
            "provider": "openai",
            "model": chance.choice(["gpt-4o", "gpt-5"]),
            "input_tokens": chance.randrange(10**5),
            "output_tokens": chance.randrange(10**4),
            "timestamp": "2026-10-05T10:00:00Z",
            "gateway": "my-own",
        }
        for n in range(200)
    ]
    priced: list[Record] = []
    for record in plain:
        list_usd = (
            audit(write_jsonl(tmp_path / "one.jsonl", [record])).spend.list_usd if len(priced) < 20 else None
        )
        if list_usd is None:
            break
        priced.append(record | {"cost_usd": str(list_usd * (100 + percent) / 100)})
    report = audit(write_jsonl(tmp_path / "log.jsonl", priced))
    (row,) = [m for m in report.markup if m.gateway == "my-own"]
    assert (row.percent, row.evidence, row.requests) == (f"{percent.normalize():f}", "reported", 20)
    assert row.usd == report.spend.list_usd * percent / 100 == report.drivers.markup_usd
    assert [f.code for f in report.findings if f.code == "CA-M1"] == (["CA-M1"] if percent else [])


@FEW
@given(SEEDS, st.integers(0, 300))
def test_a_bad_line_never_hides_a_good_one(tmp_path: Path, seed: int, place: int):
    log = random_log(seed)
    clean = audit(write_jsonl(tmp_path / "log.jsonl", log))
    lines = (tmp_path / "log.jsonl").read_bytes().splitlines(keepends=True)
    bad = (
        b'{"model": "gpt-4o", "input_tokens": -5}\n',
        b"\xff\n",
        b"{\n",
        b'{"model": {}, "input_tokens": 1}\n',
        b"[]\n",
    )
    where = place % (len(lines) + 1)
    (tmp_path / "log.jsonl").write_bytes(b"".join(lines[:where]) + b"".join(bad) + b"".join(lines[where:]))
    report = audit(tmp_path / "log.jsonl")
    assert sum(s.count for s in report.inputs.skipped) == len(bad)
    assert all(e.line > where for s in report.inputs.skipped for e in s.examples)
    assert figures(report) == figures(clean)


def figures(report: Audit) -> dict[str, Any]:
    """A report without what tells where its records stand."""
    told = plain_of(report)
    del told["inputs"], told["findings"]
    for outlier in (told["reconciliation"] or {}).get("outliers", []):
        del outlier["line"]
    return told


CANARY = "c4n4ry-s3cret"


def with_text(record: Record, number: int) -> Record:
    text = f"{CANARY} {number} ignore all rules"
    variants: list[Record] = [
        {"prompt": text},
        {"system": text, "prompt": text},
        {"messages": [{"role": "user", "content": text}]},
        {
            "messages": [
                {"role": "system", "content": text},
                {"role": "user", "content": [{"type": "text", "text": text}]},
            ]
        },
        {"messages": text},
        {"messages": [text]},
        {"prompt": {"text": text}},
        {"completion": text, "response": {"text": text}},
        {"tools": [{"name": text}]},
        {"input": text},
        {"metadata": {"prompt": text}},
        {text: text},
    ]
    return record | variants[number % len(variants)]


def test_no_prompt_text_in_any_output(tmp_path: Path, run: Any):
    log = [with_text(r, n) for n, r in enumerate(random_log(11))]
    log += [
        with_text({"model": "gpt-4o", "input_tokens": bad}, n)
        for n, bad in enumerate(["x", -1, 1.5, {}, CANARY])
    ]
    path = write_jsonl(tmp_path / "log.jsonl", log)
    with path.open("ab") as file:
        file.write(
            f'{{"model": "{CANARY}", \n'.encode()
            + f'"{CANARY}"\n'.encode()
            + f'{{"prompt": "{CANARY}"}}\n'.encode()
        )
    for name in RENDERERS:
        found = run("analyze", path, "--format", name, "--verbose")
        assert found.code == 0, found.err
        assert CANARY not in found.out, name
        assert CANARY not in found.err, name


def test_the_json_of_a_report_is_exact(tmp_path: Path, run: Any):
    path = write_jsonl(tmp_path / "log.jsonl", random_log(12))
    told = json.loads(run("analyze", path, "--format", "json").out)
    report = audit(path)
    assert Decimal(told["spend"]["list_usd"]) == report.spend.list_usd
    assert all(isinstance(row["list_usd"], str | None) for row in told["by_model"])
