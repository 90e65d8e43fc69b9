"""One audit as a hand-written Polars query: prints its totals as JSON. Usage: run_polars KIND LOG BOOK."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

DAY_US = 86_400_000_000
SCHEMA = {
    "timestamp": pl.String, "request_id": pl.String, "provider": pl.String, "model": pl.String,
    "input_tokens": pl.Int64, "output_tokens": pl.Int64, "cached_tokens": pl.Int64, "feature": pl.String,
    "user": pl.String, "status": pl.String, "latency_ms": pl.Int64,
}  # fmt: skip
KEYS = ["day", "provider", "model", "card", "tier", "band", "feature", "status", "route_same", "route_any"]
SUMS = ["fresh", "cached_tokens", "output_tokens", "list_units", "same_units", "any_units"]


def logs(path: Path) -> pl.LazyFrame:
    """The log with its times in microseconds."""
    if path.suffix == ".parquet":
        return pl.scan_parquet(path).with_columns(us=pl.col("timestamp").dt.epoch("us")).drop("timestamp")
    parsed = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us")
    return pl.scan_ndjson(path, schema=SCHEMA).with_columns(us=parsed.dt.epoch("us")).drop("timestamp")


def without_repeats(log: pl.LazyFrame) -> pl.LazyFrame:
    """One row per request; what was logged twice is merged: the earliest time, the largest counts."""
    hashed = log.with_columns(id_hash=pl.col("request_id").hash())
    counted = hashed.select("id_hash").group_by("id_hash").len().filter(pl.col("len") > 1)
    twice = counted.collect(engine="streaming")["id_hash"]
    again = pl.col("id_hash").is_in(twice.implode())
    first, most = (
        ["provider", "model", "feature", "user", "status"],
        ["input_tokens", "output_tokens", "cached_tokens"],
    )
    columns = ["us", *first, *most]
    merged = (
        hashed.filter(again)
        .group_by("request_id", failed=pl.col("status") == "error")
        .agg(pl.col("us").min(), pl.col(first).first(), pl.col(most).max())
        .select(columns)
    )
    return pl.concat([hashed.filter(~again).select(columns), merged])


def features(log: pl.LazyFrame, book: Path) -> pl.DataFrame:
    """Tier and confidence by the words of a feature's name."""
    rules = pl.read_parquet(book / "rules.parquet").sort("place").to_dicts()
    names = log.select(pl.col("feature").unique()).collect(engine="streaming")
    words = (
        pl.col("feature").str.replace_all(r"([a-z0-9])([A-Z])", "$1 $2").str.replace_all(r"[^\pL\pN]+", " ")
        .str.to_lowercase()
    )  # fmt: skip
    tier, confidence = pl.lit(None, pl.Int64), pl.lit(None, pl.Int64)
    for rule in reversed(rules):
        speaks = words.str.contains(rule["words"]) & ~words.str.contains(rule["unless"])
        tier = pl.when(speaks).then(rule["tier"]).otherwise(tier)
        confidence = pl.when(speaks).then(rule["confidence"]).otherwise(confidence)
    return names.with_columns(named_tier=tier, named_confidence=confidence)


def tagged(calls: pl.LazyFrame, named: pl.DataFrame) -> pl.LazyFrame:
    """The calls with tier and confidence."""
    output, side, ok = pl.col("output_tokens"), pl.col("input_tokens"), pl.col("status") == "ok"
    shapes = [
        (side >= 6001, 2, 75),
        (ok & output.is_between(1, 8) & side.is_between(1, 2000), 0, 50),
        (ok & output.is_between(9, 32) & side.is_between(1, 1500), 0, 40),
        (ok & output.is_between(33, 500) & side.is_between(1, 6000), 1, 35),
        (ok & (output >= 501), 2, 35),
    ]
    tier, confidence = pl.lit(-1), pl.lit(0)
    for speaks, number, percent in reversed(shapes):
        tier = pl.when(speaks).then(number).otherwise(tier)
        confidence = pl.when(speaks).then(percent).otherwise(confidence)
    return (
        calls.join(named.lazy(), on="feature", how="left")
        .with_columns(
            tier=pl.coalesce("named_tier", tier).cast(pl.Int64),
            confidence=pl.coalesce("named_confidence", confidence),
            fresh=side - pl.col("cached_tokens"),
        )
        .drop("named_tier", "named_confidence")
    )


def cost(prefix: str) -> pl.Expr:
    """The cost of a call with the rates of a table."""
    tokens = (("fresh", "input"), ("cached_tokens", "cache_read"), ("output_tokens", "output"))
    return pl.sum_horizontal([pl.col(t) * pl.col(prefix + r) for t, r in tokens], ignore_nulls=False)


