"""Bills against logs: hand-computed differences, and properties that hold for any log."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.contracts import json_schema
from costaudit.errors import UsageError
from costaudit.ingest.bills.read import load_bill
from costaudit.prices.gateways import load_gateways
from costaudit.questions.audit import result as m
from costaudit.questions.audit.build import build_audit
from costaudit.questions.audit.shown.formats import render_markdown, render_text
from costaudit.questions.audit.shown.tidy import render_csv
from costaudit.render.jsonout import render_json
from tests.engine.audits import Record, audit_pass, write_jsonl
from tests.render.factory import HOSTILE

START = datetime(2026, 10, 5, tzinfo=UTC)
MTOK = Decimal(1_000_000)
RATES = {
    "gpt-4o-mini-2024-07-18": ("0.15", "0.075", "0.6"),
    "gpt-4o-2024-08-06": ("2.5", "1.25", "10"),
    "gpt-5-mini-2025-08-07": ("0.25", "0.025", "2"),
}
"""List prices of input, cached input and output in October 2026, per million tokens."""


def call(number: int, day: int, model: str, new: int, read: int, out: int, **more: Any) -> Record:
    """One OpenAI call at noon of a day; the log's input includes the cached tokens."""
    return {
        "request_id": f"r{number}", "provider": "openai", "model": model, "input_tokens": new + read,
        "cached_tokens": read, "output_tokens": out,
        "timestamp": (START + timedelta(days=day, hours=12)).isoformat(), **more,
    }  # fmt: skip


def bucket(day: int, results: list[dict[str, Any]], width: int = 1, shift: int = 0) -> dict[str, Any]:
    start = int((START + timedelta(days=day, hours=shift)).timestamp())
    return {"object": "bucket", "start_time": start, "end_time": start + width * 86_400, "results": results}


def page(buckets: list[dict[str, Any]], more: bool = False) -> dict[str, Any]:
    return {"object": "page", "data": buckets, "has_more": more, "next_page": None}


def used(model: str | None, new: int, read: int, out: int, requests: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "object": "organization.usage.completions.result", "model": model, "input_tokens": new + read,
        "input_cached_tokens": read, "output_tokens": out, "num_model_requests": requests, **more,
    }  # fmt: skip


def charged(usd: str, item: str | None) -> dict[str, Any]:
    return {
        "object": "organization.costs.result", "amount": {"value": usd, "currency": "usd"}, "line_item": item,
    }  # fmt: skip


def compared(folder: Path, log: list[Record], *bills: Any) -> m.Audit:
    folder.mkdir(exist_ok=True)
    passed = audit_pass(write_jsonl(folder / "log.jsonl", log))
    read = []
    for number, bill in enumerate(bills):
        path = folder / f"bill{number}"
        path.write_text(bill if isinstance(bill, str) else json.dumps(bill))
        read.append(load_bill(str(path)))
    return build_audit(passed, load_gateways(), bills=read)


def one(report: m.Audit) -> m.BillStatement:
    assert report.bill is not None
    (statement,) = report.bill.statements
    return statement


def codes(statement: m.BillStatement) -> list[str]:
    return [hint.code for hint in statement.hints]


MINI, FULL = "gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"


# By hand


