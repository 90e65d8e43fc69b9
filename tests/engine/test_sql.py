"""The audit of random logs against DuckDB: tokens and list cost, to the last digit."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.audits import audit, random_log, write_jsonl
from tests.engine.oracle import in_duckdb
from tests.often import repeated

NAMES = (
    ("openai", "gpt-4o", "openai", "gpt-4o"),
    (None, "gpt-4o", "openai", "gpt-4o"),
    ("openai", "gpt-4o-mini", "openai", "gpt-4o-mini"),
    ("openai", "gpt-5", "openai", "gpt-5"),
    ("openai", "gpt-5.4", "openai", "gpt-5.4"),
    ("openai", "o3", "openai", "o3"),
    ("anthropic", "claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
    (None, "claude-opus-4-1", "anthropic", "claude-opus-4-1"),
    ("anthropic", "claude-haiku-4-5", "anthropic", "claude-haiku-4-5"),
    ("google", "gemini-2.5-pro", "google", "gemini-2.5-pro"),
    (None, "gemini/gemini-2.5-flash", "google", "gemini-2.5-flash"),
    (None, "openrouter/openai/gpt-4o", "openai", "gpt-4o"),
    ("mistral", "mistral-large-latest", "mistral", "mistral-large-latest"),
    ("openai", "text-embedding-3-small", "openai", "text-embedding-3-small"),
)
"""By hand: what the logged names stand for. Unknown names are left out: they have no price."""

UNKNOWN = (("openai", "acme-9"), (None, "acme-9"))


def dated(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With a time and a tier for every request, so that SQL needs neither guess nor rule."""
    first = "2025-01-01T00:00:00Z"
    return [{"timestamp": first, "tier": 0, **r} for r in log]


def usd(femto: int | None) -> Decimal | None:
    return None if femto is None else Decimal(femto).scaleb(-15)


@repeated(5, 60)
@given(st.integers(0, 2**32))
def test_tokens_and_list_cost_agree_with_sql(tmp_path: Path, seed: int):
    log = dated(random_log(seed, models=[n[:2] for n in NAMES] + list(UNKNOWN)))
    path = write_jsonl(tmp_path / "log.jsonl", log)
    report = audit(path)
    sql = in_duckdb(path, NAMES)

    row = sql.execute(
        "SELECT count(*), sum(input), sum(cache_read), sum(cache_write_5m), sum(output) FROM calls"
    ).fetchone()
    tokens = report.spend.tokens
    assert row == (
        report.spend.requests,
        tokens.input,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.output,
    )

    total, priced = sql.execute("SELECT sum(femto), count(femto) FROM priced").fetchone() or (0, 0)
    assert report.spend.list_usd == usd(total)
    assert sum(u.requests for u in report.coverage.unpriced) == report.spend.requests - priced

    for column, rows, name in (
        ("strftime(make_timestamp(ts), '%Y-%m-%d')", report.by_day, "date"),
        ("feature", report.by_feature, "feature"),
        ('"user"', report.by_user, "user"),
        ("tier", report.by_tier, "tier"),
    ):
        groups = sql.execute(
            f"SELECT {column}, count(*), sum(context + output), sum(femto) FROM priced GROUP BY 1"  # noqa: S608
        ).fetchall()
        expected = {key: (number, count, usd(money)) for key, number, count, money in groups}
        found = {getattr(r, name): (r.requests, _all_tokens(r.tokens), r.list_usd) for r in rows}
        assert found == expected, name

    models = sql.execute(
        "SELECT vendor || '/' || stem, sum(femto) FROM priced WHERE NOT free GROUP BY 1 HAVING sum(femto) > 0"
    ).fetchall()
    assert {r.model: r.list_usd for r in report.by_model if r.list_usd} == {
        name: usd(money) for name, money in models
    }


