"""A look at a log as an answer, and for the eye.

Prompts are private: their length is told, and their text only where it is asked for. Of keys that no
field was read from, the names and types are told and never the values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from costaudit.ingest.detect import SAMPLE
from costaudit.ingest.logfile import Compression, Container
from costaudit.ingest.look import Look, ReadRecord
from costaudit.ingest.quarantine import REASONS
from costaudit.ingest.trace import KeyTrace
from costaudit.ingest.unclear import REASONS as UNCLEAR
from costaudit.money import exact, usd_from_pico
from costaudit.questions.formats.result import (
    ExampleRead,
    FieldRead,
    FormatTest,
    SkippedRead,
    TextRead,
    UnclearRead,
    UnknownRead,
)
from costaudit.render.safe import display_width, pad, safe, wrap
from costaudit.schema import FIELDS, Call

PRIVATE: Final = ("prompt", "system")
ALWAYS: Final = ("ts", "provider", "model", "input", "output", "quality", "reading", "status")
"""Fields that are told also where they are absent or as usual."""

_LABELS: Final = {"reported_picousd": "reported_usd"}
_CONTAINERS: Final = {
    Container.JSONL: "JSON lines",
    Container.JSON: "JSON over several lines",
    Container.CSV: "CSV",
    Container.PARQUET: "Parquet",
    Container.SQLITE: "SQLite",
    Container.XLSX: "Excel workbook",
}
_NAME, _VALUE = 40, 36
"""Columns of the name of a key, and of a value."""


def look_told(look: Look, *, show_text: bool) -> FormatTest:
    """A look as programs are told of it."""
    unknown, places = look.unknown, look.quarantine.places
    return FormatTest(
        schema_="costaudit/format-test@1",
        file=look.file.name,
        container=str(look.file.container),
        compression=str(look.file.compression),
        detected=look.detected,
        forced=look.forced,
        line=look.line,
        records=look.records,
        calls=look.calls,
        not_calls=look.not_calls,
        votes=dict(_ranked(look)),
        unmatched=look.unmatched,
        examples=[_example_told(example, show_text=show_text) for example in look.examples],
        skipped=[
            SkippedRead(
                reason=reason, count=count, line=places[reason][0].line,
                detail=places[reason][0].detail or None,
            )
            for reason, count in sorted(look.quarantine.counts.items())
        ],
        unclear=[
            UnclearRead(column=column.name, reason=column.reason, records=held.records, line=held.line)
            for column, held in sorted(look.unclear.columns.items())
        ],
        unknown=None if unknown is None else UnknownRead(
            line=unknown.line, nearest=unknown.nearest.name, needs=list(unknown.nearest.needs),
            missing=list(unknown.nearest.missing), starter=unknown.starter,
        ),
    )  # fmt: skip


def _example_told(example: ReadRecord, *, show_text: bool) -> ExampleRead:
    fields: dict[str, FieldRead | TextRead] = {}
    for name, value in _told(example.calls[0]) if example.calls else ():
        keys = [safe(key) for key in example.trace.fields.get(name, ())]
        if name in PRIVATE and value is not None:
            text = value if show_text else None
            fields[name] = TextRead(value=text, characters=len(value), from_=keys)
        else:
            shown = _shown(name, value) if name in ("ts", "reported_picousd") else value
            fields[_LABELS.get(name, name)] = FieldRead(value=shown, from_=keys)
    return ExampleRead(
        line=example.line,
        format=example.format,
        calls=len(example.calls),
        fields=fields,
        unused={safe(key): kind for key, kind in example.trace.unused.items()},
        unexamined=example.trace.unexamined,
    )


def look_text(look: Look, columns: int, *, show_text: bool) -> str:
    """A look for the eye."""
    lines = [*_head(look, columns)]
    for example in look.examples:
        lines += ["", *_example(example, columns, show_text=show_text)]
    if look.quarantine.counts:
        lines += ["", "set aside", *_skipped(look, columns)]
    if look.unclear.columns:
        lines += ["", "not read", *_unclear(look, columns)]
    if look.unknown is not None:
        lines += ["", *wrap(f"line {look.unknown.line}: {look.unknown.nearest.told()}", columns)]
        if look.unknown.starter is not None:
            lines += ["a start for costaudit.toml, guessed:", ""]
            lines += [f"  {safe(line)}" for line in look.unknown.starter.splitlines()]
    return "\n".join(lines) + "\n"


def _head(look: Look, columns: int) -> Iterator[str]:
    compression = "" if look.file.compression is Compression.NONE else f", {look.file.compression}"
    container = _CONTAINERS[look.file.container]
    yield from wrap(f"{look.file.name}: {container}{compression}", columns)
    if look.forced:
        yield f"format: {look.detected}, as --input-format says"
    else:
        yield f"format: {look.detected or 'none that is known'}"
    what = f"line {look.line}" if look.line else f"{look.records:,} {_plural('record', look.records)}"
    if look.records == SAMPLE:
        what = f"the first {what}"
    votes = [f"{name} {count:,}" for name, count in _ranked(look)]
    if look.unmatched:
        votes.append(f"no format {look.unmatched:,}")
    if votes:
        yield from wrap(f"{what}: {', '.join(votes)}", columns)
    told = f"{look.calls:,} {_plural('call', look.calls)}"
    if look.not_calls:
        told += f", {look.not_calls:,} {_plural('record', look.not_calls)} that are no call"
    yield f"read: {told}"


def _example(example: ReadRecord, columns: int, *, show_text: bool) -> Iterator[str]:
    number = len(example.calls)
    if not number:
        yield f"{example.format}, line {example.line}: no call (a header, an aggregate, a tool)"
        return
    yield f"{example.format}, line {example.line}" + (
        f": the first of {number:,} calls" if number > 1 else ""
    )
    told = [(n, _text(n, v, show_text=show_text)) for n, v in _told(example.calls[0])]
    yield from _fields(told, example.trace, columns)
    yield from _unused(example.trace, columns)


def _fields(told: Sequence[tuple[str, str]], trace: KeyTrace, columns: int) -> Iterator[str]:
    """One field on a line: its name, its value, and the keys that it comes from."""
    label = max(display_width(_LABELS.get(name, name)) for name, _ in told)
    widest = max(display_width(text) for name, text in told if name not in PRIVATE)
    value = min(widest, _VALUE, max((columns - label - 6) // 2, 8))
    room = max(columns - label - value - 6, 8)
    for name, text in told:
        keys = [_key(key, room - 1) for key in trace.fields.get(name, ())]
        from_ = wrap(", ".join(keys), room)
        texts = (
            wrap(text, value) if name not in PRIVATE else wrap(text, max(columns - label - 4, value)) or [""]
        )
        alone = len(texts) > 1 or display_width(texts[0] if texts else "") > value
        for place in range(max(len(texts), 0 if alone else len(from_), 1)):
            left = pad(_LABELS.get(name, name) if place == 0 else "", label)
            middle = texts[place] if place < len(texts) else ""
            right = from_[place] if place < len(from_) and not alone else ""
            yield f"  {left}  {pad(middle, value)}  {right}".rstrip()
        if alone:
            yield from (f"  {' ' * label}  {' ' * value}  {line}".rstrip() for line in from_)


def _unused(trace: KeyTrace, columns: int) -> Iterator[str]:
    if trace.unused:
        names = ", ".join(f"{_key(key, _NAME)} ({kind})" for key, kind in trace.unused.items())
        yield "  made no difference:"
        yield from (f"    {line}" for line in wrap(names, columns - 4))
    if trace.unexamined:
        yield f"  not examined: {trace.unexamined:,} more values"


def _skipped(look: Look, columns: int) -> Iterator[str]:
    for reason, count in sorted(look.quarantine.counts.items()):
        place = look.quarantine.places[reason][0]
        detail = f": {place.detail}" if place.detail else ""
        text = f"{count:,} × {reason} ({REASONS[reason]}), first at line {place.line}{detail}"
        yield from (f"  {line}" for line in wrap(text, columns - 2))


def _unclear(look: Look, columns: int) -> Iterator[str]:
    for column, (number, line) in sorted(look.unclear.columns.items()):
        text = f"{number:,} × {column.name}, first at line {line}: {UNCLEAR[column.reason]}"
        yield from (f"  {line}" for line in wrap(text, columns - 2))


def _told(call: Call) -> Iterable[tuple[str, Any]]:
    usual = Call()
    for name in FIELDS:
        value = getattr(call, name)
        if name in ALWAYS or value != getattr(usual, name):
            yield name, value


def _text(name: str, value: Any, *, show_text: bool) -> str:
    if value is None:
        return "—"
    if name in PRIVATE and not show_text:
        return f"{len(value):,} {_plural('character', len(value))}"
    shown = _shown(name, value)
    return f"{shown:,}" if isinstance(shown, int) and not isinstance(shown, bool) else _word(shown)


def _key(key: str, columns: int) -> str:
    """The path of a key; a long one loses its beginning."""
    shown = safe(key)
    columns = min(columns, _NAME)
    return shown if display_width(shown) <= columns else f"…{shown[1 - columns :]}"


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else safe(str(value))


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "ts":
        return datetime.fromtimestamp(value // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + _fraction(
            value
        )
    return exact(usd_from_pico(value)) if name == "reported_picousd" else value


def _fraction(us: int) -> str:
    rest = us % 1_000_000
    return f".{rest:06d}".rstrip("0") + "Z" if rest else "Z"


def _ranked(look: Look) -> list[tuple[str, int]]:
    return sorted(look.votes.items(), key=lambda vote: (-vote[1], vote[0]))


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