def test_a_log_that_lacks_a_call_explains_the_rest_by_value(tmp_path):
    log = [call(1, 0, MINI, 1_000_000, 0, 0), call(2, 0, FULL, 0, 1_000_000, 100_000)]
    bill = page([bucket(0, [used(MINI, 1_000_000, 0, 0), used(FULL, 400_000, 1_000_000, 100_000, 2)])])
    s = one(compared(tmp_path, log, bill))
    # Bill: $0.15 + ($1.00 + $1.25 + $1.00); the log lacks $1.00 of it: 2.40 / 3.40 = 70.588 %.
    assert s.total.usd == m.ComparedUsd(
        bill=Decimal("3.40"), log=Decimal("2.40"), difference=Decimal("-1.00")
    )
    assert (s.total.verdict, s.total.explained_percent, s.total.ratio_percent) == (
        "log_misses",
        "70.58",
        "70.58",
    )
    dearest, cheapest = s.by_model
    assert (dearest.model, dearest.verdict, dearest.explained_percent) == (
        f"openai/{FULL}",
        "log_misses",
        "69.23",
    )
    assert dearest.requests == m.Compared(bill=2, log=1, difference=-1)
    assert dearest.tokens["input"] == m.Compared(bill=400_000, log=0, difference=-400_000)
    assert dearest.tokens["cache_read"].difference == 0
    assert (cheapest.verdict, cheapest.explained_percent) == ("matched", "100.00")
    assert (s.start, s.end, s.by, s.usd_basis) == ("2026-10-05", "2026-10-05", ["day", "model"], "list")


def test_images_of_the_log_are_within_what_the_bill_counts(tmp_path):
    # OpenAI's usage export has one input count: 600 of text and 400 of images; 200 cached, 50 of it images.
    images = {"input_image_tokens": 450, "cache_read_image_tokens": 50, "cached_tokens": 200}
    logged = {**call(1, 0, FULL, 0, 0, 0), "input_tokens": 1200, "output_tokens": 10, **images}
    s = one(compared(tmp_path, [logged], page([bucket(0, [used(FULL, 1000, 200, 10)])])))
    compared_tokens = s.by_model[0].tokens
    assert compared_tokens["input"].log == 1000
    assert not any(pair.difference for pair in compared_tokens.values())
    assert s.total.verdict == "matched"


def test_too_much_of_one_model_does_not_make_up_for_another(tmp_path):
    log = [call(1, 0, MINI, 4_000_000, 0, 0)]
    bill = page([bucket(0, [used(MINI, 2_000_000, 0, 0), used(FULL, 120_000, 0, 0)])])
    s = one(compared(tmp_path, log, bill))
    # $0.30 + $0.30 billed, $0.60 logged: the sums agree, and half of the bill is explained.
    assert (s.total.ratio_percent, s.total.explained_percent, s.total.verdict) == (
        "100.00",
        "50.00",
        "differs",
    )
    assert {r.model: r.verdict for r in s.by_model} == {
        f"openai/{FULL}": "log_misses", f"openai/{MINI}": "bill_misses",
    }  # fmt: skip


def test_the_alias_of_the_log_meets_the_snapshot_of_the_bill(tmp_path):
    s = one(compared(tmp_path, [call(1, 0, "gpt-4o", 10, 0, 1)], page([bucket(0, [used(FULL, 10, 0, 1)])])))
    assert [r.model for r in s.by_model] == [f"openai/{FULL}"]
    assert s.total.verdict == "matched"


@pytest.mark.parametrize(
    ("logged", "verdict"), [(980_001, "matched"), (979_999, "log_misses"), (1_020_001, "bill_misses")]
)
def test_two_percent_are_matched(tmp_path, logged, verdict):
    report = compared(
        tmp_path, [call(1, 0, MINI, logged, 0, 0)], page([bucket(0, [used(MINI, 1_000_000, 0, 0)])])
    )
    assert one(report).total.verdict == verdict
    assert [f.code for f in report.findings if f.code.startswith("CA-B")] == (
        [] if verdict == "matched" else ["CA-B1"]
    )


def test_a_cost_bill_is_compared_with_the_list_cost_of_the_log(tmp_path):
    log = [call(1, 0, MINI, 1_000_000, 0, 0), call(2, 1, FULL, 0, 0, 100_000)]
    bill = page([
        bucket(0, [charged("0.10", f"{MINI}, input"), charged("0.05", f"{MINI}, cached input")]),
        bucket(1, [charged("1.25", f"{FULL}, output")]),
    ])  # fmt: skip
    s = one(compared(tmp_path, log, bill))
    assert (s.kind, s.usd_basis, s.total.requests.bill) == ("cost", "stated", None)
    assert {r.model: (r.usd.bill, r.usd.log, r.verdict) for r in s.by_model} == {
        f"openai/{MINI}": (Decimal("0.15"), Decimal("0.15"), "matched"),
        f"openai/{FULL}": (Decimal("1.25"), Decimal("1.00"), "log_misses"),
    }
    assert s.total.explained_percent == "82.14"  # 1.15 of 1.40


