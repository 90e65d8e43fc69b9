"""Which answers were good: request ids with a pass of 0 or 1, as a review or an evaluation leaves them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from costaudit.errors import InputError
from costaudit.textfile import read_text

ID_NAMES: Final = ("request_id", "id", "call_id", "response_id")
PASS_NAMES: Final = ("pass", "passed", "outcome", "label")
ARM_NAME: Final = "arm"

_PASSED: Final = {"1": True, "true": True, "pass": True, "passed": True, "yes": True}
_FAILED: Final = {"0": False, "false": False, "fail": False, "failed": False, "no": False}
_VALUES: Final = _PASSED | _FAILED


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """Whether one answer was good."""

    request_id: str
    passed: bool
    arm: str | None
    """'a' or 'b' where the file says so."""


def load_outcomes(path: Path) -> list[AnswerOutcome]:
    """The outcomes of a CSV file (with a header) or of JSON lines, decided by the first character.

    Raises InputError with the line that is wrong: no id, a pass that is not 0 or 1, two outcomes for one
    request of one arm.
    """
    text = read_text(path)
    rows = _json_rows(text, path) if text.lstrip()[:1] == "{" else _csv_rows(text, path)
    found: dict[tuple[str, str | None], AnswerOutcome] = {}
    for line, row in rows:
        outcome = _outcome(row, path, line)
        key = outcome.request_id, outcome.arm
        if found.setdefault(key, outcome) != outcome:
            raise InputError("this request has two outcomes", path=str(path), line=line)
    if not found:
        raise InputError(
            "holds no outcomes", path=str(path), hint="like request_id,pass and a line per request"
        )
    return list(found.values())


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError("is not a JSON object", path=str(path), line=number) from error
        if not isinstance(row, dict):
            raise InputError("is not a JSON object", path=str(path), line=number)
        yield number, row


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    for wanted, what in ((ID_NAMES, "a request id"), (PASS_NAMES, "a pass")):
        if not set(wanted) & set(names):
            raise InputError(
                f"has no column for {what}",
                path=str(path),
                line=1,
                hint=f"name it {wanted[0]}, like request_id,pass",
            )
    reader.fieldnames = names
    try:
        yield from ((reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise InputError("is not CSV", path=str(path), line=reader.line_num) from error


def _outcome(row: Mapping[str, Any], path: Path, line: int) -> AnswerOutcome:
    ident = next((row[n] for n in ID_NAMES if isinstance(row.get(n), str) and row[n].strip()), None)
    if ident is None:
        raise InputError("has no request id", path=str(path), line=line, hint=f"name it {ID_NAMES[0]}")
    value = next((row[n] for n in PASS_NAMES if row.get(n) is not None), None)
    passed = _VALUES.get(str(value).strip().lower()) if isinstance(value, str | int) else None
    if passed is None:
        raise InputError("the pass is not 0 or 1", path=str(path), line=line)
    arm = row.get(ARM_NAME)
    if arm is not None and arm != "" and str(arm).strip().lower() not in ("a", "b"):
        raise InputError("the arm is not a or b", path=str(path), line=line)
    return AnswerOutcome(ident.strip(), passed, str(arm).strip().lower() if arm else None)
