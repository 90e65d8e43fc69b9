"""costaudit and the queries come to the same on every kind of log, which is what the benchmark rests on."""

from __future__ import annotations

import importlib

import msgspec
import pytest

from benchmarks.cases import CASES
from benchmarks.dump_book import dump
from benchmarks.logs import Log
from benchmarks.make_data import WRITERS, make
from benchmarks.pairs import Run, check

ROWS = 1_000


def with_rows(case):
    """The case on small logs of one size."""
    against = tuple(msgspec.structs.replace(a, program=a.program.with_rows(ROWS)) for a in case.against)
    return msgspec.structs.replace(case, subject=case.subject.with_rows(ROWS), against=against)


PROGRAMS = {case.title: with_rows(case) for case in CASES if "benchmarks." in case.subject.arguments[1]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    dump(folder / "book")
    for kind in WRITERS:
        make(Log(kind, ROWS), folder)
    return folder


@pytest.fixture
def found(folder, capsys, monkeypatch):
    """What a program prints; it is run in this process, for speed."""

    def found(program):
        monkeypatch.setattr("sys.argv", program.command(folder)[1:])
        capsys.readouterr()
        importlib.import_module(program.arguments[1]).main()
        return Run(1, 1, 1, msgspec.json.decode(capsys.readouterr().out))

    return found


@pytest.mark.parametrize("title", PROGRAMS)
def test_all_come_to_the_same(title, folder, found):
    case = PROGRAMS[title]
    check(case, folder, [found(program) for program in (case.subject, *(a.program for a in case.against))])


def test_a_difference_stops_the_benchmark(folder, found):
    case = PROGRAMS["1 % bad lines"]
    right = found(case.against[0].program)
    bad = found(case.subject)
    with pytest.raises(SystemExit, match="list_usd differs: costaudit has 1, without them has"):
        check(case, folder, [msgspec.structs.replace(bad, result={**bad.result, "list_usd": "1"}), right])
    fewer = {**bad.result["set_aside"], "not_utf8": 0}
    with pytest.raises(SystemExit, match=r"set_aside differs: costaudit has .* the log has"):
        check(case, folder, [msgspec.structs.replace(bad, result={**bad.result, "set_aside": fewer}), right])