def stretched(calls: pl.LazyFrame, table: pl.DataFrame, key: list[str]) -> pl.LazyFrame:
    """Each call with the row of a table that holds for it: numbered stretches make it an exact join."""
    edges_us = sorted({*table["from_us"], *table["until_us"]})
    edges_side = sorted({*table["over"], *table["up_to"]})
    numbered = calls.with_columns(
        at=pl.sum_horizontal([(pl.col("us") >= edge).cast(pl.UInt32) for edge in edges_us]),
        band_of=pl.sum_horizontal([(pl.col("input_tokens") > edge).cast(pl.UInt32) for edge in edges_side]),
    )
    rows = [
        {**row, "at": at, "band_of": band}
        for row in table.to_dicts()
        for at in range(edges_us.index(row["from_us"]) + 1, edges_us.index(row["until_us"]) + 1)
        for band in range(edges_side.index(row["over"]) + 1, edges_side.index(row["up_to"]) + 1)
    ]
    wide = pl.DataFrame(rows, schema={**table.schema, "at": pl.UInt32, "band_of": pl.UInt32}).drop(
        "from_us", "until_us", "over", "up_to"
    )
    return numbered.join(wide.lazy(), on=[*key, "at", "band_of"], how="left").drop("at", "band_of")


def routed(calls: pl.LazyFrame, seats: pl.DataFrame) -> pl.LazyFrame:
    """The calls with the cheapest candidate, among the providers used and among all."""
    movable = pl.when((pl.col("status") == "ok") & pl.col("card").is_not_null()).then("tier").otherwise(-1)
    output, length = pl.col("output_tokens"), pl.col("input_tokens") + pl.col("output_tokens")
    offers = stretched(
        calls.with_columns(seat_tier=movable), seats.rename({"tier": "seat_tier"}), ["seat_tier"]
    )
    fits = {
        n: (pl.col(f"s{n}_context_window") >= length) & (pl.col(f"s{n}_max_output") >= output)
        for n in range(1, 5)
    }
    units = {f"s{n}_units": pl.when(fit).then(cost(f"s{n}_")) for n, fit in fits.items()}
    used = {f"s{n}_used_units": pl.when(f"s{n}_used").then(f"s{n}_units") for n in range(1, 5)}
    least = (
        offers.with_columns(**units)
        .with_columns(**used)
        .with_columns(best_any=pl.min_horizontal(*units), best_same=pl.min_horizontal(*used))
    )
    for name, columns in (("any", units), ("same", used)):
        best = pl.col(f"best_{name}")
        card = pl.lit(None, pl.Int64)
        for place, column in reversed(list(enumerate(columns, 1))):
            card = pl.when(pl.col(column) == best).then(f"s{place}_card").otherwise(card)
        moves = best < pl.col("list_units")
        least = least.with_columns(
            pl.when(moves).then(card).alias(f"route_{name}"),
            pl.when(moves).then(best).otherwise("list_units").alias(f"{name}_units"),
        )
    return least


def usd(units: int, parts: int = 1) -> str:
    """Dollars of integers of 1e-15 USD, or of so many parts of it."""
    return format((Decimal(units).scaleb(-15) / parts).normalize(), "f")


def after_halves(row: dict[str, Any]) -> int:
    """What a row of the ledger comes to, in halves of 1e-15 USD; see duckdb_audit.sql."""
    if row["card"] is None or row["status"] != "ok":
        return 0
    if row["band"] < 2:
        return 2 * int(row["list_units"])
    return (3 if row["tier"] == 3 else 2) * int(row["any_units"])


def main() -> None:
    """Run the query and print what the report needs."""
    path, book = Path(sys.argv[2]), Path(sys.argv[3])
    log = logs(path)
    if path.suffix != ".parquet":  # parse the text once
        log = log.collect(engine="streaming").lazy()
    prices, seats = pl.read_parquet(book / "prices.parquet"), pl.read_parquet(book / "seats.parquet")
    calls = tagged(without_repeats(log), features(log, book))
    priced = stretched(calls, prices, ["provider", "model"]).with_columns(
        list_units=cost(""), day=pl.col("us") // DAY_US,
        band=pl.when(pl.col("confidence") == 0).then(0).when(pl.col("confidence") < 50).then(1)
        .when(pl.col("confidence") < 80).then(2).otherwise(3),
    )  # fmt: skip
    whole = routed(priced.drop("input", "cache_read", "output", "context_window", "max_output"), seats)
    sums = [pl.len().alias("requests"), *(pl.col(n).sum() for n in SUMS)]
    ledger, users = pl.collect_all(
        [whole.group_by(KEYS).agg(sums), whole.group_by("user", "card").agg(sums)], engine="streaming"
    )
    rows = ledger.to_dicts()
    tiers: dict[int, list[int]] = {}
    for row in rows:
        held = tiers.setdefault(row["tier"], [0, 0, 0])
        held[0] += row["requests"]
        held[1] += row["list_units"] or 0
        held[2] += after_halves(row)
    print(json.dumps({
        "requests": int(ledger["requests"].sum()),
        "tokens": [int(ledger[name].sum()) for name in ("fresh", "cached_tokens", "output_tokens")],
        "list_usd": usd(sum(held[1] for held in tiers.values())),
        "by_tier": [[tier, n, usd(all_)] for tier, (n, all_, _) in sorted(tiers.items())],
        "after_usd": usd(sum(held[2] for held in tiers.values()), 2),
        "after": [usd(after, 2) for _, (_, _, after) in sorted(tiers.items())],
        "rows": {
            "ledger": len(rows), "users": users["user"].n_unique(), "features": ledger["feature"].n_unique(),
            "days": ledger["day"].n_unique(),
        },
    }))  # fmt: skip


if __name__ == "__main__":
    main()
