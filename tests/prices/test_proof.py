"""Exactly one row matches every point: by the proof, and at random points by a second reading."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.prices.book import load_book, shipped_directory
from costaudit.prices.cards import timeline_of
from costaudit.prices.check import check_tables
from costaudit.prices.proof import find_flaws
from tests.often import often

BOOK = load_book()
KEYS = sorted(BOOK.rows)
TABLES = shipped_directory()
INPUT_TIERS = ("standard", "batch", "flex", "priority")
Row = dict[str, str]
Point = tuple[datetime, str, int, str, str]
"""Instant, tier, input-side tokens, region, speed."""


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else text + "T00:00+00:00")


@cache
def raw_rows(provider: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    with (TABLES / provider / "prices.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["model"], []).append(row)
    return found


@cache
def raw_windows() -> list[Row]:
    with (TABLES / "windows.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def clock(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def in_window(name: str, at: datetime) -> bool:
    for row in raw_windows():
        if row["window"] != name or (row["valid_from"] and at < moment(row["valid_from"])):
            continue
        if row["valid_to"] and at >= moment(row["valid_to"]):
            continue
        time = at - at.replace(hour=0, minute=0, second=0, microsecond=0)
        start, end = clock(row["start_utc"]), clock(row["end_utc"])
        inside = start <= time < end if start <= end else time >= start or time < end
        local = at.astimezone(ZoneInfo(row["timezone"])).date()
        holidays = [date.fromisoformat(day) for day in row["holidays"].split(";") if day]
        if inside and str(local.isoweekday()) in row["weekdays"] and local not in holidays:
            return True
    return False


def holds(condition: str, point: Point) -> bool:
    at, tier, context, region, speed = point
    name, _, value = condition.partition("=")
    size = re.fullmatch(r"context(>=?)(\d+)", condition)
    if size:
        return context >= int(size[2]) if size[1] == ">=" else context > int(size[2])
    if name == "window":
        return in_window(value, at)
    if (name, value) == ("region", "*"):
        return region not in ("", "global")
    return {"tier": tier, "region": region, "speed": speed, "mode": speed}[name] == value


def wanted_tier(row: Row) -> str:
    return next((c[5:] for c in row["when"].split() if c.startswith("tier=")), "standard")


def winners(rows: list[Row], klass: str, point: Point) -> list[Row]:
    """The rows of a class that match a point and that no other matching row is more specific than."""
    standing: dict[tuple[str, str], Row] = {}
    for row in rows:
        fact = (row["when"], row["valid_from"])
        if row["class"] == klass and (
            fact not in standing or row["recorded_on"] >= standing[fact]["recorded_on"]
        ):
            standing[fact] = row
    latest: dict[str, Row] = {}
    for row in standing.values():
        started = moment(row["valid_from"].replace("Z", "+00:00")) <= point[0]
        if not started or (row["status"] == "correction" and not row["usd"]):
            continue
        held = latest.get(row["when"])
        if held is None or moment(row["valid_from"].replace("Z", "+00:00")) > moment(
            held["valid_from"].replace("Z", "+00:00")
        ):
            latest[row["when"]] = row
    matching = [
        row
        for row in latest.values()
        if row["usd"] and wanted_tier(row) == point[1] and all(holds(c, point) for c in row["when"].split())
    ]
    return [row for row in matching if not any(covers(other, row) for other in matching)]


def covers(other: Row, row: Row) -> bool:
    """Whether `other` has all conditions of `row`, and is not it."""
    if other is row:
        return False
    for condition in row["when"].split():
        if condition.startswith("context"):
            if edge(other) < edge(row):
                return False
        elif condition not in other["when"].split():
            return False
    return True


def edge(row: Row) -> int:
    size = re.search(r"context(>=?)(\d+)", row["when"])
    return int(size[2]) - (size[1] == ">=") if size else -1


@st.composite
def points(draw: st.DrawFn) -> tuple[tuple[str, str], Point]:
    key = draw(st.sampled_from(KEYS))
    rows = raw_rows(key[0])[key[1]]
    instants = sorted({moment(row["valid_from"].replace("Z", "+00:00")) for row in rows})
    near = draw(st.sampled_from(instants))
    at = near + draw(
        st.one_of(
            st.sampled_from([timedelta(0), timedelta(seconds=-1), timedelta(seconds=1)]),
            st.timedeltas(timedelta(0), timedelta(days=500)).map(
                lambda d: timedelta(seconds=int(d.total_seconds()))
            ),
        )
    )
    context = draw(st.sampled_from(sorted({edge(row) for row in rows} | {0}))) + draw(st.integers(0, 1))
    conditions = sorted({c for row in rows for c in row["when"].split()})
    regions = [c[7:] for c in conditions if c.startswith("region=")]
    speeds = [c.partition("=")[2] for c in conditions if c.startswith(("speed=", "mode="))]
    tier = draw(st.sampled_from(INPUT_TIERS))
    return key, (
        at.astimezone(UTC),
        tier,
        max(context, 0),
        draw(st.sampled_from(["", *(r.replace("*", "us-east5") for r in regions)])),
        draw(st.sampled_from(["", *speeds])),
    )


@settings(max_examples=often(400, 5000))
@given(points())
def test_at_any_point_one_row_matches_and_it_is_the_one_that_prices(drawn: tuple[tuple[str, str], Point]):
    key, point = drawn
    rows = raw_rows(key[0])[key[1]]
    at, tier, context, region, speed = point
    card = timeline_of(BOOK, key, tier, region, speed).at(int(at.timestamp()) * 1_000_000, context)
    found = {klass: winners(rows, klass, point) for klass in {row["class"] for row in rows}}
    if not any(row["class"] == "web_search" and wanted_tier(row) == tier for row in rows):
        found["web_search"] = winners(rows, "web_search", (at, "standard", *point[2:]))
    assert all(len(rows) <= 1 for rows in found.values()), "two rows match"
    priced = {klass: rows[0]["usd"] for klass, rows in found.items() if rows}
    if isinstance(card, str):
        assert not {"input", "output", "request"} & priced.keys()
        return
    if {"input", "output"} <= {row["class"] for row in rows if wanted_tier(row) == tier}:
        assert {"input", "output"} <= priced.keys(), "no row matches"
    for klass, usd in priced.items():
        assert card.rates[klass].usd == Decimal(usd)
    for klass in card.rates.keys() - priced.keys():  # documented: such tokens are billed as plain input
        assert klass.startswith("cache_")
        assert card.rates[klass] == card.rates["input"]


def test_the_shipped_tables_have_no_flaw():
    assert list(find_flaws(BOOK)) == []
    assert [v for v in check_tables() if v.severity == "error"] == []


HEAD = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"


def write_book(place: Path, *rows: str) -> Path:
    place.mkdir(exist_ok=True)
    (place / "providers.toml").write_text('[acme]\nname = "Acme"\nkind = "vendor"\n', "utf-8")
    (place / "acme").mkdir(exist_ok=True)
    body = "".join(f"{row},,s,high,2026-01-01,2026-01-01,x\n" for row in rows)
    (place / "acme" / "prices.csv").write_text(HEAD + body, "utf-8")
    return place


BASE = ("m,input,1,mtok,2026-01-01,", "m,output,2,mtok,2026-01-01,")


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ((), None),
        (("m,input,3,mtok,2026-01-01,context>100", "m,output,4,mtok,2026-01-01,context>100"), None),
        (("m,input,3,mtok,2026-01-01,context>100",), "partial"),
        (("m,input,1,mtok,2026-01-01,tier=batch region=us",), "gap"),
        (("m,input,1,mtok,2026-01-01,tier=batch",), "gap"),
        (
            tuple(
                f"m,{c},{p},mtok,2026-01-01,{w}"
                for w, p in (("context>100", 3), ("region=us", 4))
                for c in ("input", "output")
            ),
            "overlap",
        ),
        (
            tuple(
                f"m,{c},{p},mtok,2026-01-01,{w}"
                for w, p in (("context>100", 3), ("region=us", 4), ("context>100 region=us", 5))
                for c in ("input", "output")
            ),
            None,
        ),
        (
            tuple(
                f"m,{c},{p},mtok,2026-01-01,{w}"
                for w, p in (("context>100", 3), ("tier=flex", 1))
                for c in ("input", "output")
            ),
            "flat",
        ),
    ],
)
def test_a_planted_flaw_is_found(tmp_path: Path, rows: tuple[str, ...], kind: str | None):
    book = load_book(write_book(tmp_path / "book", *BASE, *rows))
    assert {flaw.kind for flaw in find_flaws(book)} == ({kind} if kind else set())


def test_output_that_starts_late_or_ends_early_is_a_gap(tmp_path: Path):
    late = load_book(write_book(tmp_path / "a", BASE[0], "m,output,2,mtok,2026-02-01,"))
    assert [flaw.kind for flaw in find_flaws(late)] == ["gap"]
    place = write_book(tmp_path / "b", *BASE)
    table = place / "acme" / "prices.csv"
    table.write_text(
        table.read_text("utf-8") + "m,output,,mtok,2026-03-01,,ended,s,high,2026-01-01,2026-01-01,x\n",
        "utf-8",
    )
    assert [flaw.kind for flaw in find_flaws(load_book(place))] == ["gap"]
