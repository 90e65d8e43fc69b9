"""Random JSON lines and tables as no honest program writes them: what both ways of reading must agree on."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any

from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, FieldKind, Path

_WORDS = [
    "a",
    "gpt-4o",
    "",
    " ",
    "é",
    "\ud800",
    "\x00",
    "x" * 300,
    "ok",
    "error",
    "429",
    "null",
    "12",
    "-3",
    "1e3",
]
_NUMBERS: list[Any] = [
    0, -0.0, 1, 7, 12.0, 1.5, -5, 10**9, 10**11, 10**11 + 1, 2**53, 2**63, 2**64, 10**30, 1e300, float("nan"),
    float("inf"), 1791190800, 1791190800.25, 1791190800123, 1791190800123456, 1791190800123456789, 1e17,
]  # fmt: skip
_TIMES = [
    "2026-10-05T09:00:00Z", "2026-10-05T09:00:00", "2026-10-05 09:00:00", "2026-10-05T09:00:00.123456789Z",
    "2026-10-05t09:00:00z", "2026-10-05T09:00:00+05:30", "2026-10-05", "20261005T090000Z", "1791190800",
    "0001-01-01",
    "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-12-31T23:59:60Z", "2026-10-05T24:00:00Z",
    "2026-10-05T09:00Z",
    "2026-10-05T09:00:00,5Z", "Mon, 05 Oct 2026 09:00:00 GMT", " 2026-10-05T09:00:00Z ",
    "2026-10-05T09:00:00+0530",
    "2026-10-05T09:00:00-00:00", "1677-01-01T00:00:00Z", "2262-12-31T00:00:00Z",
    "2026-10-05T09:00:00.5", "2026-10",
]  # fmt: skip
_USUAL: dict[FieldKind, Callable[[random.Random], Any]] = {
    FieldKind.TIME: lambda r: (
        r.choice(["2026-10-05T09:00:%02dZ", "2026-10-05T09:00:%02d.5Z"]) % r.randrange(60)
    ),
    FieldKind.COUNT: lambda r: r.randrange(5000),
    FieldKind.INTEGER: lambda r: r.randrange(5),
    FieldKind.TEXT: lambda r: r.choice(["a", "b", "chat", "gpt-4o"]),
    FieldKind.FLAG: lambda r: r.random() < 0.5,
    FieldKind.COST: lambda r: r.choice([r.random(), 0, 1]),
    FieldKind.STATUS: lambda r: r.choice(["ok", "error", "200", "cancelled"]),
    FieldKind.MESSAGES: lambda r: [
        {"role": r.choice(["user", "system"]), "content": "hi"} for _ in range(r.randrange(3))
    ],
    FieldKind.LIST: lambda r: [{}] * r.randrange(3),
    FieldKind.TAGS: lambda r: r.choice([["a", "b"], []]),
    FieldKind.FORMAT: lambda r: r.choice(["text", "json_object"]),
}
_ODD_LISTS: list[Any] = [
    ["a", None], [None], [1], ["a", {"b": 1}], [{"role": "user"}], [{"role": None, "content": "x"}], [[]],
    [{"role": "user", "content": [{"type": "text", "text": "x"}]}], "[1]", "{}", {},
    {"type": "json_schema"}, {"code": "429"},
]  # fmt: skip
_RAW = [
    b"null", b"", b" ", b"[]", b"[", b"]", b"{", b"}", b"{}", b"{}{}", b"true", b"1", b'"x"', b"\xef\xbb\xbf",
    b"\x00" * 9, b"nul", b"[null]", b"{} null", b"null{}", b"\xff\xfe", b"[" * 600 + b"]" * 600,
    b'{"a":' * 600 + b"1" + b"}" * 600,
]  # fmt: skip


def odd_file(seed: int) -> bytes:
    """A file of flat records, the same for the same seed: mostly of one shape, here and there not."""
    r = random.Random(seed)  # noqa: S311 - files drawn with a fixed seed
    shape = _shape(r)
    late = _shape(r)
    lines = []
    number = r.choice([3, 20, 60, 60, 250])
    oddness = r.choice([0.0, 0.02, 0.1, 0.5])
    for place in range(number):
        record: dict[str, Any] = {}
        for path, kind in [*shape, *(late if place > number * 0.7 else [])]:
            if r.random() < 0.9:
                _put(
                    record, _spelled(r, path) if r.random() < oddness / 5 else path, _value(r, kind, oddness)
                )
        line = _text(r, record, oddness)
        if r.random() < oddness / 3:
            line = r.choice(
                [r.choice(_RAW), line + line, line[: r.randrange(len(line) + 1)], line + r.choice(_RAW)]
            )
        if r.random() < oddness / 3:
            line = r.choice(_RAW) + line
        lines.append(line + r.choice([b"", b"", b"", b"\r", b" "]))
    return b"\n".join(lines) + r.choice([b"", b"\n", b"\n\n", b"\nnull"])


def _shape(r: random.Random) -> list[tuple[Path, FieldKind]]:
    fields = r.sample(FLAT_FIELDS, r.randrange(2, 8))
    wanted = {"model_requested", "prompt_tokens", "completion_tokens"} if r.random() < 0.9 else set()
    fields += [field for field in FLAT_FIELDS if field.target in wanted]
    return [(r.choice(field.paths), field.kind) for field in fields]


def _spelled(r: random.Random, path: Path) -> Path:
    """The same place under a name that flat records do not know."""
    words = [word for word in path[-1].replace(".", "_").split("_") if word]
    last = r.choice([
        "".join(word.capitalize() for word in words), " ".join(words).title(), "_".join(words).upper(),
        words[0] + "".join(word.capitalize() for word in words[1:]), "num_" + "_".join(words),
    ])  # fmt: skip
    return (*path[:-1], last)


def _value(r: random.Random, kind: FieldKind, oddness: float) -> Any:
    if r.random() >= oddness / 2:
        return _USUAL[kind](r)
    pool = r.choice([_WORDS, _NUMBERS, _TIMES, _ODD_LISTS, [None, True, False]])
    return r.choice(pool)


def _put(record: dict[str, Any], path: Path, value: Any) -> None:
    for key in path[:-1]:
        below = record.setdefault(key, {})
        if not isinstance(below, dict):
            return
        record = below
    record[path[-1]] = value


def _text(r: random.Random, record: dict[str, Any], oddness: float) -> bytes:
    """A record as JSON, with legal oddities of writing."""
    text = json.dumps(record, ensure_ascii=r.random() < 0.8, separators=r.choice([(",", ":"), (", ", ": ")]))
    if r.random() < oddness / 4 and record:
        key = r.choice(list(record))
        text = r.choice([
            text[:-1] + f", {json.dumps(key)}: {json.dumps(_value(r, FieldKind.COUNT, 1.0))}}}",  # twice
            text.replace(f'"{key}"', f'"\\u{ord(key[0]):04x}{key[1:]}"', 1),  # the key escaped
            text.replace(": ", " :  ", 1),
            text[:-1] + f', "unknown_{r.randrange(99)}": {json.dumps(r.choice(_ODD_LISTS))}}}',
            text.replace(":", ":\t", 1),
        ])  # fmt: skip
    return text.encode("utf-8", "surrogatepass")


_CELLS = [
    "12", " 12 ", "12.0", "12.5", "-3", "1e3", "1,234", "0x10", "NaN", "nan", "None", "null", "\\N", "<NA>",
    "inf", "true", "TRUE", "yes", "99999999999999999999", "100000000001", "1791190800", "é", '"',
    "a,b", "a\nb", " ", " None ", "[]", "{}",
]  # fmt: skip


def odd_table(seed: int) -> bytes:
    """A table of flat records, the same for the same seed: mostly of one shape, here and there not."""
    r = random.Random(seed)  # noqa: S311 - files drawn with a fixed seed
    oddness = r.choice([0.0, 0.02, 0.1, 0.5])
    shape = [(path, kind) for path, kind in _shape(r) if len(path) == 1]
    fields = {(_spelled(r, path) if r.random() < oddness else path)[0]: kind for path, kind in shape}
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=r.choice(["\n", "\r\n"]), delimiter=r.choice(",;"))
    writer.writerow([*fields, "note"])
    for _ in range(r.choice([2, 20, 60, 250])):
        row = [_cell(r, kind, oddness) for kind in fields.values()]
        writer.writerow([*row, "x"][: r.choice([99] * 50 + [1 + len(row) // 2])])
        if r.random() < oddness / 10:
            out.write(r.choice(['"open quote,1\n', 'a "b" c\n', "\n", "\ufeff", '"" ""\n']))
    return out.getvalue().encode()


def _cell(r: random.Random, kind: FieldKind, oddness: float) -> str:
    if r.random() < oddness / 2:
        return r.choice([*_CELLS, *_TIMES])
    value = _USUAL[kind](r)
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)