def test_what_searches_cost_is_beside_the_models_on_both_sides(tmp_path):
    log = [call(1, 0, "claude-sonnet-4-5", 0, 0, 100_000) | {"provider": "anthropic", "web_searches": 50}]
    times = {"starting_at": "2026-10-05T00:00:00Z", "ending_at": "2026-10-06T00:00:00Z"}
    tokens = {"amount": "150", "cost_type": "tokens", "model": "claude-sonnet-4-5", "description": "Output"}
    search = {"amount": "50", "cost_type": "web_search", "model": None, "description": "Web Search Usage"}
    results = [{**line, "currency": "USD"} for line in (tokens, search)]
    bill = {"data": [{**times, "results": results}], "has_more": False}
    s = one(compared(tmp_path, log, bill))
    # 100,000 tokens of output at $15, 50 searches at $10 per thousand.
    assert {r.model: (r.usd.bill, r.usd.log) for r in s.by_model} == {
        "anthropic/claude-sonnet-4-5-20250929": (Decimal("1.5"), Decimal("1.5")),
        None: (Decimal("0.5"), Decimal("0.5")),
    }
    assert s.total.verdict == "matched"


def test_a_bill_without_models_is_compared_as_a_sum(tmp_path):
    log = [call(1, 0, MINI, 1_000_000, 0, 0), call(2, 0, FULL, 100_000, 0, 0)]
    s = one(compared(tmp_path, log, page([bucket(0, [charged("0.40", None)])])))
    assert (s.by, s.by_model, s.total.verdict) == (["day"], [], "matched")
    assert s.total.usd.log == Decimal("0.40")
    assert "not grouped by model" in s.notes[0]
    s = one(compared(tmp_path, log, page([bucket(0, [used(None, 1_100_000, 0, 0, 2)])])))
    assert (s.total.verdict, s.total.usd.bill, s.total.tokens["input"].difference) == ("matched", None, 0)


def test_a_month_in_one_line_is_compared_as_a_month(tmp_path):
    log = [call(n, n, MINI, 1_000_000, 0, 0) for n in range(3)]
    s = one(compared(tmp_path, log, page([bucket(0, [charged("0.45", f"{MINI}, input")], width=26)])))
    (row,) = s.by_day
    assert (row.day, row.last_day, row.verdict, s.by) == (
        "2026-10-05",
        "2026-10-30",
        "matched",
        ["bucket", "model"],
    )
    assert any("longer than a day" in note for note in s.notes)


def test_days_of_another_time_zone_are_compared_as_one_stretch(tmp_path):
    log = [call(n, n, MINI, 1_000, 0, 0) for n in range(4)]
    bill = page([bucket(n, [used(MINI, 1_000, 0, 0)], shift=-8) for n in range(4)])
    s = one(compared(tmp_path, log, bill))
    assert [(r.day, r.last_day) for r in s.by_day] == [("2026-10-04", "2026-10-08")]
    assert any("not UTC days" in note for note in s.notes)
    assert s.total.verdict == "matched"


def test_what_the_bill_cannot_be_about_is_counted_apart(tmp_path):
    other = {"provider": "anthropic", "model": "claude-sonnet-4-5"}
    log = [
        call(1, 0, MINI, 10, 0, 1),
        call(2, 9, MINI, 10, 0, 1),
        call(3, 0, MINI, 10, 0, 1) | other,
        call(4, 0, MINI, 10, 0, 1, gateway="openrouter"),
        call(5, 0, MINI, 10, 0, 1) | {"timestamp": None},
        call(6, 0, MINI, 0, 0, 0, status="error"),
        call(7, 0, "gpt-4o", 10, 0, 1) | {"provider": "azure"},
        call(8, 0, "acme-9", 10, 0, 1) | {"provider": None},
    ]
    s = one(compared(tmp_path, log, page([bucket(0, [used(MINI, 10, 0, 1)])])))
    assert s.scope == m.BillScope(compared=1, other_days=1, other_billers=4, no_time=1, not_billed=1)
    assert s.total.verdict == "matched"


