"""The sample as a CSV file: written to be labelled in a spreadsheet or editor, read back with its lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec

from costaudit.errors import InputError
from costaudit.questions.tagging.rows import moment
from costaudit.render.csvout import cell
from costaudit.schema import Tier
from costaudit.tiers.sampling import Drawn

HEAD: Final = (
    "id", "label", "stratum", "stratum_requests", "weight", "ts", "provider", "model", "feature", "user_tier",
    "tags", "system_characters", "prompt_characters", "input", "output", "list_usd", "source_file",
    "source_line", "call_id", "response_id", "tier", "tier_confidence", "tier_evidence", "tier_reasons",
)  # fmt: skip
"""Columns of a sample; the predicted tier stands last, so as not to suggest itself."""

EXCERPT: Final = (600, 250)
"""Characters of the head and the tail of a prompt that are written with `--with-text`."""

NEEDED: Final = ("id", "label", "stratum", "stratum_requests")
_NAMES: Final = {tier.label: int(tier) for tier in Tier}


def excerpt(text: str | None) -> str | None:
    """The head and the tail of a prompt: instructions stand there."""
    head, tail = EXCERPT
    if text is None or len(text) <= head + tail:
        return text
    return f"{text[:head]} […] {text[-tail:]}"


def sample_rows(drawn: Sequence[Drawn[Mapping[str, Any]]], *, with_text: bool) -> list[dict[str, str]]:
    """The cells of a sample, by column; `label` is empty."""
    return [_cells(one, with_text=with_text) for one in drawn]


def _cells(one: Drawn[Mapping[str, Any]], *, with_text: bool) -> dict[str, str]:
    values = dict(one.value) | {
        "label": None,
        "stratum": one.stratum,
        "stratum_requests": one.stratum_requests,
        "weight": _plain(one.weight),
        "ts": None if one.value["ts"] is None else moment(one.value["ts"]),
        "tier_reasons": " ".join(one.value["tier_reasons"]),
    }
    names = (*HEAD, "prompt") if with_text else HEAD
    return {name: str(cell(values.get(name))) for name in names}


def _plain(weight: Fraction) -> str:
    """Six decimals are enough for the eye: reading back, weights are made anew from the labels given."""
    return f"{Decimal(weight.numerator) / weight.denominator:.6f}".rstrip("0").rstrip(".")


def render_sample(rows: Sequence[Mapping[str, str]]) -> str:
    """The sample as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else list(HEAD))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class Sample(msgspec.Struct, frozen=True):
    """A sample read back."""

    path: str
    rows: list[dict[str, str]]
    """Every row with its cells by column."""
    lines: list[int]
    """Where each row begins, counted from 1."""
    broken: tuple[int, ...] = ()
    """Lines of rows without an id or a stratum."""

    @property
    def sizes(self) -> dict[str, int]:
        """Requests of every stratum when the sample was drawn."""
        return {row["stratum"]: int(row["stratum_requests"]) for row in self.rows}


def parse_sample(text: str, path: str) -> Sample:
    """A sample from CSV, also as spreadsheets save it: with semicolons, or a byte order mark.

    Raises InputError when it is none.
    """
    text = text.removeprefix("\ufeff")
    head, _, _ = text.partition("\n")
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip() for name in next(reader, [])]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        hint = "costaudit label PATH -o SAMPLE.csv draws one"
        raise InputError(f"is no sample: it has no column {missing[0]!r}", path=path, line=1, hint=hint)
    rows, lines, broken, line = [], [], [], reader.line_num + 1
    for cells in reader:
        start, line = line, reader.line_num + 1
        row = dict(zip(names, cells, strict=False))
        if not any(cells):
            continue
        if (
            not row.get("id")
            or not row.get("stratum")
            or not row.get("stratum_requests", "").strip().isdecimal()
        ):
            broken.append(start)
            continue
        rows.append({name: row.get(name, "") for name in names})
        lines.append(start)
    if not rows:
        raise InputError("the sample has no rows", path=path)
    return Sample(path, rows, lines, tuple(broken))


def parse_label(text: str) -> int | None:
    """A tier as a number or a name; None for an empty cell. Raises ValueError for anything else.

    >>> parse_label(" 2 "), parse_label("high-stakes"), parse_label(""), parse_label("1.0")
    (2, 3, None, 1)
    """
    word = text.strip().lower()
    if not word:
        return None
    if word in _NAMES:
        return _NAMES[word]
    if word.removesuffix(".0") in ("0", "1", "2", "3"):  # a spreadsheet may write 1.0
        return int(word[0])
    raise ValueError("not a tier")
