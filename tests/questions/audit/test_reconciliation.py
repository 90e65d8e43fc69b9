"""Reported against list: what many requests share, the farthest single ones, and both under repetition."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costaudit.money import exact
from costaudit.questions.audit.result import Audit, Finding, Reconciliation
from costaudit.render.jsonout import render_json
from costaudit.tape import tape
from tests.engine.audits import Record, audit, random_log, read_in_blocks, same, write_jsonl
from tests.often import often

LIST = Decimal("0.0035")  # 1,000 tokens in at 2.50 and 100 out at 10.00 per 1M
SAID: Record = {
    "provider": "openai", "model": "gpt-4o", "timestamp": "2026-10-05T10:00:00Z", "input_tokens": 1000,
    "output_tokens": 100,
}  # fmt: skip


def calls(number: int, ratio: str | None, first: int = 0, **more: Any) -> list[Record]:
    """Calls of different sizes whose cost is a multiple of list."""
    made = []
    for n in range(first, first + number):
        times = 1 + n % 7
        record = SAID | {"request_id": f"r{n}", "input_tokens": 1000 * times, "output_tokens": 100 * times}
        if ratio is not None:
            record["cost_usd"] = f"{LIST * times * Decimal(ratio):f}"
        made.append(record | more)
    return made


def of(tmp_path: Path, *parts: Sequence[Record], **options: Any) -> Audit:
    return audit(write_jsonl(tmp_path / "log.jsonl", [r for part in parts for r in part]), **options)


def reconciled(report: Audit) -> Reconciliation:
    assert report.reconciliation is not None
    return report.reconciliation


def codes(report: Audit) -> list[str]:
    """Findings about reported costs."""
    return sorted(f.code for f in report.findings if f.code[:4] in ("CA-C", "CA-M"))


def finding(report: Audit, code: str) -> Finding:
    (found,) = [f for f in report.findings if f.code == code]
    return found


@pytest.mark.parametrize(
    ("ratio", "more", "code", "name"),
    [
        ("2", {}, "CA-C2", "double_count"),
        ("0.5", {}, "CA-C3", "batch_for_standard"),
        ("0.05", {"gateway": "my-own"}, "CA-C4", "byok_fee"),
        ("0.1", {}, "CA-C5", "cache_price"),
        ("10", {}, "CA-C5", "cache_as_new"),
        ("0.01", {}, "CA-C6", "dollars_for_cents"),
        ("0", {}, "CA-C7", "nothing"),
        ("0.83", {}, "CA-C8", "constant_discount"),
        ("0.05", {}, "CA-C8", "constant_discount"),
        ("1.055", {"gateway": "my-own"}, "CA-M1", "credit_fee"),
        ("1.05", {"gateway": "my-own"}, "CA-M1", "credit_fee"),
        ("1.12", {"gateway": "my-own"}, "CA-M1", "constant_markup"),
    ],
)
def test_a_ratio_that_many_requests_share_is_recognised_and_told_once(
    tmp_path: Path, ratio: str, more: Record, code: str, name: str
):
    report = of(tmp_path, calls(40, ratio, **more))
    (found,) = reconciled(report).signatures
    assert (found.code, found.name, found.requests, found.of_requests, found.share) == (code, name, 40, 40, 1)
    assert found.model == "openai/gpt-4o-2024-08-06"
    assert codes(report) == [code]
    if found.median_ratio_from is not None and found.median_ratio_to is not None:
        assert Decimal(found.median_ratio_from) <= Decimal(ratio) < Decimal(found.median_ratio_to)


def test_a_batch_that_costs_as_much_as_standard_and_cents_that_pass_for_dollars(tmp_path: Path):
    """A batch is half of standard by list. A cost of a dollar and more would be impossible."""
    small = {"input_tokens": 100, "output_tokens": 10, "cost_usd": "0.035"}
    for log, code, name in (
        (calls(40, "1", service_tier="batch"), "CA-C3", "standard_for_batch"),
        (calls(40, None, **small), "CA-C6", "cents_for_dollars"),
    ):
        report = of(tmp_path, log)
        (found,) = reconciled(report).signatures
        assert (found.code, found.name, found.requests) == (code, name, 40)
        assert codes(report) == [code]


def test_costs_at_list_say_nothing_and_nor_do_a_few_or_scattered_ones(tmp_path: Path):
    chance = random.Random(1)  # noqa: S311 - the same log on every run
    scattered = [calls(1, f"{chance.uniform(0.3, 2.4):.6f}", first=n)[0] for n in range(300)]
    for log in (calls(40, "1"), calls(19, "2"), scattered, calls(40, None)):
        report = of(tmp_path, log)
        assert not (report.reconciliation and report.reconciliation.signatures)
        assert not [c for c in codes(report) if c.startswith("CA-C")]
    assert report.reconciliation is None


def test_a_third_of_the_requests_counted_twice_is_found_and_the_rest_is_not_blamed(tmp_path: Path):
    """60 of 1.055 and 30 of 2 times list through one gateway: a fee and a double count."""
    report = of(
        tmp_path, calls(60, "1.055", gateway="own"), calls(30, "2", first=60, gateway="own")
    )  # fmt: skip
    fee, double = finding(report, "CA-M1"), finding(report, "CA-C2")
    assert fee.title == "costs reported through own are 5.5% above list"
    assert fee.evidence["signature"]["requests"] == 60
    assert double.evidence["requests"] == 30
    assert double.evidence["groups"][0]["of_requests"] == 90
    assert double.usd == sum(LIST * (1 + n % 7) for n in range(60, 90))
    assert fee.usd is not None
    assert double.usd is not None
    assert fee.usd + double.usd == report.drivers.markup_usd


def test_what_is_below_list_is_in_one_finding_only(tmp_path: Path):
    report = of(tmp_path, calls(60, "0.83"), calls(12, "0.6", first=60), calls(3, "1", first=80))
    constant, rest = finding(report, "CA-C8"), finding(report, "CA-M2")
    assert constant.evidence["requests"] == 60
    assert rest.title == "12 requests report 40% less than list"
    below = (Decimal(constant.evidence["list_usd"]) - Decimal(constant.evidence["reported_usd"])) + Decimal(
        rest.evidence["below_list_usd"]
    )
    found = reconciled(report)
    assert below == found.list_usd - found.reported_usd


def test_costs_of_0_are_counted_over_the_models_of_a_gateway(tmp_path: Path):
    """12 and 9 requests of two models through one gateway; 15 of one through another."""
    mini = {"model": "gpt-4o-mini"}
    log = [
        *calls(12, "0", gateway="one"), *calls(9, "0", first=12, gateway="one", **mini),
        *calls(15, "0", first=30, gateway="two"), *calls(50, "1", first=50, gateway="one"),
    ]  # fmt: skip
    report = of(tmp_path, log)
    (found,) = reconciled(report).signatures  # 12 of 62 are less than a fifth
    assert (found.model, found.requests) == ("openai/gpt-4o-mini-2024-07-18", 9)
    zero = finding(report, "CA-C7")
    assert zero.title.startswith("9 requests of openai/gpt-4o-mini-2024-07-18 through one report a cost of 0")
    assert finding(report, "CA-M2").evidence["requests"] == 12 + 15


def test_what_is_reported_is_not_compared_with_the_prices_of_another_day(tmp_path: Path):
    report = of(tmp_path, calls(40, "2"), prices_at=1_790_000_000_000_000)
    assert report.reconciliation is None
    assert codes(report) == []


def test_a_cost_of_0_and_a_list_cost_of_0_are_counted_apart(tmp_path: Path):
    hit = {"status": "cache_hit"}
    report = of(
        tmp_path, calls(3, "0"), calls(2, "1", first=3), calls(4, "1", first=5, **hit),
        calls(5, "0", first=9, **hit), [SAID | {"request_id": "x", "cost_usd": "400"}],
        [SAID | {"request_id": "y", "model": "acme-9", "cost_usd": "0.5"}],
    )  # fmt: skip
    found = reconciled(report)
    assert (found.requests, found.list_usd) == (2, LIST * (4 + 5))
    assert (found.reported_zero_requests, found.reported_zero_list_usd) == (3, LIST * (1 + 2 + 3))
    assert (found.list_zero_requests, found.list_zero_reported_usd) == (4, LIST * (6 + 7 + 1 + 2))
    assert (found.set_aside_requests, found.outliers) == (1, [])


def test_the_median_is_the_lower_one(tmp_path: Path):
    report = of(tmp_path, calls(1, "0.5"), calls(1, "1", first=1), calls(2, "2", first=2))
    found = reconciled(report)
    assert (found.median_ratio_from, found.median_ratio_to) == ("0.9975", "1.0025")


# Single requests


def spread_log(number: int) -> list[Record]:
    """One request per cost: list, and from a cent above it in steps of a cent."""
    return [SAID | {"request_id": f"r{n}", "cost_usd": f"{LIST + Decimal(n) / 100:f}"} for n in range(number)]


def told(report: Audit) -> list[tuple[str, int, str]]:
    return [(Path(o.file).name, o.line, exact(o.reported_usd)) for o in reconciled(report).outliers]


@pytest.fixture(params=[3000, 1 << 20])
def blocks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Blocks of about 15 records, and the whole log in one."""
    read_in_blocks(monkeypatch, request.param)