def test_a_model_without_a_price_is_compared_by_tokens(tmp_path):
    log = [call(1, 0, "acme-9", 75, 0, 25)]
    s = one(compared(tmp_path, log, page([bucket(0, [used("ACME-9", 100, 0, 25)])])))
    assert (s.total.explained_percent, s.total.usd.bill, s.total.verdict) == ("80.00", None, "log_misses")
    assert [r.model for r in s.by_model] == ["openai/acme-9"]


def test_costs_of_a_model_without_a_price_are_not_explained(tmp_path):
    log = [call(1, 0, "acme-9", 75, 0, 25)]
    s = one(compared(tmp_path, log, page([bucket(0, [charged("2", "acme-9, input")])])))
    (row,) = s.by_model
    assert (row.usd.bill, row.usd.log, row.log_unpriced_requests) == (Decimal(2), None, 1)
    assert (row.verdict, row.explained_percent) == ("log_misses", "0.00")
    assert "1 request of the log without a price" in render_text(
        compared(tmp_path, log, page([bucket(0, [charged("2", "acme-9, input")])])), 80, color=False
    )


def test_a_public_bill_of_2025_is_explained_to_the_last_digit(tmp_path):
    # From a public repository (xavierjflanagan/Guardian, usage and cost report of 2025-10-12): the usage
    # and what OpenAI charged for it, on the three days on which one model was used.
    public = {
        "2025-10-07": (80_992, 274_770, "0.569788"),
        "2025-10-10": (124_784, 154_852, "0.34090000000000000"),
        "2025-10-11": (22_688, 33_191, "0.072054"),
    }
    log, rows = [], ["start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item"]
    for n, (day, (prompt, answer, usd)) in enumerate(public.items()):
        log.append(call(n, 0, "gpt-5-mini", prompt, 0, answer) | {"timestamp": f"{day}T12:00:00Z"})
        start = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp())
        rows.append(f"{start},{start + 86_400},,,{usd},usd,")
    s = one(compared(tmp_path, log, "\n".join(rows)))
    assert (s.total.verdict, s.total.usd.difference) == ("matched", 0)
    assert {r.day: r.usd.log for r in s.by_day if r.usd.bill} == {
        d: Decimal(u) for d, (_, _, u) in public.items()
    }


def test_a_batch_is_valued_at_the_price_of_batches(tmp_path):
    log = [call(1, 0, FULL, 1_000_000, 0, 0)]
    s = one(compared(tmp_path, log, page([bucket(0, [used(FULL, 1_000_000, 0, 0, batch=True)])])))
    assert (s.total.usd.bill, s.total.usd.log, s.total.verdict) == (
        Decimal("1.25"),
        Decimal("2.5"),
        "matched",
    )
    assert codes(s) == ["batch_not_logged"]


def test_days_between_two_exports_are_out_of_scope_and_days_within_one_are_not(tmp_path):
    log = [call(n, n, MINI, 10, 0, 1) for n in range(5)]
    within = page([bucket(0, [used(MINI, 10, 0, 1)]), bucket(4, [used(MINI, 10, 0, 1)])])
    s = one(compared(tmp_path, log, within))
    assert [r.verdict for r in s.by_day] == [
        "matched",
        "bill_misses",
        "bill_misses",
        "bill_misses",
        "matched",
    ]
    ends = [page([bucket(0, [used(MINI, 10, 0, 1)])]), page([bucket(4, [used(MINI, 10, 0, 1)])])]
    s = one(compared(tmp_path, log, *ends))
    assert ([r.verdict for r in s.by_day], s.scope.other_days) == (["matched"] * 2, 3)


