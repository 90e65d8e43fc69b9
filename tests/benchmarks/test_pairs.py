"""Runs are paired, ratios taken within pairs; no time is asserted."""

from __future__ import annotations

import pytest

from benchmarks import pairs
from benchmarks.cases import CASES, Against, Case, chosen
from benchmarks.pairs import Ratios, Run, environment, paired, rounds, run
from benchmarks.programs import Program
from benchmarks.run import able, line, lines, row
from tests.conftest import ROOT


def runs(*cpu):
    return [Run(cpu=seconds, wall=2 * seconds, peak_mb=100 * seconds, result=None) for seconds in cpu]


def test_a_ratio_is_that_of_a_pair_not_of_medians():
    ratios = paired(runs(1, 8, 3), runs(2, 2, 2), "cpu")
    assert ratios.values == (0.5, 4, 1.5)
    assert ratios.median == 1.5
    assert str(ratios) == "1.50 [0.50-4.00]"


def test_a_ratio_may_be_per_row():
    assert paired(runs(20, 5), runs(1, 1), "wall", per=10).values == (2, 0.5)


def test_a_line_has_the_ratios_and_what_is_behind_them():
    against = Against(Program("DuckDB", ()), cpu=1.6, memory=1.15)
    assert line("lean", against, (runs(3, 1, 2), runs(2, 2, 2)), 1) == (
        "| lean | DuckDB | 1.00 [0.50-1.50] | 1.00 [0.50-1.50] | 2.00 / 2.00 | 300 / 200 (1.00)"
        " | CPU ≤ 1.6, memory ≤ 1.15 |"
    )


def test_the_size_is_told_once_and_growth_is_per_row(tmp_path):
    (case,) = [case for case in chosen(["growth"], 0.00001) if case.subject.log.kind == "lean"]
    for program in (case.subject, case.against[0].program):
        program.log.path(tmp_path).write_bytes(b"x" * 2_000_000)
    (told,) = lines(case, [runs(20), runs(2)], tmp_path)
    assert told.startswith(
        "| ten times the JSON lines, 100 rows, 2.0 MB | a tenth, per row | 1.00 [1.00-1.00] |"
    )
    assert "2000 / 200 (10.00)" in told


@pytest.mark.parametrize(
    ("in_order", "order"), [(False, ["b", "a", "a", "b", "b", "a"]), (True, ["b", "a", "b", "a", "b", "a"])]
)
def test_programs_run_in_turn(in_order, order, monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(pairs, "run", lambda program, _: ran.append(program.label) or Run(1, 1, 1, None))
    case = Case("x", "x", Program("a", ()), (Against(Program("b", ())),), in_order=in_order)
    assert [len(of_program) for of_program in rounds(case, tmp_path, 3)] == [3, 3]
    assert ran == order


def test_a_run_may_be_several_processes(tmp_path):
    found = run(Program("x", ("-c", "print('{\"a\": 1}'); open('count', 'a').write('1')"), times=3), tmp_path)
    assert (tmp_path / "count").read_text() == "111"
    assert found.result == {"a": 1}
    assert min(found.cpu, found.wall, found.peak_mb) > 0


def test_a_failed_run_stops_the_benchmark(tmp_path):
    with pytest.raises(SystemExit, match="failed with exit code 3"):
        run(Program("x", ("-c", "raise SystemExit(3)")), tmp_path)


def test_the_first_question_finds_an_empty_cache_and_the_second_what_it_left(tmp_path):
    look = (
        "import json, os, pathlib; folder = pathlib.Path(os.environ['COSTAUDIT_CACHE_DIR']);"
        "print(json.dumps({'there': folder.exists()})); folder.mkdir(exist_ok=True)"
    )
    first, second = Program("x", ("-c", look), cache=True), Program("x", ("-c", look), cache=False)
    assert [run(p, tmp_path).result["there"] for p in (first, second, first, second)] == [False, True] * 2


def test_settings_of_the_user_do_not_matter(monkeypatch, tmp_path):
    monkeypatch.setenv("COSTAUDIT_PRICES", "elsewhere")
    seen = environment(tmp_path)
    assert {name for name in seen if name.startswith("COSTAUDIT_")} == {"COSTAUDIT_CACHE_DIR"}
    assert seen["PYTHONPATH"].split(":")[0] == str(ROOT)


def test_cases_are_chosen_by_name_and_scaled():
    assert chosen([], 1) == list(CASES)
    lean, not_compiled = chosen(["lean"], 0.001)
    assert (lean.subject.native, not_compiled.subject.native) == (True, False)
    assert [p.log.rows for p in (lean.subject, *(a.program for a in lean.against))] == [1_000] * 3
    assert {case.name for case in chosen(["start", "gz"], 1)} == {"start", "gz"}


def test_a_case_that_cannot_run_is_skipped_aloud(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("benchmarks.run.python", lambda *_, folder: "--quiet")  # noqa: ARG005
    assert able(chosen(["again", "lean"], 1), tmp_path) == chosen(["lean"], 1)
    assert "SKIPPED again: this costaudit has no `analyze --cache`" in capsys.readouterr().err


def test_a_row_is_markdown():
    assert row(["a", Ratios((1.0,)), 2]) == "| a | 1.00 [1.00-1.00] | 2 |"