def test_the_twenty_farthest_requests_are_named_with_their_lines(tmp_path: Path, blocks: None):
    report = of(tmp_path, spread_log(60))
    assert told(report) == [
        ("log.jsonl", n + 1, exact(LIST + Decimal(n) / 100)) for n in range(59, 39, -1)
    ]  # fmt: skip
    first = reconciled(report).outliers[0]
    assert (first.model, first.list_usd, first.ratio) == ("gpt-4o", LIST, "169.6")  # 0.5935 / 0.0035


@pytest.mark.parametrize("at_once", [10, 300_000])
def test_a_log_given_twice_is_reconciled_as_once(
    tmp_path: Path, blocks: None, monkeypatch: pytest.MonkeyPatch, at_once: int
):
    monkeypatch.setattr(tape, "MERGED_AT_ONCE", at_once)
    for log in (spread_log(60), random_log(5, often(60, 200))):
        one = write_jsonl(tmp_path / "a.jsonl", log)
        two = write_jsonl(tmp_path / "b.jsonl", log)
        two.write_bytes(two.read_bytes() + b"\n")  # the same records in other bytes
        once, twice = audit(one), audit(one, two)
        assert twice.inputs.duplicates == once.inputs.duplicates + len(log)
        assert twice.reconciliation == once.reconciliation
        assert twice.findings == once.findings