def test_usage_and_costs_of_one_provider_are_two_statements(tmp_path):
    log = [call(1, 0, MINI, 1_000_000, 0, 0)]
    report = compared(
        tmp_path,
        log,
        page([bucket(0, [used(MINI, 1_000_000, 0, 0)])]),
        page([bucket(0, [charged("0.15", f"{MINI}, input")])]),
    )
    assert report.bill is not None
    assert [(s.kind, s.total.verdict) for s in report.bill.statements] == [
        ("cost", "matched"),
        ("usage", "matched"),
    ]


def test_the_same_bill_twice_is_refused(tmp_path):
    bill = page([bucket(0, [used(MINI, 10, 0, 1)])])
    with pytest.raises(UsageError, match="the same bill"):
        compared(tmp_path, [call(1, 0, MINI, 10, 0, 1)], bill, bill)


def test_an_incomplete_bill_and_overlapping_files_are_told(tmp_path):
    pages = [
        page([bucket(0, [used(MINI, 10, 0, 1, 1)])], more=True),
        page([bucket(0, [used(MINI, 5, 0, 1)])]),
    ]
    s = one(compared(tmp_path, [call(1, 0, MINI, 15, 0, 2)], *pages))
    assert any("more pages" in note for note in s.notes)
    assert any("more than one file" in note for note in s.notes)
    assert s.total.verdict == "matched"


# Reasons: each where the numbers show it, and none where they do not


def week(share: Any = 1, model: str = MINI, **change: Any) -> list[Record]:
    """Seven days of rising use; `share` scales what is logged."""
    log = []
    for day in range(7):
        n = int((day + 2) * 10_000 * Decimal(share))
        log.append({**call(day, day, model, 4 * n, 2 * n, n), **change})
    return log


WEEK = [
    bucket(day, [used(MINI, (day + 2) * 40_000, (day + 2) * 20_000, (day + 2) * 10_000)]) for day in range(7)
]


def test_no_reason_is_given_where_nothing_differs(tmp_path):
    s = one(compared(tmp_path, week(), page(WEEK)))
    assert (codes(s), s.total.verdict) == ([], "matched")


def test_cached_tokens_that_are_logged_as_new(tmp_path):
    log = [{k: v for k, v in record.items() if k != "cached_tokens"} for record in week()]
    s = one(compared(tmp_path, log, page(WEEK)))
    assert codes(s) == ["cached_as_input"]
    assert s.total.verdict == "differs"
    assert s.hints[0].evidence == {
        "model": MINI, "bill_input": 1_400_000, "bill_cache_read": 700_000, "log_input": 2_100_000,
    }  # fmt: skip


def test_everything_twice(tmp_path):
    log = [*week(), *({**record, "request_id": f"again{n}"} for n, record in enumerate(week()))]
    report = compared(tmp_path, log, page(WEEK))
    assert codes(one(report)) == ["counted_twice"]
    assert (one(report).total.explained_percent, one(report).total.ratio_percent) == ("100.00", "200.00")
    (finding,) = (f for f in report.findings if f.code == "CA-B1")
    assert "holds 200.00% of it" in finding.title
    assert "merged" in finding.next


def test_output_that_was_not_logged(tmp_path):
    assert codes(one(compared(tmp_path, week(output_tokens=5), page(WEEK)))) == ["output_short"]


def test_a_sample(tmp_path):
    s = one(compared(tmp_path, week("0.25"), page(WEEK)))
    assert codes(s) == ["constant_share"]
    assert s.hints[0].evidence == {"days": 7, "percent": "25.0"}


def test_a_sample_is_seen_beside_a_model_that_is_missing(tmp_path):
    buckets = [{**b, "results": [*b["results"], used(FULL, 7, 0, 7)]} for b in WEEK]
    assert codes(one(compared(tmp_path, week("0.25"), page(buckets)))) == ["missing_models", "constant_share"]


