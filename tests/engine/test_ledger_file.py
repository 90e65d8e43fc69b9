"""Saved ledgers: what they hold, what they leave out, and that they say the same as their logs."""

from __future__ import annotations

import io
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from costaudit.engine.alike import AUDIO, JSON_MODE, TOOLS
from costaudit.engine.plan import Plan
from costaudit.engine.saved import write_ledger
from costaudit.engine.slots import price_changes
from costaudit.errors import InputError
from costaudit.ingest.files import find_logs
from costaudit.prices.book import PriceBook, load_book
from costaudit.prices.gateways import load_gateways
from costaudit.prices.resolver import Resolver
from costaudit.prices.rows import instant_us
from costaudit.questions.audit.build import build_audit
from costaudit.render.part import plain_of
from costaudit.routing.policy_load import load_policy
from costaudit.times import DAY_US
from tests.engine.audits import (
    Record,
    audit,
    audit_files,
    audit_pass,
    book,
    plan,
    random_log,
    tagger,
    write_jsonl,
)
from tests.engine.ledgers import ROUTES, detailed, ledger_pass, load_ledger, rows_of, save_ledger
from tests.often import often, repeated
from tests.prices.test_price_layers import make_overlay, price

FEW = repeated(2, 15)
SEEDS = st.integers(0, 2**32)


def call(number: int = 0, **fields: Any) -> Record:
    return {
        "request_id": f"r{number}",
        "timestamp": "2026-10-05T10:00:00Z",
        "provider": "openai",
        "model": "gpt-4o-2024-08-06",
        "input_tokens": 1000,
        "output_tokens": 100,
        "tier": 0,
    } | fields


def rows_saved(path: Path, columns: str, where: str = "true") -> list[Any]:
    query = f"SELECT {columns} FROM '{path}' WHERE {where} ORDER BY ALL"  # noqa: S608 - a file of this test
    return duckdb.sql(query).fetchall()


@FEW
@given(SEEDS, st.sampled_from(["hour", "day"]), st.sampled_from(["default", "conservative", "documents"]))
def test_a_ledger_comes_to_the_same_sums_as_its_log(
    tmp_path: Path, seed: int, resolution: Literal["hour", "day"], policy: str
):
    log = write_jsonl(tmp_path / "log.jsonl", random_log(seed, 250))
    saved = save_ledger(tmp_path / "l.parquet", log, resolution=resolution, under=plan(policy=policy))
    found = ledger_pass(saved, under=plan(policy=policy))
    assert found.unrouted is None
    assert rows_of(found.passed) == rows_of(audit_pass(log, policy=policy))


def test_a_report_from_a_ledger_agrees_in_every_figure_that_both_have(tmp_path: Path):
    log = write_jsonl(tmp_path / "log.jsonl", random_log(5, 400))
    saved = save_ledger(tmp_path / "l.parquet", log)
    mine = plain_of(build_audit(ledger_pass(saved).passed, load_gateways()))
    theirs = plain_of(audit(log))
    for report in (mine, theirs):
        del report["by_user"], report["reconciliation"], report["findings"], report["inputs"]["ledgers"]
    assert mine == theirs
    assert load_ledger(saved).facts.inputs.formats == {"flat": theirs["inputs"]["records"]}


