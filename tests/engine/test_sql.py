"""The audit of random logs against DuckDB: tokens and list cost, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.audits import audit, random_log, write_jsonl
from tests.engine.oracle import in_duckdb

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


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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


def _limit(list_usd: Decimal | None, tokens: int) -> Decimal:
    """20 times list, or $10,000 per 1M tokens where there is no list price."""
    return list_usd * 20 if list_usd else Decimal(max(tokens, 1)) / 100


def _all_tokens(tokens: Any) -> int:
    return int(tokens.input + tokens.cache_read + tokens.cache_write_5m + tokens.output)