def test_a_day_that_is_missing(tmp_path):
    s = one(compared(tmp_path, [r for n, r in enumerate(week()) if n != 3], page(WEEK)))
    assert codes(s) == ["missing_days"]
    assert s.hints[0].evidence == {"days": ["2026-10-08"], "other_days": 6, "matching": 6}


def test_a_day_that_is_not_billed(tmp_path):
    s = one(compared(tmp_path, week(), page([*WEEK[:3], bucket(3, []), *WEEK[4:]])))
    assert codes(s) == ["unbilled_days"]


def test_days_that_begin_at_another_hour(tmp_path):
    # Every evening's call is in the bill on the day after.
    log = [call(n, n, MINI, 60_000, 0, 0) for n in range(7)]
    log += [call(10 + n, n, MINI, 40_000, 0, 0) for n in range(6)]
    late = [100_000 if 0 < n < 6 else 60_000 for n in range(7)]
    late[6] = 60_000 + 40_000
    bill = page([bucket(n, [used(MINI, 60_000 + (40_000 if n else 0), 0, 0)]) for n in range(7)])
    s = one(compared(tmp_path, log, bill))
    assert [r.verdict for r in s.by_day].count("matched") == 5  # only the ends differ: no pattern
    assert "shifted_days" not in codes(s)
    volumes = [50_000, 90_000, 20_000, 70_000, 30_000, 80_000, 40_000]
    evening = [30_000, 10_000, 18_000, 5_000, 25_000, 15_000, 0]
    log = [call(n, n, MINI, v, 0, 0) for n, v in enumerate(volumes)]
    shifted = [
        v - e + (evening[n - 1] if n else 0) for n, (v, e) in enumerate(zip(volumes, evening, strict=True))
    ]
    s = one(compared(tmp_path, log, page([bucket(n, [used(MINI, v, 0, 0)]) for n, v in enumerate(shifted)])))
    assert codes(s) == ["shifted_days"]
    assert s.total.verdict == "matched"


def test_half_of_the_list_price(tmp_path):
    bill = page([bucket(0, [charged("1.25", f"{FULL}, input")])])
    s = one(compared(tmp_path, [call(1, 0, FULL, 1_000_000, 0, 0)], bill))
    assert codes(s) == ["half_price"]
    s = one(compared(tmp_path, [call(1, 0, FULL, 1_000_000, 0, 0, service_tier="batch")], bill))
    assert (codes(s), s.total.verdict) == ([], "matched")


def test_models_and_providers_that_the_log_does_not_have(tmp_path):
    bill = page([bucket(0, [used(MINI, 10, 0, 1), used(FULL, 10, 0, 1)])])
    assert codes(one(compared(tmp_path, [call(1, 0, MINI, 10, 0, 1)], bill))) == ["missing_models"]
    report = compared(tmp_path, [call(1, 0, "claude-sonnet-4-5", 1, 0, 1) | {"provider": "anthropic"}], bill)
    assert codes(one(report)) == ["no_requests"]
    assert one(report).total.explained_percent == "0.00"


# Properties

CALLS = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from(sorted(RATES)), st.integers(0, 90_000), st.integers(0, 90_000),
        st.integers(0, 9_000),
    ),
    min_size=1, max_size=25,
)  # fmt: skip


