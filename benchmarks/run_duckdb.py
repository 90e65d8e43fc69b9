"""One audit by hand-written DuckDB SQL: prints its totals as JSON. Usage: run_duckdb KIND LOG BOOK.

How a kind of log is read stands in a file of its own: duckdb_lines.sql and so on.
"""

# ruff: noqa: S608 - the queries are put together from names of this file and paths of this benchmark

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
READERS = {"parquet": "parquet", "litellm": "litellm", "otlp": "otlp"}
"""Kinds of log that are not read as flat JSON lines."""


def sql(name: str) -> str:
    """The statements of a file."""
    return (HERE / f"duckdb_{name}.sql").read_text(encoding="utf-8")


def usd(units: int, parts: int = 1) -> str:
    """Dollars of integers of 1e-15 USD, or of so many parts of it."""
    return format((Decimal(units).scaleb(-15) / parts).normalize(), "f")


def main() -> None:
    """Run the query and print what the report needs."""
    kind, log, book = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    db = duckdb.connect(config={"preserve_insertion_order": False})
    db.execute("SET TimeZone = 'UTC'")
    for name in ("prices", "seats", "rules"):
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{book / name}.parquet')")
    db.execute("SET VARIABLE log = ?", [log])
    for name in (READERS.get(kind, "lines"), "audit"):
        db.execute(sql(name))
    tiers = db.execute(
        "SELECT tier, sum(requests)::BIGINT, sum(list_units)::HUGEINT, sum(after_halves)::HUGEINT "
        "FROM projected GROUP BY tier ORDER BY tier"
    ).fetchall()
    tokens = db.execute(
        "SELECT sum(requests), sum(input), sum(cache_read), sum(output), count(*) FROM projected"
    ).fetchone()
    by = "sum(requests), sum(list_units)"
    users = db.execute(f'SELECT "user", {by} FROM ledger WHERE of_user GROUP BY 1').fetchall()
    features = db.execute(f"SELECT feature, {by} FROM projected GROUP BY 1").fetchall()
    days = db.execute(f"SELECT day, {by} FROM projected GROUP BY 1").fetchall()
    reported = db.execute(sql("reported")).fetchone() if kind == "litellm" else None
    assert tokens is not None  # noqa: S101 - an aggregate has a row
    print(json.dumps({
        "requests": int(tokens[0]),
        "tokens": [int(tokens[1]), int(tokens[2]), int(tokens[3])],
        "list_usd": usd(sum(row[2] for row in tiers)),
        "reported_usd": format(reported[0].normalize(), "f") if reported else None,
        "by_tier": [[tier, requests, usd(list_)] for tier, requests, list_, _ in tiers],
        "after_usd": usd(sum(row[3] for row in tiers), 2),
        "after": [usd(after, 2) for _, _, _, after in tiers],
        "rows": {"ledger": int(tokens[4]), "users": len(users), "features": len(features), "days": len(days)},
    }))  # fmt: skip


if __name__ == "__main__":
    main()
