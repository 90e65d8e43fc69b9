"""TOML that is a bomb, no text or no TOML, in place of settings, policies, rules and scenarios."""

from __future__ import annotations

import random

import pytest

from tests.catalogue.auditor import Auditor
from tests.catalogue.cases import TRUST, Data
from tests.catalogue.logs import lines

TEXTS: dict[str, Data] = {
    "arrays 50,000 deep": b"a = " + b"[" * 50_000 + b"]" * 50_000,
    "inline tables 5,000 deep": b"a = " + b"{a=" * 5_000 + b"1" + b"}" * 5_000,
    "a key of 20,000 parts": b"a." * 19_999 + b"a = 1",
    "a table name of 20,000 parts": b"[" + b"a." * 19_999 + b"a]",
    "NULs": b"a = 1\0",
    "latin-1": b'a = "caf\xe9"',
    "binary": random.Random(7).randbytes(5000),  # noqa: S311 - the same bytes in every run
    "UTF-16": "a = 1".encode("utf-16"),
    "BOM": b"\xef\xbb\xbf[gates]\n",
    "10^5000": b"a = 1" + b"0" * 5000,
    "10 MB of a list": lambda: b"a = [" + b"1," * 5_000_000 + b"]",
    "open string of 5 MB": lambda: b'a = """' + b"\\" * 5_000_000,
    "200,000 tables": lambda: b"".join(b"[[a]]\nb=%d\n" % number for number in range(200_000)),
    "empty": b"",
    "date of year 0": b"a = 0000-01-01",
}
USES = {
    "settings": ["analyze", "LOG", "--format", "json"],
    "policy": ["analyze", "LOG", "--format", "json", "--policy", "it.toml"],
    "rules": ["analyze", "LOG", "--format", "json", "--rules", "it.toml"],
    "scenario": ["simulate", "--scenario", "it.toml", "--format", "json"],
    "evals": ["simulate", "LOG", "--format", "json", "--evals", "it.toml"],
}
HUGE = ("10 MB of a list", "open string of 5 MB", "200,000 tables")


@pytest.mark.parametrize(
    "use", [pytest.param(use, marks=() if use in ("settings", "policy") else TRUST) for use in USES]
)
@pytest.mark.parametrize("name", [pytest.param(name, marks=TRUST if name in HUGE else ()) for name in TEXTS])
def test_toml(audit: Auditor, name: str, use: str):
    log = audit.file("x.jsonl", lines(20))
    audit.file("costaudit.toml" if use == "settings" else "it.toml", TEXTS[name])
    argv = [log if word == "LOG" else word for word in USES[use]]
    ended = audit.run(*argv, codes=(0, 2), memory_mb=1200)
    if ended.code:
        assert ended.err.startswith("costaudit: ")
        assert ended.err.count("\n") <= 3
        assert len(ended.err) < 3000