def bills_of(calls: list[tuple[int, str, int, int, int]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The usage and the cost pages that OpenAI would make of calls, added up here at the prices above."""
    sums: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for day, model, new, read, out in calls:
        sums[day, model].update(new=new, read=read, out=out, n=1)
    usage: dict[int, list[Any]] = {day: [] for day in range(6)}
    costs: dict[int, list[Any]] = {day: [] for day in range(6)}
    for (day, model), c in sums.items():
        usage[day].append(used(model, c["new"], c["read"], c["out"], c["n"]))
        for name, item, rate in zip(
            ("new", "read", "out"), ("input", "cached input", "output"), RATES[model], strict=True
        ):
            costs[day].append(charged(f"{c[name] * Decimal(rate) / MTOK:f}", f"{model}, {item}"))
    return page([bucket(d, r) for d, r in usage.items()]), page([bucket(d, r) for d, r in costs.items()])


@settings(max_examples=25)
@given(CALLS)
def test_a_bill_made_from_a_log_explains_all_of_it(tmp_path_factory, calls):
    log = [call(n, *c) for n, c in enumerate(calls)]
    report = compared(tmp_path_factory.getbasetemp() / "all", log, *bills_of(calls))
    assert report.bill is not None
    for s in report.bill.statements:
        for row in (s.total, *s.by_model, *s.by_day, *s.rows):
            assert row.verdict == "matched"
            assert row.explained_percent in (None, "100.00")
            assert row.usd.difference in (None, 0)
            assert all(c.difference == 0 for c in row.tokens.values())
            assert row.requests.difference in (None, 0)
        assert s.scope.compared == len(calls)
        assert not s.hints
    assert not [f for f in report.findings if f.code == "CA-B1"]


@settings(max_examples=25)
@given(CALLS.filter(lambda c: len({x[0] for x in c}) > 1), st.data())
def test_a_day_taken_out_of_the_log_is_the_day_that_differs(tmp_path_factory, calls, data):
    heavy = [(d, model, new + 1, read, out) for d, model, new, read, out in calls]
    gone = data.draw(st.sampled_from(sorted({c[0] for c in heavy})))
    log = [call(n, *c) for n, c in enumerate(heavy) if c[0] != gone]
    report = compared(tmp_path_factory.getbasetemp() / "day", log, *bills_of(heavy))
    assert report.bill is not None
    day = str((START + timedelta(days=gone)).date())
    for s in report.bill.statements:
        off = [row for row in s.by_day if row.verdict != "matched"]
        assert [(row.day, row.verdict, row.explained_percent) for row in off] == [(day, "log_misses", "0.00")]
        assert [h.evidence["days"] for h in s.hints if h.code == "missing_days"] == [[day]]


@settings(max_examples=25)
@given(CALLS, CALLS)
def test_parts_add_up_to_the_whole(tmp_path_factory, logged, billed):
    log = [call(n, *c) for n, c in enumerate(logged)]
    report = compared(tmp_path_factory.getbasetemp() / "sum", log, *bills_of(billed))
    assert report.bill is not None
    for s in report.bill.statements:
        for rows in (s.by_model, s.by_day, s.rows):
            for side in ("bill", "log"):
                assert sum(getattr(r.usd, side) or 0 for r in rows) == (getattr(s.total.usd, side) or 0)
                for name in s.total.tokens:
                    assert sum(getattr(r.tokens[name], side) for r in rows) == getattr(
                        s.total.tokens[name], side
                    )
        for row in (s.total, *s.by_model, *s.by_day, *s.rows):
            if row.explained_percent is not None and row.ratio_percent is not None:
                assert Decimal(0) <= Decimal(row.explained_percent) <= 100
                assert Decimal(row.explained_percent) <= Decimal(row.ratio_percent)


# As shown


def small(folder: Path) -> m.Audit:
    log = [*week("0.5"), call(90, 2, "claude-sonnet-4-5", 10, 0, 1) | {"provider": "anthropic"}]
    bill = [*WEEK[:3], bucket(3, [*WEEK[3]["results"], used(FULL, 10_000, 0, 5_000)]), *WEEK[4:]]
    return compared(folder, log, page(bill), page([bucket(0, [charged("5", None)], width=7)]))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_text_is_as_before(tmp_path, snapshot, width):
    text = render_text(small(tmp_path), width, color=False)
    assert max(map(len, text.splitlines())) <= width
    assert text.replace(str(tmp_path), "DIR").partition("\nBy tier")[0] == snapshot


def test_markdown_and_csv_show_the_bill(tmp_path):
    report = small(tmp_path)
    markdown = render_markdown(report)
    assert "### Log against openai's usage 2026-10-05 to 2026-10-11, by model" in markdown
    assert "log misses" in markdown
    rows = list(csv.DictReader(io.StringIO(render_csv(report))))
    models = {r["name"]: r for r in rows if r["section"] == "bill_by_model"}
    assert models[f"openai/{FULL}"]["input"] == "10000"
    assert models[f"openai/{FULL}"]["billed_usd"] == "0.075"
    assert sum(r["section"] == "bill_by_day" for r in rows) == 8


def test_json_conforms_to_the_schema(tmp_path):
    jsonschema.validate(json.loads(render_json(small(tmp_path))), json_schema("audit"))


def test_an_audit_without_a_bill_says_null(tmp_path):
    report = build_audit(audit_pass(write_jsonl(tmp_path / "log.jsonl", week())), load_gateways())
    assert json.loads(render_json(report))["bill"] is None


@pytest.mark.parametrize("name", [h for h in HOSTILE if h.strip()])
def test_a_hostile_name_in_a_bill_does_nothing(tmp_path, name):
    report = compared(
        tmp_path, week(), page([*WEEK, bucket(7, [used(name, 900_000, 0, 10), charged("3", f"{name} x")])])
    )
    text = render_text(report, 80, color=False)
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert "\u202e" not in text
    for row in csv.reader(io.StringIO(render_csv(report))):
        assert not any(cell.startswith(("=", "+", "@", "-1+")) for cell in row)
    assert "<script>" not in render_markdown(report)


def test_the_largest_counts_are_exact(tmp_path):
    most = 2**53
    s = one(
        compared(tmp_path, [call(1, 0, FULL, 5, 0, 1)], page([bucket(0, [used(FULL, most, 0, most)] * 3)]))
    )
    assert s.total.tokens["output"].bill == 3 * most
    assert s.total.usd.bill == 3 * most * Decimal("12.5") / MTOK
    assert s.total.explained_percent == "0.00"


# On the command line


def test_the_sample_bill_has_the_gaps_that_were_made(run, tmp_path):
    bill = "docs/examples/anthropic_usage.csv"
    out = run("analyze", "sample_logs/litellm_gateway.jsonl.gz", "--compare-bill", bill, "--format", "json")
    (s,) = json.loads(out.out)["bill"]["statements"]
    assert out.code == 0
    # 186,400 × $3 + 55,570 × $15 for the evaluations, 212,000 × $5 + 48,500 × $25 for the outage.
    assert Decimal(s["total"]["usd"]["difference"]) == -(Decimal("1.39275") + Decimal("2.2725"))
    assert [r["day"][8:] for r in s["by_day"] if r["verdict"] != "matched"] == ["05", "12", "14", "19"]
    assert {r["model"]: r["verdict"] for r in s["by_model"]} == {
        "anthropic/claude-opus-4-8": "log_misses",
        "anthropic/claude-sonnet-4-6": "log_misses",
        "anthropic/claude-haiku-4-5-20251001": "matched",
    }


def test_bad_lines_are_told_and_a_bad_bill_ends_with_2(run, tmp_path):
    log = write_jsonl(tmp_path / "log.jsonl", week())
    bill = tmp_path / "bill.json"
    bill.write_text(json.dumps(page([*WEEK, bucket(7, [used(MINI, -1, 0, 0)])])))
    good = run("analyze", log, "--compare-bill", bill)
    assert good.code == 0
    assert "1 × negative_usage set aside" in good.err
    assert "Lines of the bill set aside" in good.out
    bill.write_text("a,b\n1,2\n")
    bad = run("analyze", log, "--compare-bill", bill)
    assert (bad.code, bad.out) == (2, "")
    assert "the columns are of no known bill" in bad.err
    dated = run("analyze", log, "--compare-bill", bill, "--prices-at", "2026-01-01")
    assert (dated.code, "prices of another date" in dated.err) == (2, True)
