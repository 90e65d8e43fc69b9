"""Documents of JSON that are no plain lines: nested, huge, in arrays, cut, glued together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogue.auditor import Auditor, set_aside
from tests.catalogue.cases import TRUST, Log, Refused, named
from tests.catalogue.logs import AMONG, MANY, among_good, line, lines, packed, record, with_fields

TEN = '"input_tokens":10'
DEEP = 100_000
NESTED = {
    "lists in an ignored field": f'{TEN},"x":' + "[" * DEEP + "]" * DEEP,
    "objects in an ignored field": f'{TEN},"x":' + '{"a":' * DEEP + "1" + "}" * DEEP,
    "in messages": f'{TEN},"messages":' + '[{"role":"user","content":' * 300 + '"x"' + "}]" * 300,
}


@named(NESTED)
def test_a_deeply_nested_line_costs_at_most_itself(audit: Auditor, case: str):
    report = audit.counted(audit.file("x.jsonl", among_good(with_fields(case))), records=AMONG + 1)
    assert report["spend"]["requests"] >= AMONG


def test_a_deeply_nested_first_line(audit: Auditor):
    audit.counted(audit.file("x.jsonl", with_fields(NESTED["lists in an ignored field"]) + lines(MANY)),
                  records=MANY + 1)  # fmt: skip


def test_deep_nesting_as_json_in_a_string(audit: Auditor):
    messages = f'{TEN},"messages":' + json.dumps("[" * DEEP + "]" * DEEP)
    audit.counted(audit.file("x.jsonl", among_good(with_fields(messages))),
                  requests=AMONG + 1, records=AMONG + 1)  # fmt: skip


def array(count: int, indent: int | None = None) -> bytes:
    """An array of good records."""
    return json.dumps([record(number) for number in range(count)], indent=indent).encode()


def new_keys(count: int) -> bytes:
    """A log in which every line has a key that no other has."""
    return b"".join(line(number, **{f"k{number}": number}) for number in range(count))


def new_keys_below(field: str, count: int) -> bytes:
    """The same inside of a field."""
    return b"".join(line(number, **{field: {f"k{number}": number}}) for number in range(count))


READ = {
    "a bare null first": Log(b"null\n" + lines(5), 5, None),
    "a bare null last, without a line end": Log(lines(5) + b"null", 5, None),
    "a bare null among 2,000": Log(lines(1000) + b"null\n" + lines(1000, 1000), 2000, None),
    "an empty array first": Log(b"[]\n" + lines(5), 5, None),
    "an empty array last": Log(lines(5) + b"[]\n", 5, None),
    "an array of one record first": Log(b"[" + line(99)[:-1] + b"]\n" + lines(5), 6, None),
    "an array of one record last": Log(lines(5) + b"[" + line(99)[:-1] + b"]\n", 6, None),
    "an array over two lines first": Log(b"[\n]\n" + lines(5), 5, None),
    "a broken document first": Log(b'[{"a":\n' + lines(5), 5, None),
    "300,000 line ends first": Log(lambda: b"\n" * 300_000 + lines(5), 5, None),
    "objects glued into one line": Log(lines(MANY).replace(b"\n", b""), MANY),
    "two objects in one of the lines": Log(among_good(line(9001)[:-1] + line(9002)), AMONG + 2),
    "an array of records": Log(array(MANY), MANY, name="x.json"),
    "an array, pretty-printed": Log(array(MANY, 4), MANY, name="x.json"),
    "an array with one bad entry": Log(
        array(MANY, 2).replace(b'"r200"', b'"r200'), MANY - 1, {"not_json": 1}, name="x.json"
    ),
    "an array with nulls and numbers": Log(
        json.dumps([None, 1, "x", [], *(record(number) for number in range(5))]).encode(), 5, None, "x.json"
    ),
    "an array without commas": Log(b"[\n" + lines(5) + b"]", 5, None, "x.json"),
    "an array with a trailing comma": Log(b"[\n" + lines(5).replace(b"\n", b",\n") + b"]", 5, None, "x.json"),
    "an array per line": Log(
        b"".join(packed([record(2 * number), record(2 * number + 1)]) for number in range(MANY)), 2 * MANY
    ),
    "pretty documents one after the other": Log(
        b"\n".join(json.dumps(record(number), indent=2).encode() for number in range(5)), 5, name="x.json"
    ),
    "a page of records with a cursor": Log(
        packed({"data": [record(number) for number in range(5)], "next": "abc"}), 5, name="x.json"
    ),
    "a key of 1 MB": Log(lambda: among_good(with_fields(f'{TEN},"{"k" * 1_000_000}":1')), AMONG + 1),
    "a million keys": Log(
        lambda: among_good(with_fields(f"{TEN}," + ",".join(f'"k{n}":1' for n in range(1_000_000)))),
        AMONG + 1,
    ),
    "new keys in the metadata of every line": Log(lambda: new_keys_below("metadata", 2000), 2000),
    "20,000 new keys in metadata": Log(lambda: new_keys_below("metadata", 20_000), 20_000),
    "new keys in every line": Log(lambda: new_keys(2000), 2000),
    "20,000 new keys": Log(lambda: new_keys(20_000), 20_000),
    "a model of 1 MB": Log(lambda: among_good(with_fields(f'{TEN},"model":"{"m" * 1_000_000}"')), AMONG + 1),
    "1,000 models": Log(lambda: b"".join(line(n, model=f"m{n}") for n in range(1000)), 1000),
    "10,000 models": Log(lambda: b"".join(line(n, model=f"m{n}") for n in range(10_000)), 10_000),
}


@named(READ, slow=("a million keys", "20,000 new keys in metadata", "20,000 new keys", "10,000 models"))
def test_documents_are_read(audit: Auditor, case: Log):
    audit.plain(audit.file(case.name, case.data), requests=case.requests, skipped=case.skipped)


REFUSED = {
    "100,000 brackets": Refused(b"[" * 100_000, ("no request", "not valid")),
    "10 million brackets": Refused(lambda: b"[" * 10_000_000, ("no request", "not valid", "64 MB"), "x.json"),
}


@named(REFUSED, slow=("10 million brackets",))
def test_a_file_is_refused(audit: Auditor, case: Refused):
    audit.refused(audit.file(case.name, case.data), said=case.said)


def test_an_array_that_is_cut_loses_one_record_and_says_so(audit: Auditor):
    report = audit.plain(audit.file("x.json", array(MANY, 2)[:-60]), requests=MANY - 1)
    assert set_aside(report)


def test_lines_of_json_in_strings_are_read_wholly_or_not_at_all(audit: Auditor):
    log = audit.file("x.jsonl", b"".join(packed(line(number).decode()) for number in range(5)))
    report = audit.analyzed(log, codes=(0, 2))
    assert not report or report["spend"]["requests"] == 5


def log_with_a_text_of(megabytes: int, place: Path) -> Path:
    """Ten good lines, and between them one with so long a prompt."""
    with place.open("wb") as log:
        log.write(lines(5) + b'{"model":"gpt-4o","input_tokens":10,"output_tokens":1,"prompt":"')
        for _ in range(megabytes):
            log.write(b"x" * (1 << 20))
        log.write(b'"}\n' + lines(5, 5))
    return place


@TRUST
@pytest.mark.parametrize(
    ("megabytes", "requests", "skipped"), [(60, 11, {}), (200, 10, {"line_too_long": 1})]
)
def test_a_long_line(audit: Auditor, megabytes: int, requests: int, skipped: dict[str, int]):
    log = log_with_a_text_of(megabytes, audit.place / "x.jsonl")
    audit.plain(log, requests=requests, skipped=skipped, memory_mb=900)
