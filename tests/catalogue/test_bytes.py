"""Encodings, line ends and damage: good lines are read, and what is not is counted with its reason."""

from __future__ import annotations

from tests.catalogue.auditor import Auditor
from tests.catalogue.cases import Log, Refused, named
from tests.catalogue.logs import AMONG, MANY, among_good, line, lines, with_fields

TEN = '"input_tokens":10'


def with_bytes(raw: bytes) -> bytes:
    """A line whose user is written with these bytes."""
    return with_fields(f'{TEN},"user":"HERE"').replace(b"HERE", raw)


READ = {
    "BOM": Log(b"\xef\xbb\xbf" + lines(5), 5),
    "BOM in the middle: two files concatenated": Log(lines(5) + b"\xef\xbb\xbf" + lines(5, 5), 10),
    "latin-1 text in one line": Log(among_good(with_bytes(b"caf\xe9")), AMONG, {"not_utf8": 1}),
    "raw surrogate bytes (CESU-8)": Log(among_good(with_bytes(b"\xed\xa0\x80")), AMONG, {"not_utf8": 1}),
    "overlong UTF-8": Log(among_good(with_bytes(b"\xc0\xaf")), AMONG, {"not_utf8": 1}),
    "escaped lone surrogate in user": Log(among_good(with_bytes(b"\\ud800x")), AMONG + 1),
    "escaped NUL in feature": Log(among_good(with_fields(f'{TEN},"feature":"a\\u0000b"')), AMONG + 1),
    "raw NUL inside a text": Log(among_good(with_bytes(b"a\0b")), AMONG, {"not_json": 1}),
    "NUL padding at the end (crash)": Log(lines(MANY) + b"\0" * 8192, MANY, {"not_json": 1}),
    "NUL padding between lines (crash)": Log(among_good(b"\0" * 5000 + b"\n"), AMONG, {"not_json": 1}),
    "CR only": Log(lines(5).replace(b"\n", b"\r"), 5),
    "mixed line ends": Log(lines(2) + lines(2, 2).replace(b"\n", b"\r\n") + b"\n\r\n" + lines(2, 4), 6),
    "U+2028 and U+0085 in texts": Log(
        among_good(with_fields(f'{TEN},"feature":"a\u2028b\u0085c"')), AMONG + 1
    ),
    "form feeds and vertical tabs between": Log(lines(3) + b"\x0c\x0b\n" + lines(3, 3), 6, None),
    "last line cut (a writer is at work)": Log(
        lines(MANY) + b'{"model": "gpt-4o", "input_tok', MANY, {"not_json": 1}
    ),
    "control-Z at the end": Log(lines(MANY) + b"\x1a", MANY, {"not_json": 1}),
    "RFC 7464 record separators": Log(b"".join(b"\x1e" + line(number) for number in range(5)), 5),
    "blank lines only in between": Log(lines(2) + b"\n \t \n\n" + lines(2, 2), 4),
    "ANSI-coloured line": Log(
        among_good(b"\x1b[32m" + line(9999)[:-1] + b"\x1b[0m\n"), AMONG, {"not_json": 1}
    ),
    "syslog prefix on one line": Log(
        among_good(b"Oct  5 09:00:00 host app[1]: " + line(9999)), AMONG, {"not_json": 1}
    ),
}


@named(READ)
def test_lines_are_read(audit: Auditor, case: Log):
    audit.plain(audit.file(case.name, case.data), requests=case.requests, skipped=case.skipped)


REFUSED = {
    "leading NUL hole (logrotate copytruncate)": Refused(b"\0" * 10_000 + lines(5), ("NUL", "binary")),
    "EBCDIC": Refused(lines(3).decode().encode("cp500"), ("no request", "not valid")),
    "only a BOM": Refused(b"\xef\xbb\xbf", ("empty", "no request")),
    "only newlines": Refused(lambda: b"\n" * 100_000, ("no request",)),
    "only newlines, 10 MB": Refused(lambda: b"\n" * 10_000_000, ("no request",)),
}


@named(REFUSED, slow=("only newlines, 10 MB",))
def test_a_file_is_refused(audit: Auditor, case: Refused):
    audit.refused(audit.file(case.name, case.data), said=case.said)


WIDE = {
    "UTF-16 LE with BOM": Refused(lines(3).decode().encode("utf-16"), ("UTF-16",)),
    "UTF-16 BE with BOM": Refused(b"\xfe\xff" + lines(3).decode().encode("utf-16-be"), ("UTF-16",)),
    "UTF-16 without BOM": Refused(lines(3).decode().encode("utf-16-le"), ("UTF-16", "binary")),
    "UTF-32 with BOM": Refused(lines(3).decode().encode("utf-32"), ("UTF-32",)),
}


@named(WIDE)
def test_wide_characters_are_read_wholly_or_refused_by_name(audit: Auditor, case: Refused):
    log = audit.file(case.name, case.data)
    if audit.analyzed(log, codes=(0, 2)):
        audit.plain(log, requests=3, skipped={})
    else:
        audit.refused(log, said=case.said)
