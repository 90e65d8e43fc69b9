"""Audits in this process, and reports without what may differ between copies of the same log."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from costaudit.engine.audit import Pass, audit_tape, informed
from costaudit.engine.kernel import audit_segment
from costaudit.engine.ledger import Cells
from costaudit.engine.plan import Plan
from costaudit.errors import InputError
from costaudit.ingest import bundle, jsonl, parquet, reader
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import batch_of
from costaudit.ingest.files import find_logs
from costaudit.ingest.format import Adapter
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.logfile import LogFile
from costaudit.ingest.parquet import ParquetReader
from costaudit.ingest.reader import FileReader
from costaudit.prices.book import PriceBook, load_book
from costaudit.prices.gateways import load_gateways
from costaudit.prices.resolver import Resolver
from costaudit.questions.audit.build import build_audit
from costaudit.questions.audit.result import Audit
from costaudit.render.jsonout import render_json
from costaudit.routing.policy_load import load_policy
from costaudit.schema import Call
from costaudit.tape.read import HowToRead, Progress, read_tape
from costaudit.tape.record import Keeps, recorded
from costaudit.tape.segment import Segment
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Tagger

Record = dict[str, Any]


@cache
def book() -> PriceBook:
    return load_book()


@cache
def resolver() -> Resolver:
    return Resolver(book())


@cache
def tagger() -> Tagger:
    return Tagger(load_rules())


def plan(
    *, policy: str | None = None, prices_at: int | None = None, user_map: Mapping[str, str] | None = None
) -> Plan:
    names = Resolver(book(), user_map) if user_map else resolver()
    return Plan.of(book(), names, tagger(), load_policy(policy), prices_at=prices_at)


def plan_at(prices: PriceBook, *, policy: str | None = None, prices_at: int | None = None) -> Plan:
    """A plan for another book than the shipped one."""
    return Plan.of(prices, Resolver(prices), tagger(), load_policy(policy), prices_at=prices_at)


def audit_files(
    files: Sequence[LogFile],
    chosen: Plan,
    *,
    forced: Adapter | None = None,
    adapters: Sequence[Adapter] = ADAPTERS,
    refused: Sequence[InputError] = (),
    threads: int = 1,
    progress: Progress | None = None,
) -> Pass:
    """The logs read and audited."""
    how = HowToRead(forced, adapters, threads)
    with read_tape(files, chosen.tagger, how, refused=refused, progress=progress) as tape:
        return audit_tape(tape, informed(tape, chosen))


def pass_under(chosen: Plan, *paths: Path | str, threads: int = 1) -> Pass:
    files, refused = find_logs([str(p) for p in paths])
    return audit_files(files, chosen, refused=refused, threads=threads)


def audit_pass(*paths: Path | str, threads: int = 1, **options: Any) -> Pass:
    files, refused = find_logs([str(p) for p in paths])
    return audit_files(files, plan(**options), refused=refused, threads=threads)


def audit(*paths: Path | str, threads: int = 1, **options: Any) -> Audit:
    return build_audit(audit_pass(*paths, threads=threads, **options), load_gateways())


def same(report: Audit, *, ignore: Iterable[str] = ()) -> dict[str, Any]:
    """The report without file names, places and sizes."""
    told = json.loads(render_json(report))
    del told["inputs"]["bytes"], told["inputs"]["files"]
    for skipped in told["inputs"]["skipped"]:
        del skipped["examples"]
    for finding in told["findings"]:
        for example in finding["evidence"].get("examples", []):
            del example["file"], example["line"]
    for outlier in (told["reconciliation"] or {"outliers": []})["outliers"]:
        del outlier["file"], outlier["line"]
    for name in ignore:
        del told["inputs"][name]
    return dict(told)


def write_jsonl(path: Path, records: Sequence[Record]) -> Path:
    """JSON lines, compressed as the name says."""
    data = "".join(json.dumps(r) + "\n" for r in records).encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    elif path.suffix == ".zst":
        data = zstandard.compress(data)
    path.write_bytes(data)
    return path


def write_parquet(path: Path, records: Sequence[Record], rows: int | None = None) -> Path:
    names = sorted({name for record in records for name in record})
    table = pa.table({name: [r.get(name) for r in records] for name in names})
    pq.write_table(table, path, row_group_size=rows)
    return path


MODELS = (
    ("openai", "gpt-4o"),
    (None, "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-5"),
    ("openai", "gpt-5.4"),
    ("openai", "o3"),
    ("anthropic", "claude-sonnet-4-5"),
    (None, "claude-opus-4-1"),
    ("anthropic", "claude-haiku-4-5"),
    ("google", "gemini-2.5-pro"),
    (None, "gemini/gemini-2.5-flash"),
    ("deepseek", "deepseek-chat"),
    ("deepseek", "deepseek-v4-flash"),
    (None, "openrouter/openai/gpt-4o"),
    ("mistral", "mistral-large-latest"),
    ("openai", "text-embedding-3-small"),
    ("openai", "acme-9"),
    (None, "acme-9"),
    (None, "llama-3.1-70b-instruct"),
)
"""Provider and model as logged: alias changes, price changes, context bands, windows, unknown names."""

FEATURES = ("/chat", "/summarize", "extract-keywords", "code-review", None)


def random_log(seed: int, size: int = 120, models: Sequence[tuple[str | None, str]] = MODELS) -> list[Record]:
    """Flat records of a platform: providers, dated prices, contexts, tiers, duplicates, retries, markup."""
    chance = random.Random(seed)  # noqa: S311 - the same log on every run
    log: list[Record] = []
    for number in range(size):
        provider, model = chance.choice(models)
        record: Record = {"request_id": f"r{number}", "model": model, **_counts(chance)}
        if provider:
            record["provider"] = provider
        if chance.random() < 0.95:
            day = datetime(2024, 5, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(930 * 86_400))
            record["timestamp"] = day.strftime("%Y-%m-%dT%H:%M:%SZ")
        record |= _context(chance)
        log.append(record)
        log += _further(chance, record, number)
    chance.shuffle(log)
    return log


def _counts(chance: random.Random) -> Record:
    prompt = chance.choice(
        [chance.randrange(3000), chance.randrange(3000), chance.choice([199_999, 200_000, 200_001, 272_001])]
    )
    counts: Record = {"input_tokens": prompt, "output_tokens": chance.randrange(1500)}
    if chance.random() < 0.4:
        counts["cached_tokens"] = chance.randrange(prompt + 1)
    if chance.random() < 0.1:
        counts["cache_write_5m_tokens"] = chance.randrange(prompt - counts.get("cached_tokens", 0) + 1)
    if chance.random() < 0.3:
        counts["reasoning_tokens"] = chance.randrange(counts["output_tokens"] + 1)
    return counts


def _context(chance: random.Random) -> Record:
    tier = chance.choice([None, None, None, "default", "batch", "flex", "priority", "gold"])
    gateway = chance.choice([None, None, "openrouter", "litellm", "my-own"])
    cost = chance.choice([None, None, round(chance.random() / 100, 6), 0.0, round(chance.random() * 900, 3)])
    found = {
        "service_tier": tier,
        "gateway": gateway,
        "cost_usd": cost,
        "feature": chance.choice(FEATURES),
        "user": chance.choice([None, "ann", "bob", "üser", "=cmd"]),
        "tier": chance.choice([None, None, 0, 1, 2, 3]),
        "status": chance.choice(["ok", "ok", "ok", "ok", "error", "cancelled", "cache_hit"]),
        "response_format": chance.choice([None, None, "json_object"]),
        "latency_ms": chance.randrange(9000),
    }
    return {name: value for name, value in found.items() if value is not None}


def _further(chance: random.Random, record: Record, number: int) -> list[Record]:
    """Now and then the same record again, less complete, or a retry of it."""
    kind = chance.random()
    if kind < 0.1:
        return [dict(record)]
    if kind < 0.2:
        partial = {k: v for k, v in record.items() if k not in ("cost_usd", "reasoning_tokens")}
        return [partial | {"output_tokens": record["output_tokens"] // 2}]
    if kind < 0.3:
        retry = record | {"request_id": f"r{number}-retry", "parent_id": record["request_id"], "attempt": 1}
        return [retry | {"status": "ok"}]
    if kind < 0.35:
        return [
            {
                "request_id": f"e{number}",
                "model": record["model"],
                "input_tokens": 0,
                "output_tokens": 0,
                "status": "error",
            }
        ]
    return []


def read_in_blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """From here on, files are read in blocks of so many bytes (JSON lines) or so many rows × 100 (Parquet).

    However small, they are read as large ones are: each on its own, and flat records as columns.
    """

    def open_log(file: LogFile, forced: Adapter | None = None, *_: object) -> FileReader:
        if file.container == "parquet":
            return ParquetReader.open(file, forced)
        return JsonlReader.open(file, forced, block_bytes=size)

    monkeypatch.setattr(reader, "open_log", open_log)
    monkeypatch.setattr(bundle, "SMALL_BYTES", 0)
    monkeypatch.setattr(jsonl, "_WORTH_COLUMNS", 0)
    monkeypatch.setattr(parquet, "ROWS", max(size // 100, 1))
    monkeypatch.setattr(parquet, "RECORD_ROWS", max(size // 100, 1))


def segment_of(calls: Sequence[Call]) -> Segment:
    """Calls as a tape keeps them."""
    return Segment.of(recorded(batch_of(calls), tagger(), Keeps()))


def cells_of(segment: Segment, chosen: Plan) -> Cells:
    """The ledger of some requests, with the numbers of the plan."""
    part = audit_segment(segment, chosen)
    return part.told.by_number(part.cells, chosen)