@pytest.mark.parametrize("at_once", [10, 300_000])
@pytest.mark.parametrize("times", [200, 1000])
def test_requests_behind_those_that_merging_takes_away_move_up(
    tmp_path: Path, blocks: None, monkeypatch: pytest.MonkeyPatch, at_once: int, times: int
):
    """30 costs far from list, or impossible, are of unfinished records: whole, they are at list."""
    monkeypatch.setattr(tape, "MERGED_AT_ONCE", at_once)
    far: list[Record] = []
    whole: list[Record] = []
    for n in range(30):
        record = SAID | {"request_id": f"far{n}", "cost_usd": f"{LIST * (times + n):f}"}
        far.append(record | {"input_tokens": 10, "output_tokens": 1})
        whole.append(record | {"input_tokens": 1000 * (times + n), "output_tokens": 100 * (times + n)})
    near = spread_log(60)
    paths = [write_jsonl(tmp_path / "a.jsonl", far + near), write_jsonl(tmp_path / "b.jsonl", whole)]
    report = audit(*paths)
    expected = told(audit(write_jsonl(tmp_path / "near.jsonl", near)))
    assert [(line - 30, cost) for name, line, cost in told(report)] == [
        (line, cost) for _, line, cost in expected
    ]
    assert {name for name, _, _ in told(report)} == {"a.jsonl"}
    assert "CA-C1" not in codes(report)


def test_a_merged_outlier_stands_where_its_cost_was_stated_first(tmp_path: Path):
    stated = SAID | {"request_id": "one", "cost_usd": "0.5"}
    silent = {k: v for k, v in stated.items() if k != "cost_usd"}
    other = SAID | {"request_id": "two", "cost_usd": "0.4"}
    report = of(tmp_path, [silent, other, stated, stated])
    assert told(report) == [("log.jsonl", 3, "0.50"), ("log.jsonl", 2, "0.40")]


def test_calls_that_share_a_response_id_stand_each_at_its_own_line(tmp_path: Path):
    """A recording that was replayed: the ids of the calls differ, so these are two calls, not one."""
    log = [{**SAID, "call_id": f"c{n}", "response_id": "r", "cost_usd": "0.5"} for n in range(2)]
    report = of(tmp_path, log, [log[1]])
    assert report.inputs.duplicates == 1
    assert told(report) == [("log.jsonl", 1, "0.50"), ("log.jsonl", 2, "0.50")]


def test_no_id_of_a_user_or_of_a_request_is_in_the_reconciliation(tmp_path: Path):
    log = [r | {"user": "us3r-canary", "session_id": "s3ssion-canary"} for r in spread_log(30)]
    text = render_json(reconciled(of(tmp_path, log)))
    assert "canary" not in text
    assert '"r29"' not in text


def test_equal_requests_are_named_in_the_order_of_the_log(tmp_path: Path, blocks: None):
    report = of(tmp_path, [SAID | {"request_id": f"r{n}", "cost_usd": "0.5"} for n in range(70)])
    assert [line for _, line, _ in told(report)] == list(range(1, 21))


def test_a_cost_beyond_64_bits_of_femtodollars_is_reconciled(tmp_path: Path):
    """10^11 tokens in at 2.50 per 1M: 250,000.00 by list, and 300,000 reported."""
    tokens = {"input_tokens": 10**11, "output_tokens": 0}
    big = SAID | tokens | {"request_id": "big", "cost_usd": "300000"}
    report = of(tmp_path, [big, *calls(2, "1")])
    found = reconciled(report)
    assert found.list_usd == 250_000 + LIST * 3
    assert [(b.ratio_from, b.requests) for b in found.distribution] == [("0.9975", 2), ("1.1975", 1)]
    assert (found.outliers[0].reported_usd, found.outliers[0].ratio) == (300_000, "1.2")


def test_order_and_form_of_the_log_do_not_matter(tmp_path: Path):
    log = [*calls(40, "0.83"), *spread_log(40)]
    shuffled = random.Random(2).sample(log, len(log))  # noqa: S311 - the same order on every run
    assert same(of(tmp_path, log)) == same(of(tmp_path, shuffled))
