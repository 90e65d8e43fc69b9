"""One audit by hand-written DuckDB SQL: prints its totals as JSON. Usage: run_duckdb LOG BOOK."""

# ruff: noqa: S608 - the queries are put together from names of this file and paths of this benchmark

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
COLUMNS = {
    "timestamp": "TIMESTAMPTZ", "request_id": "VARCHAR", "provider": "VARCHAR", "model": "VARCHAR",
    "input_tokens": "BIGINT", "output_tokens": "BIGINT", "cached_tokens": "BIGINT", "feature": "VARCHAR",
    "user": "VARCHAR", "status": "VARCHAR",
}  # fmt: skip


def usd(units: int, parts: int = 1) -> str:
    """Dollars of integers of 1e-15 USD, or of so many parts of it."""
    return format((Decimal(units).scaleb(-15) / parts).normalize(), "f")


def main() -> None:
    """Run the query and print what the report needs."""
    log, book = Path(sys.argv[1]), Path(sys.argv[2])
    db = duckdb.connect(config={"preserve_insertion_order": False})
    db.execute("SET TimeZone = 'UTC'")
    for name in ("prices", "seats", "rules"):
        db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{book / name}.parquet')")
    if log.suffix == ".parquet":
        db.execute(f"CREATE VIEW logs AS SELECT * FROM read_parquet('{log}')")
    else:  # read once: the text is parsed to a table, which the queries then use
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
        db.execute(
            f"CREATE TEMP TABLE logs AS SELECT * FROM "
            f"read_json('{log}', format = 'newline_delimited', columns = {{{columns}}})"
        )
    db.execute((HERE / "duckdb_audit.sql").read_text(encoding="utf-8"))
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
    assert tokens is not None  # noqa: S101 - an aggregate has a row
    print(json.dumps({
        "requests": int(tokens[0]),
        "tokens": [int(tokens[1]), int(tokens[2]), int(tokens[3])],
        "list_usd": usd(sum(row[2] for row in tiers)),
        "after_usd": usd(sum(row[3] for row in tiers), 2),
        "by_tier": [[tier, requests, usd(list_), usd(after, 2)] for tier, requests, list_, after in tiers],
        "rows": {"ledger": int(tokens[4]), "users": len(users), "features": len(features), "days": len(days)},
    }))  # fmt: skip


if __name__ == "__main__":
    main()
