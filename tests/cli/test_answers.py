"""What a user sees: the answer on stdout, one line of trouble on stderr, the right exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_logs"


def test_a_directory_is_audited_and_its_breakdowns_add_up(run):
    outcome = run("analyze", SAMPLES, "--format", "json", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    report = json.loads(outcome.out)
    assert report["schema"] == "costaudit/audit@1"
    assert report["inputs"]["requests"] == report["spend"]["requests"]
    for name in ("by_tier", "by_model", "by_feature", "by_user", "by_day"):
        parts = [Decimal(row["list_usd"]) for row in report[name] if row["list_usd"] is not None]
        assert sum(parts) == Decimal(report["spend"]["list_usd"]), name
        assert sum(row["requests"] for row in report[name]) == report["spend"]["requests"]
    steps = report["projection"]["steps"]
    assert sum(Decimal(s["usd"]) for s in steps[:-1]) == Decimal(steps[-1]["usd"])
    low, after, high = (Decimal(report["projection"][f"{n}_usd"]) for n in ("low", "after", "high"))
    assert low <= after <= high


def test_the_sample_logs_give_the_totals_of_their_own_script(run):
    files = json.loads((ROOT / "tests/sample_logs/totals.json").read_text())["files"]
    for name, totals in files.items():
        report = json.loads(run("analyze", SAMPLES / name, "--format", "json", "-q").out)
        assert report["spend"]["requests"] == totals["requests"]
        assert report["inputs"]["duplicates"] == totals["duplicates"]
        assert Decimal(report["spend"]["list_usd"]) == Decimal(totals["list_usd"])
        for klass, tokens in totals["tokens"].items():
            assert report["spend"]["tokens"][klass] == tokens, (name, klass)


def test_the_openrouter_markup_of_the_sample_is_found(run):
    report = json.loads(run("analyze", SAMPLES / "litellm_gateway.jsonl.gz", "--format", "json", "-q").out)
    found = {row["gateway"]: (row["percent"], row["evidence"]) for row in report["markup"]}
    assert found["openrouter"] == ("5.5", "reported")


def test_an_answer_goes_whole_into_a_file(run, tmp_path: Path):
    target = tmp_path / "audit.json"
    outcome = run("analyze", SAMPLES / "platform_month.parquet", "--format", "json", "-q", "-o", target)
    assert (outcome.code, outcome.out) == (0, "")
    assert json.loads(target.read_text())["exit_code"] == 0
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("analyze", "no-such.jsonl"), 2, "no such file"),
        (("analyze", "README.md", "--format", "yaml"), 2, "unknown format"),
        (("simulate", "--markup", "ten"), 2, "not a percentage"),
        (("simulate", "--policy", "x.toml"), 2, "--policy needs a log"),
        (("pricing", "quote", "gpt-9o", "--input", "1"), 2, "unknown_model"),
        (("analyse", "x"), 2, "analyze"),
    ],
)
def test_trouble_is_one_line_and_exit_2(run, argv, code, said):
    outcome = run(*argv)
    assert outcome.code == code
    assert outcome.out == ""
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_gpt_4o_is_priced_by_its_date(run):
    def cost(at: str) -> list[str]:
        argv = ("pricing", "quote", "gpt-4o", "--input", "1000000", "--output", "1000000", "--at", at)
        return [line["usd"] for line in json.loads(run(*argv, "--format", "json").out)["lines"]]

    assert cost("2024-06-01") == ["5.00", "15.00"]
    assert cost("2026-11-20") == ["2.50", "10.00"]


def test_the_shipped_tables_are_in_order(run):
    outcome = run("pricing", "check", "--format", "json")
    report = json.loads(outcome.out)
    assert (outcome.code, report["verdict"]) == (0, "ok")


def test_standard_input_is_read(tmp_path: Path):
    line = b'{"timestamp":"2024-06-01T00:00:00Z","model":"gpt-4o","input_tokens":1000000,"output_tokens":0}\n'
    done = subprocess.run(
        [sys.executable, "-m", "costaudit", "analyze", "-", "--format", "json"],
        input=line, capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["spend"]["list_usd"] == "5.00"


def test_a_closed_pipe_ends_quietly():
    command = f"{sys.executable} -m costaudit pricing list | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_no_prompt_text_reaches_any_output(run, tmp_path: Path):
    canary = "canary-8f3a-prompt"
    log = tmp_path / "log.jsonl"
    record = {
        "timestamp": "2026-10-01T00:00:00Z", "model": "gpt-5.4", "input_tokens": 10, "output_tokens": 3,
        "system": canary, "messages": [{"role": "user", "content": f"Classify: {canary}"}],
    }  # fmt: skip
    broken = (
        '{"model": "gpt-5.4", "input_tokens": -1, "prompt": "' + canary + '"}\n{"prompt": "' + canary + "\n"
    )
    log.write_text(json.dumps(record) + "\n" + broken)
    for name in ("text", "json", "csv", "markdown"):
        outcome = run("analyze", log, "--format", name)
        assert outcome.code == 0
        assert canary not in outcome.out + outcome.err