OVERLAID = (
    ("openai", "gpt-4o-2024-08-06"),
    ("openai", "gpt-5-2025-08-07"),
    ("openai", "o3-2025-04-16"),
    ("anthropic", "claude-sonnet-4-5-20250929"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-v4-flash"),
)
WHEN = ("", "", "", "context>200000", "context>64000", "tier=batch", "window=deepseek-peak")


def other_book(place: Path, seed: int) -> PriceBook:
    """The shipped book under an overlay of prices at random days, contexts, hours."""
    chance = random.Random(seed)  # noqa: S311 - the same book on every run
    rows: dict[str, dict[tuple[str, ...], str]] = {}
    for _ in range(8):
        provider, model = chance.choice(OVERLAID)
        day = f"20{chance.choice([24, 25, 26])}-{chance.randrange(1, 13):02}-{chance.randrange(1, 28):02}"
        start = day + chance.choice(["", "", "", "T12:30Z"])
        klass, when = chance.choice(["input", "output", "cache_read"]), chance.choice(WHEN)
        fact = f"{model},{klass},{chance.randrange(1, 900) / 100},mtok,{start},{when}"
        rows.setdefault(provider, {})[klass, model, start, when] = price(fact)
    for provider, facts in rows.items():
        (place / provider).mkdir(parents=True)
        head = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
        (place / provider / "prices.csv").write_text(head + "".join(facts.values()), "utf-8")
    return load_book(overlays=[place])


def under(book: PriceBook, prices_at: int | None = None) -> Plan:
    return Plan.of(book, Resolver(book), tagger(), load_policy(), prices_at=prices_at)


def listed(rows: dict[tuple[Any, ...], tuple[int, ...]], keys: list[str]) -> dict[Any, tuple[int, ...]]:
    """Without what reported costs say."""
    place = [name for name in keys if name not in ROUTES].index("reported")
    found: dict[Any, tuple[int, ...]] = {}
    for key, sums in rows.items():
        short = key[:place] + key[place + 1 :]
        found[short] = tuple(a + b for a, b in zip(found.get(short, (0,) * len(sums)), sums, strict=True))
    return {key: sums[:-1] for key, sums in found.items()}


@settings(FEW, max_examples=often(2, 25))
@given(st.integers(0, 10**6), st.sampled_from([None, "2026-06-01"]), st.booleans())
def test_under_another_book_a_ledger_is_priced_exactly_or_refused(
    tmp_path_factory: pytest.TempPathFactory, seed: int, day: str | None, by_reported: bool
):
    tmp_path = tmp_path_factory.mktemp("ledger")
    log = write_jsonl(tmp_path / "log.jsonl", random_log(seed, 200))
    saved = save_ledger(tmp_path / "l.parquet", log)
    other, at = other_book(tmp_path / "overlay", seed), instant_us(day) if day else None
    raw = audit_files(find_logs([str(log)])[0], under(other, at), threads=1)
    try:
        found = ledger_pass(saved, under=under(other, at), goes_by_reported=by_reported).passed
    except InputError:
        return
    mine, theirs = rows_of(found, routes=False), rows_of(raw, routes=False)
    if by_reported and at is None:
        assert mine == theirs
    keys = list(raw.cells.keys)
    assert listed(mine, keys) == listed(theirs, keys)


def test_days_in_files_of_their_own_add_up_to_the_whole(tmp_path: Path):
    log = [call(n, timestamp=f"2026-10-0{1 + n % 5}T0{n % 9}:30:00Z") for n in range(60)]
    providers = frozenset({"openai", "anthropic"})
    claude = call(99, provider="anthropic", model="claude-haiku-4-5")
    whole = write_jsonl(tmp_path / "whole.jsonl", [*log, claude])
    parts = []
    for day in range(1, 6):
        records = [r for r in log if r["timestamp"].startswith(f"2026-10-0{day}")]
        if day == 5:
            records.append(claude)
        path = write_jsonl(tmp_path / f"{day}.jsonl", records)
        used = replace(plan(), providers_used=providers)
        parts.append(save_ledger(tmp_path / f"{day}.parquet", path, under=used))
    found = ledger_pass(*parts)
    assert found.unrouted is None
    assert rows_of(found.passed) == rows_of(audit_pass(whole))
    assert (found.passed.first_ts, found.passed.last_ts) == (
        audit_pass(whole).first_ts,
        audit_pass(whole).last_ts,
    )


def test_ledgers_whose_providers_differ_are_routed_anew(tmp_path: Path):
    claude = call(2, provider="anthropic", model="claude-haiku-4-5")
    one = save_ledger(tmp_path / "1.parquet", write_jsonl(tmp_path / "1.jsonl", [call(1)]))
    two = save_ledger(tmp_path / "2.parquet", write_jsonl(tmp_path / "2.jsonl", [claude]))
    found = ledger_pass(one, two)
    assert found.unrouted is None
    assert rows_of(found.passed) == rows_of(audit_pass(write_jsonl(tmp_path / "0.jsonl", [call(1), claude])))


def test_a_ledger_does_not_depend_on_order_files_or_threads(tmp_path: Path):
    log = random_log(8, 300)
    first = save_ledger(tmp_path / "1.parquet", write_jsonl(tmp_path / "first.jsonl", log))
    random.Random(1).shuffle(log)  # noqa: S311
    path = write_jsonl(tmp_path / "log.jsonl", log)
    stream = io.BytesIO()
    write_ledger(audit_files(find_logs([str(path)])[0], detailed(plan()), threads=3), stream)
    assert stream.getvalue() == first.read_bytes()


def test_no_prompt_user_key_or_path_is_in_a_ledger(tmp_path: Path):
    secret = "c4n4ry"  # noqa: S105
    log = [
        call(
            n, request_id=f"{secret}-id{n}", user=f"{secret}-user", session=f"{secret}-session",
            prompt=secret, system=secret, tags=f"{secret}-tag", api_key=f"{secret}-key",
        )
        for n in range(5)
    ]  # fmt: skip
    folder = tmp_path / f"{secret}-folder"
    folder.mkdir()
    saved = save_ledger(tmp_path / "l.parquet", write_jsonl(folder / f"{secret}.jsonl", log))
    table = pq.read_table(saved)
    told = json.dumps(table.to_pylist(), default=str) + str(table.schema.metadata)
    assert secret not in told
    assert secret.encode() not in saved.read_bytes()


def test_the_columns_by_hand(tmp_path: Path):
    """DeepSeek's peak of 2026 is 01:00 to 04:00 and 06:00 to 10:00 UTC on weekdays (pricing/windows.csv)."""
    peak = {"provider": "deepseek", "model": "deepseek-v4-flash", "feature": "/chat"}
    log = [
        call(1, timestamp="2026-11-05T00:30:00Z", **peak),  # a Thursday, before the peak
        call(2, timestamp="2026-11-05T02:00:00Z", **peak),  # in it
        call(3, timestamp="2026-11-05T23:59:59Z", **peak),  # after it
        call(4, timestamp="2026-11-07T02:00:00Z", **peak),  # a Saturday
        call(5, model="gpt-5.4", input_tokens=272_000, tools=[{}], response_format={"type": "json_object"}),
        call(6, model="gpt-5.4", input_tokens=272_001, cost_usd="0.5", output_tokens=5000),
    ]
    log[5].pop("timestamp")
    saved = save_ledger(tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", log))
    wanted = "period::VARCHAR, from_s, until_s, requests"
    assert rows_saved(saved, wanted, "feature = '/chat'") == [
        ("2026-11-05", 0, 3600, 1),
        ("2026-11-05", 3600, 14_400, 1),
        ("2026-11-05", 36_000, 86_400, 1),
        ("2026-11-07", 0, 86_400, 1),
    ]
    wanted = "period IS NULL, context_over, length_over, output_over, needs, stated, reported_usd, tier"
    long = rows_saved(saved, wanted, "feature IS NULL")
    assert long == [
        (False, 256_000, 272_000, -1, TOOLS | JSON_MODE, "none", Decimal(0), 0),
        (True, 272_000, 272_000, 4096, 0, "cost", Decimal("0.5"), 0),
    ]
    assert AUDIO not in (row[4] for row in long)


def test_the_file_adds_up_to_its_log_in_sql(tmp_path: Path):
    """Independent of this program: DuckDB sums the columns of the file, Python those of the log."""
    log = [call(n, cost_usd=f"{n}.000000000001", cached_tokens=n, output_tokens=n * n) for n in range(1, 90)]
    saved = save_ledger(tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", log))
    (row,) = rows_saved(saved, "sum(requests), sum(input), sum(cache_read), sum(output), sum(reported_usd)")
    fresh = sum(1000 - n for n in range(1, 90))
    cost = sum(Decimal(f"{n}.000000000001") for n in range(1, 90))
    assert row == (89, fresh, sum(range(1, 90)), sum(n * n for n in range(1, 90)), cost)


def test_a_reported_sum_beyond_64_bits_is_kept_exactly(tmp_path: Path):
    log = [call(n, input_tokens=10**11, cost_usd=900_000.5) for n in range(12)]
    saved = save_ledger(tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", log))
    found = ledger_pass(saved).passed.cells.measures["reported_picousd"].tolist()
    assert found == [10_800_006_000_000_000_000]
    assert found[0] > 2**63


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("gpt-4o-2024-08-06,input,9,mtok,2026-10-05T12:30Z,", "1 requests cannot be priced"),
        ("gpt-4o-2024-08-06,input,9,mtok,2026-10-05,", None),  # the whole day is priced anew
        ("gpt-4o-2024-08-06,input,9,mtok,2026-01-01,context>700", "1 requests cannot be priced"),
        ("gpt-4o-2024-08-06,cache_read,9,mtok,2026-10-05T12:30Z,", None),  # of no token of these requests
    ],
)
def test_a_price_that_changes_inside_of_a_cell_is_refused_with_the_count(
    tmp_path: Path, row: str, said: str | None
):
    saved = save_ledger(tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", [call(input_tokens=900)]))
    overlay = tmp_path / "own"
    (overlay / "openai").mkdir(parents=True)
    head = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
    (overlay / "openai" / "prices.csv").write_text(head + price(row), "utf-8")
    other = load_book(overlays=[overlay])
    if said is None:
        ledger_pass(saved, under=under(other))
        return
    with pytest.raises(InputError, match=said) as refused:
        ledger_pass(saved, under=under(other))
    assert "costaudit ledger" in (refused.value.hint or "")


def test_an_hour_ledger_answers_what_a_day_ledger_cannot(tmp_path: Path):
    log = write_jsonl(tmp_path / "log.jsonl", [call(timestamp="2026-10-05T10:10:00Z")])
    saved = save_ledger(tmp_path / "l.parquet", log, resolution="hour")
    other = load_book(overlays=[make_half_past_twelve(tmp_path / "own")])
    raw = audit_files(find_logs([str(log)])[0], under(other), threads=1)
    found = ledger_pass(saved, under=under(other)).passed
    assert rows_of(found, routes=False) == rows_of(raw, routes=False)


def make_half_past_twelve(place: Path) -> Path:
    make_overlay(place)
    (place / "acme").rename(place / "openai")
    head = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
    row = price("gpt-4o-2024-08-06,input,9,mtok,2026-10-05T12:30Z,")
    (place / "openai" / "prices.csv").write_text(head + row, "utf-8")
    return place


def test_stated_costs_beside_other_prices_are_refused_where_they_matter(tmp_path: Path):
    """List 0.0035: a cost of 0.004 is above it, and whether above the new one only the request can say."""
    saved = save_ledger(
        tmp_path / "l.parquet",
        write_jsonl(tmp_path / "log.jsonl", [call(cost_usd=0.004), call(1, cost_usd=0.003)]),
    )
    overlay = tmp_path / "own"
    (overlay / "openai").mkdir(parents=True)
    head = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
    row = price("gpt-4o-2024-08-06,input,2.6,mtok,2025-01-01,")
    (overlay / "openai" / "prices.csv").write_text(head + row, "utf-8")
    other = load_book(overlays=[overlay])
    with pytest.raises(InputError, match="1 requests state a cost") as refused:  # the other stays below list
        ledger_pass(saved, under=under(other))
    assert "--cost-source list" in (refused.value.hint or "")
    found = ledger_pass(saved, under=under(other), goes_by_reported=False)
    assert int(found.passed.cells.measures["requests"].sum()) == 2


def test_the_same_ledger_twice_is_refused(tmp_path: Path):
    saved = save_ledger(tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", [call()]))
    (tmp_path / "copy.parquet").write_bytes(saved.read_bytes())
    with pytest.raises(InputError, match="the same ledger"):
        ledger_pass(saved, tmp_path / "copy.parquet")


def test_a_policy_that_no_ledger_can_answer_finds_no_routes_but_every_price(tmp_path: Path):
    records = [r | {"session": f"s{n % 9}"} for n, r in enumerate(random_log(3, 100))]
    log = write_jsonl(tmp_path / "log.jsonl", records)
    policy = tmp_path / "policy.toml"
    told = 'schema = "costaudit/policy@1"\nname = "whole"\nsessions = "together"\n'
    policy.write_text(told + '[[tiers]]\ntier = 1\nclasses = ["mid"]\n', "utf-8")
    found = ledger_pass(save_ledger(tmp_path / "l.parquet", log), under=plan(policy=str(policy)))
    assert found.unrouted is not None
    assert "for whole sessions" in found.unrouted.message
    raw = audit_pass(log, policy=str(policy))
    band = list(raw.cells.keys).index("band")
    assert {k[:band] for k in rows_of(found.passed, routes=False)} == {
        k[:band] for k in rows_of(raw, routes=False)
    }


def test_a_ledger_that_is_damaged_says_so(tmp_path: Path):
    saved = save_ledger(tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", random_log(2, 60)))
    table = pq.read_table(saved)
    facts = json.loads(table.schema.metadata[b"costaudit"])
    for change, said in (
        ({"schema": "costaudit/ledger@9"}, "schema 'costaudit/ledger@9'"),
        ({"inputs": {**facts["inputs"], "requests": 1}}, "do not add up"),
        ({"edges": {**facts["edges"], "length": [1]}}, "no edge"),
        ({"resolution": None}, "damaged"),
    ):
        other = table.replace_schema_metadata({b"costaudit": json.dumps(facts | change).encode()})
        pq.write_table(other, tmp_path / "bad.parquet")
        with pytest.raises(InputError, match=said):
            load_ledger(tmp_path / "bad.parquet")
    pq.write_table(table.drop(["classes"]), tmp_path / "bad.parquet")
    with pytest.raises(InputError, match="no column classes"):
        load_ledger(tmp_path / "bad.parquet")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("tier", 7), ("confidence", 101), ("from_s", 90_000), ("classes", -1), ("requests", -5),
        ("input", -1),
        ("reported_usd", None), ("length_over", 5), ("kept", "nonsense"), ("requests", None), ("needs", None),
        ("period", None), ("model", None), ("number", 99), ("route_any", "acme/x@2026-01-01"),
    ],
)  # fmt: skip
def test_impossible_values_never_end_in_a_bug(tmp_path: Path, run: Any, column: str, value: object):
    saved = save_ledger(tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", random_log(2, 40)))
    table = pq.read_table(saved)
    place = table.column_names.index(column)
    values = [value, *table.column(column).to_pylist()[1:]]
    kind = pa.string() if pa.types.is_dictionary(table.column(column).type) else table.column(column).type
    bad = table.set_column(place, column, pa.array(values, kind))
    pq.write_table(bad.replace_schema_metadata(table.schema.metadata), tmp_path / "bad.parquet")
    found = run("analyze", tmp_path / "bad.parquet", "-q")
    assert found.code == (0 if column in ("needs", "period", "model") else 2), found.err
    assert "bug" not in found.err


def test_prices_change_at_the_edges_of_peak_hours_but_on_no_holiday():
    """pricing/windows.csv: from 2026-08-23 on peaks on weekdays, not from 2026-10-01 to 2026-10-07."""
    timeline = plan().prices.subject((None, "deepseek/deepseek-v4-flash", None, None, None, None)).timeline
    thursday, holiday = instant_us("2026-11-05"), instant_us("2026-10-05")
    hours = [(c - thursday) / 3.6e9 for c in price_changes(timeline, thursday, thursday + DAY_US).tolist()]
    assert hours == [1, 4, 6, 10]
    assert price_changes(timeline, holiday, holiday + DAY_US).tolist() == []


def test_the_plain_pass_keeps_no_further_keys(tmp_path: Path):
    log = write_jsonl(tmp_path / "log.jsonl", random_log(2, 60))
    assert "classes" not in audit_pass(log).cells.keys
    assert book().context_edges[:2] == (32_000, 100_000)