@repeated(3, 30)
@given(st.integers(0, 2**32))
def test_reported_costs_agree_with_sql_and_impossible_ones_stay_out(tmp_path: Path, seed: int):
    path = write_jsonl(
        tmp_path / "log.jsonl", dated(random_log(seed, models=[n[:2] for n in NAMES] + list(UNKNOWN)))
    )
    report = audit(path)
    query = "SELECT reported, femto, context + output FROM priced WHERE reported IS NOT NULL"
    # A 0 for a model without a price is no statement: the tool that wrote it did not know the price.
    rows = [
        r for r in in_duckdb(path, NAMES).execute(query).fetchall() if r[0] or r[1] is not None or not r[2]
    ]
    believed = [cost for cost, femto, tokens in rows if cost < 1 or cost <= _limit(usd(femto), tokens)]
    assert len(believed) < len(rows)
    assert report.spend.reported_usd == sum(believed)
    assert report.spend.reported_requests == len(believed)
    assert [f.code for f in report.findings].count("CA-C1") == 1


EDGES = (
    *("0", "0.0001", "0.001"),
    *(f"{Decimal(2 * k - 1) / 400:f}" for k in range(1, 502)),
    *("3.5", "4.5", "5.5", "7.5", "9.5", "10.5", "15", "20", "50", "97.5", "102.5", "975", "1025"),
)
"""As documented: half a percent around every half percent up to 2.5, then wider."""


@repeated(3, 30)
@given(st.integers(0, 2**32))
def test_the_reconciliation_agrees_with_sql(tmp_path: Path, seed: int):
    """Sums, buckets, median, zeros and the farthest requests, from one row per request."""
    log = dated(random_log(seed, size=200, models=[n[:2] for n in NAMES] + list(UNKNOWN)))
    for record in log:  # by id: a record that is logged twice states one cost
        chance = random.Random(f"{seed} {record['request_id']}")  # noqa: S311
        if "cost_usd" in record and chance.random() < 0.7:
            record["cost_usd"] = round((record["input_tokens"] * 2.5 + record["output_tokens"] * 10) / 1e6, 6)
    path = write_jsonl(tmp_path / "log.jsonl", log)
    query = "SELECT reported, femto, context + output FROM priced WHERE reported + femto IS NOT NULL"
    rows = [
        (cost, usd(femto) or Decimal(0), n)
        for cost, femto, n in in_duckdb(path, NAMES).execute(query).fetchall()
    ]
    rows = [(cost, listed) for cost, listed, n in rows if cost < 1 or cost <= _limit(listed, n)]
    both = [(cost, listed) for cost, listed in rows if cost and listed]
    assert both

    found = audit(path).reconciliation
    assert found is not None
    assert (found.requests, found.list_usd) == (len(both), sum(listed for _, listed in both))
    assert found.reported_usd == sum(cost for cost, _ in both)
    assert found.reported_zero_requests == sum(1 for cost, listed in rows if listed and not cost)
    assert found.list_zero_requests == sum(1 for cost, listed in rows if cost and not listed)

    buckets: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for cost, listed in both:
        buckets.setdefault(_edge(cost, listed), []).append((cost, listed))
    assert {b.ratio_from: (b.requests, b.reported_usd, b.list_usd) for b in found.distribution} == {
        edge: (len(some), sum(c for c, _ in some), sum(n for _, n in some)) for edge, some in buckets.items()
    }
    ordered = sorted((_edge(cost, listed) for cost, listed in both), key=Decimal)
    assert found.median_ratio_from == ordered[(len(ordered) - 1) // 2]

    far = [(abs(cost - listed), cost) for cost, listed in both if _edge(cost, listed) != "0.9975"]
    assert [o.reported_usd for o in found.outliers] == [cost for _, cost in sorted(far, reverse=True)[:20]]


def _edge(cost: Decimal, listed: Decimal) -> str:
    """The lower edge of the bucket, by division to 60 digits; six-digit costs may be rounded list costs."""
    exponent = cost.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    if abs(cost - listed) < Decimal(10) ** min(exponent, -4) / 2:
        return "0.9975"
    return next(edge for edge in reversed(EDGES) if Decimal(edge) * listed <= cost)


def _limit(list_usd: Decimal | None, tokens: int) -> Decimal:
    """20 times list, or $10,000 per 1M tokens where there is no list price."""
    return list_usd * 20 if list_usd else Decimal(max(tokens, 1)) / 100


def _all_tokens(tokens: Any) -> int:
    return int(tokens.input + tokens.cache_read + tokens.cache_write_5m + tokens.output)
