"""Costs computed a second time, by other means: the price tables with the csv module, the sums in DuckDB.

Nothing here imports the reader, the price book or the engine.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

PRICING = Path(__file__).resolve().parents[2] / "pricing"
FOREVER = 2**62


def instant(text: str) -> int:
    """Microseconds of '2024-05-13' or '2025-09-05T16:00Z'."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00") if "T" in text else text + "T00:00:00+00:00")
    return int(moment.timestamp()) * 1_000_000


@dataclass(frozen=True)
class Fact:
    provider: str
    model: str
    klass: str
    usd: Decimal | None
    start: int
    end: int
    over: int
    tier: str
    window: str
    elsewhere: bool
    """A price of a region, speed or mode: no log of these tests has one."""


@cache
def facts(provider: str) -> tuple[Fact, ...]:
    """Every price row with the stretch of time in which it is the newest of its kind."""
    with (PRICING / provider / "prices.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in rows:
        kinds.setdefault((row["model"], row["class"], row["when"]), []).append(row)
    found = []
    for (model, klass, when), dated in kinds.items():
        dated.sort(key=lambda row: instant(row["valid_from"]))
        words = dict(word.partition("=")[::2] for word in when.split() if not word.startswith("context"))
        over = next((w for w in when.split() if w.startswith("context")), "context>-1")
        limit = (
            int(over.removeprefix("context>=")) - 1 if ">=" in over else int(over.removeprefix("context>"))
        )
        for row, following in zip(dated, [*dated[1:], None], strict=True):
            end = FOREVER if following is None else instant(following["valid_from"])
            usd = None if row["status"] == "ended" else Decimal(row["usd"])
            found.append(
                Fact(
                    provider,
                    model,
                    klass,
                    usd,
                    instant(row["valid_from"]),
                    end,
                    limit,
                    words.get("tier", "standard"),
                    words.get("window", ""),
                    bool({"region", "speed", "mode"} & words.keys()),
                )
            )
    return tuple(found)


def rate(
    provider: str, model: str, klass: str, at: int, context: int, *, tier: str = "standard", window: str = ""
) -> Decimal | None:
    """USD per 1M tokens by the tables, None without a price."""
    live = [
        f
        for f in facts(provider)
        if (f.model, f.klass, f.tier) == (model, klass, tier)
        and f.start <= at < f.end
        and f.usd is not None
        and f.over < context
        and f.window in ("", window)
        and not f.elsewhere
    ]
    best = max(live, key=lambda f: (f.window != "", f.over), default=None)
    if (
        best is None
        and klass in ("cache_read", "cache_write_5m", "cache_write_1h")
        and _as_input(provider, klass)
    ):
        return rate(provider, model, "input", at, context, tier=tier, window=window)
    return None if best is None else best.usd


@cache
def _providers() -> dict[str, dict[str, Any]]:
    return tomllib.loads((PRICING / "providers.toml").read_text(encoding="utf-8"))


def _as_input(provider: str, klass: str) -> bool:
    name = "cache_read_without_price" if klass == "cache_read" else "cache_write_without_price"
    return _providers()[provider].get(name) in ("input", "assumed")


def list_usd(provider: str, model: str, counts: Mapping[str, int], at: int, **how: str) -> Decimal | None:
    """What one call costs by the tables; None where a class has no price."""
    context = sum(n for name, n in counts.items() if "output" not in name)
    total = Decimal(0)
    for klass, tokens in counts.items():
        if tokens:
            usd = rate(provider, model, klass, at, context, **how)
            if usd is None:
                return None
            total += usd * tokens / 1_000_000
    return total


def aliases(provider: str) -> list[tuple[str, str, str, int, int]]:
    """Provider, alias, model, from, to."""
    with (PRICING / provider / "aliases.csv").open(encoding="utf-8", newline="") as file:
        return [
            (
                provider,
                r["alias"],
                r["model"],
                instant(r["valid_from"]) if r["valid_from"] else 0,
                instant(r["valid_to"]) if r["valid_to"] else FOREVER,
            )
            for r in csv.DictReader(file)
        ]


CALLS = """
CREATE TABLE raw AS SELECT * FROM read_json($log, format = 'newline_delimited', columns = {
    request_id: 'VARCHAR', parent_id: 'VARCHAR', attempt: 'BIGINT', provider: 'VARCHAR', model: 'VARCHAR',
    timestamp: 'TIMESTAMP', input_tokens: 'BIGINT', output_tokens: 'BIGINT', cached_tokens: 'BIGINT',
    cache_write_5m_tokens: 'BIGINT', reasoning_tokens: 'BIGINT', service_tier: 'VARCHAR',
    cost_usd: 'DECIMAL(30,12)',
    feature: 'VARCHAR', "user": 'VARCHAR', tier: 'INTEGER', status: 'VARCHAR'});
CREATE TABLE calls AS SELECT
    row_number() OVER () AS id, epoch_us(min(timestamp)) AS ts,
    any_value(provider) AS provider, any_value(model) AS model,
    max(input_tokens) - coalesce(max(cached_tokens), 0) - coalesce(max(cache_write_5m_tokens), 0) AS input,
    coalesce(max(cached_tokens), 0) AS cache_read, coalesce(max(cache_write_5m_tokens), 0) AS cache_write_5m,
    max(output_tokens) AS output, max(input_tokens) AS context,
    replace(coalesce(any_value(service_tier), 'standard'), 'default', 'standard') AS service,
    max(cost_usd) AS reported, any_value(feature) AS feature, any_value("user") AS "user",
    any_value(tier) AS tier,
    any_value(status) AS status
FROM raw GROUP BY request_id, coalesce(attempt, 0), status = 'error';
CREATE TABLE resolved AS SELECT c.*, n.provider AS vendor, coalesce(a.target, n.name) AS stem,
    c.status = 'cache_hit' OR (c.status IN ('error', 'cancelled') AND c.context + c.output = 0) AS free
FROM calls c LEFT JOIN names n ON c.model = n.model AND c.provider IS NOT DISTINCT FROM n.logged
LEFT JOIN aliases a ON a.provider = n.provider AND a.alias = n.name AND c.ts >= a.start AND c.ts < a.stop;
CREATE TABLE lines AS SELECT r.id, k.klass, k.tokens, (
    SELECT arg_max(f.nano, f.over_ - CASE WHEN f.klass = k.klass THEN 0 ELSE 1e9 END) FROM facts f
    WHERE f.provider = r.vendor AND f.model = r.stem AND f.tier = r.service
      AND r.ts >= f.start AND r.ts < f.stop AND r.context > f.over_
      AND (f.klass = k.klass OR (f.klass = 'input' AND k.klass LIKE 'cache%' AND f.as_input))
) AS nano FROM resolved r, LATERAL (VALUES ('input', r.input), ('cache_read', r.cache_read),
    ('cache_write_5m', r.cache_write_5m), ('output', r.output)) k(klass, tokens) WHERE k.tokens > 0;
CREATE TABLE priced AS SELECT r.*, CASE WHEN r.free THEN 0::HUGEINT ELSE l.femto END AS femto
FROM resolved r LEFT JOIN (
    SELECT id, CASE WHEN count(nano) = count(*) THEN sum(tokens::HUGEINT * nano) END AS femto
    FROM lines GROUP BY id
) l USING (id);
"""
"""Money in 1e-15 USD: tokens times nano-dollars per 1M tokens. Cached tokens are inside the input."""


@cache
def _facts_table(providers: tuple[str, ...], revise: Revision) -> pa.Table:
    stated = [f for p in providers for f in facts(p) if f.usd is not None]
    rows = [revised for f in stated if not f.elsewhere and not f.window for revised in revise(f)]
    return pa.table(
        {
            "provider": [f.provider for f in rows],
            "model": [f.model for f in rows],
            "klass": [f.klass for f in rows],
            "nano": [int((f.usd or 0) * 10**9) for f in rows],
            "start": [f.start for f in rows],
            "stop": [f.end for f in rows],
            "over_": [f.over for f in rows],
            "tier": [f.tier for f in rows],
            "as_input": [_as_input(f.provider, "cache_read") for f in rows],
        }
    )


Revision = Callable[[Fact], Iterable[Fact]]
"""What becomes of a fact where other prices are supposed."""


def as_stated(fact: Fact) -> tuple[Fact]:
    return (fact,)


def in_duckdb(
    log: Path, names: Sequence[tuple[str | None, str, str, str]], revise: Revision = as_stated
) -> duckdb.DuckDBPyConnection:
    """A connection with the table `priced`: one row per call, by SQL alone.

    `names` maps provider and model as logged to a provider of the book and a name there.
    """
    providers = tuple(sorted({n[2] for n in names}))
    base = duckdb.connect()
    base.register("facts", _facts_table(providers, revise))
    rows = [a for p in providers for a in aliases(p)]
    base.register(
        "aliases",
        pa.table(
            dict(zip(("provider", "alias", "target", "start", "stop"), zip(*rows, strict=True), strict=True))
        ),
    )
    base.register(
        "names",
        pa.table(dict(zip(("logged", "model", "provider", "name"), zip(*names, strict=True), strict=True))),
    )
    for statement in CALLS.strip().split(";\n"):
        base.execute(statement, {"log": str(log)} if "$log" in statement else None)
    return base


def at_text(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat()
