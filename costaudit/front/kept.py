"""What logs come to, kept for later questions: ledgers, tapes, the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from msgspec.structs import replace

from costaudit.errors import InputError, UsageError, did_you_mean, one_of
from costaudit.front.asking import Log, asked_logs
from costaudit.front.found import found_logs
from costaudit.front.options import File, LogOptions, path_of, tests_of
from costaudit.front.reading import opened_logs, tagger_of, taped
from costaudit.front.result import Result, drawn_by_lines
from costaudit.render.part import Part
from costaudit.writing import replacing

if TYPE_CHECKING:
    from costaudit.engine.plan import Plan
    from costaudit.tape.cache import CachedTape


class LedgerWritten(Part, frozen=True, kw_only=True):
    """A ledger that was written."""

    file: str
    requests: int
    rows: int
    bytes: int


class TapeWritten(Part, frozen=True, kw_only=True):
    """A tape that was written."""

    file: str
    requests: int
    bytes: int


class CacheState(Part, frozen=True, kw_only=True):
    """What `--cache` keeps."""

    folder: str
    entries: int
    bytes: int
    most_bytes: int
    """From here on the oldest entries go."""
    first_used: str | None
    """When the one that was of no use for longest was last used, UTC."""
    last_used: str | None


class CacheCleared(Part, frozen=True, kw_only=True):
    """What was deleted."""

    entries: int
    bytes: int


def make_ledger(
    *logs: Log,
    to: File,
    resolution: str = "day",
    providers: Sequence[str] = (),
    evals: File | None = None,
    quality_floor: str | float | None = None,
    **options: Unpack[LogOptions],
) -> Result[LedgerWritten]:
    """One pass over logs as a small Parquet file that stands for them: `costaudit ledger`.

    The file `to` is replaced only when whole. `resolution` is `hour` or `day`, `providers` count as used
    whether these logs use them or not. Raises UsageError for options that make no sense, InputError where
    nothing can be read.
    """
    from costaudit.engine.saved import write_ledger  # noqa: PLC0415 - start-up

    output = path_of(to)
    one_of(resolution, ("hour", "day"), "resolution")
    if output.suffix not in (".parquet", ".pq"):
        raise UsageError("a ledger is a Parquet file", path=str(output), hint="like -o ledger.parquet")

    def detailed(plan: Plan) -> Plan:
        used = plan.providers_used | _providers(providers, plan)
        kept = "hour" if resolution == "hour" else "day"
        return replace(plan, detail=True, resolution=kept, providers_used=used)

    tests = tests_of(evals, quality_floor)
    with (
        asked_logs(logs, options, tests) as (paths, reading, notes, _),
        opened_logs(paths, reading, detailed) as read,
    ):
        if read.passed.ledgers:
            raise InputError("a ledger is made from logs", path=paths[0], hint="several can be read together")
        with replacing(output) as stream:
            write_ledger(read.passed, stream)
        requests, rows = read.passed.requests, read.passed.cells.rows
    size = output.stat().st_size
    report = LedgerWritten(file=str(output), requests=requests, rows=rows, bytes=size)
    said = f"{requests:,} requests in {rows:,} rows, {_mb(size)} in {output}"
    return drawn_by_lines(report, notes.lines, lambda _: said)


def _providers(names: Sequence[str], plan: Plan) -> frozenset[str]:
    """Providers of the book by the names that logs use; raises UsageError for an unknown one."""
    known = plan.prices.book.provider_by_log_name
    for name in names:
        if name.lower() not in known:
            raise UsageError(f"--provider {name!r} is not in the book", hint=did_you_mean(name, known))
    return frozenset(known[name.lower()] for name in names)


def make_tape(*logs: Log, to: File, **options: Unpack[LogOptions]) -> Result[TapeWritten]:
    """Logs read into a file that every question takes instead of them: `costaudit tape`.

    The file `to` is replaced only when whole; it holds requests without texts and ids. Raises InputError
    where nothing can be read.
    """
    from costaudit.tape.record import Keeps  # noqa: PLC0415 - start-up
    from costaudit.tape.tapefile import write_tape  # noqa: PLC0415

    output = path_of(to)
    with asked_logs(logs, options) as (paths, reading, notes, _):
        tagger = tagger_of(reading.tagging)
        with (
            found_logs(paths, reading.limits, reading.called, reading.notation) as (files, refused),
            taped(files, refused, reading, tagger, Keeps()) as tape,
        ):
            with replacing(output) as stream:
                write_tape(tape, tagger.text_digest, stream)
            requests = tape.requests
    size = output.stat().st_size
    report = TapeWritten(file=str(output), requests=requests, bytes=size)
    return drawn_by_lines(report, notes.lines, lambda _: f"{requests:,} requests, {_mb(size)} in {output}")


def cache() -> Result[CacheState]:
    """What `cache=True` keeps of logs, and where: `costaudit cache info`."""
    from datetime import UTC, datetime  # noqa: PLC0415 - start-up

    from costaudit.tape.cache import MOST_BYTES, cache_folder, entries_of  # noqa: PLC0415

    folder = cache_folder()
    entries = entries_of(folder)
    used = sorted(datetime.fromtimestamp(entry.used, UTC) for entry in entries)
    report = CacheState(
        folder=str(folder),
        entries=len(entries),
        bytes=_size(entries),
        most_bytes=MOST_BYTES,
        first_used=used[0].isoformat(timespec="seconds") if used else None,
        last_used=used[-1].isoformat(timespec="seconds") if used else None,
    )
    last = f", last used {used[-1]:%Y-%m-%d %H:%M} UTC" if used else ""
    room = f"{report.bytes / 1e6:,.1f} MB of {MOST_BYTES / 1e9:,.1f} GB{last}"
    return drawn_by_lines(report, (), lambda _: f"{folder}\n{_tapes(len(entries))}, {room}\n")


def clear_cache() -> Result[CacheCleared]:
    """Delete all that `cache=True` has kept: `costaudit cache clear`."""
    from costaudit.tape.cache import cache_folder  # noqa: PLC0415 - start-up
    from costaudit.tape.cache import clear_cache as clear  # noqa: PLC0415

    gone = clear(cache_folder())
    report = CacheCleared(entries=len(gone), bytes=_size(gone))
    said = f"deleted {_tapes(report.entries)}, {report.bytes / 1e6:,.1f} MB"
    return drawn_by_lines(report, (), lambda _: said)


def _size(entries: Sequence[CachedTape]) -> int:
    return sum(entry.size for entry in entries)


def _tapes(number: int) -> str:
    return f"{number:,} tape" if number == 1 else f"{number:,} tapes"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.2f} MB"
