"""The composite action: every `run:` under bash, in a real repository, without network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from costaudit.prices.answers import json_schema
from tests.ci.conftest import check_out, commit, git
from tests.ci.forge import Forge
from tests.ci.runner import ACTION, STEPS, Runner
from tests.conftest import ROOT
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, price, tables

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="BASH ABSENT: needs bash")
PULL = {"pull_request": {"number": 7}}


@pytest.fixture
def job(merged: Path, tmp_path: Path, forge: Forge) -> Runner:
    """A job of a pull request, whose token may comment."""
    return Runner(merged, tmp_path / "temp", PULL, environ={"GITHUB_API_URL": forge.url})


def reports(job: Runner) -> list[str]:
    return sorted(path.name for path in (job.work / "costaudit-report").iterdir())


def first_lines(forge: Forge) -> list[str]:
    return [" ".join(c["body"].splitlines()[:2]) for c in forge.comments]


# -- what the action is


def test_no_input_is_ever_text_of_a_script():
    assert all("${{" not in step["run"] for step in STEPS)
    assert all(step["shell"] == "bash" for step in STEPS)
    assert all("uses" not in step for step in STEPS), "nothing to pin"


def test_every_script_is_used_stops_at_errors_and_is_documented():
    scripts = {path.name for path in (ROOT / "ci" / "action").iterdir() if path.suffix in (".sh", ".py")}
    told = "\n".join(path.read_text("utf-8") for path in (ROOT / "ci" / "action").iterdir() if path.is_file())
    told += "\n".join(step["run"] for step in STEPS)
    for name in scripts:
        assert f"ci/action/{name}" in told, f"{name} is used nowhere"
    for path in (ROOT / "ci" / "action").glob("*.sh"):
        lines = path.read_text("utf-8").splitlines()
        assert (lines[0], lines[1][:2]) == ("#!/usr/bin/env bash", "# ")
        assert "set -euo pipefail" in lines


def test_every_input_is_used_and_documented():
    action = (ROOT / "action.yml").read_text("utf-8")
    docs = (ROOT / "docs" / "ci.md").read_text("utf-8")
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in action
        assert f"`{name}`" in docs
    for name in ACTION["outputs"]:
        assert f"`{name}`" in docs


# -- pull requests


def test_a_price_that_is_edited_in_place_fails_with_annotations_summary_and_comments(
    job: Runner, forge: Forge, sarif_schema: Any
):
    job.sha = check_out(job.work, "edited")
    assert job.run(fail_if="correction") == 1
    assert job.outputs["verdict"] == {"exit-code": "1"}
    assert re.search(
        r"^::error file=pricing/acme/prices.csv,line=2,title=CA204 edited-in-place::", job.log, re.MULTILINE
    )
    assert re.search(
        r"^::error file=pricing/acme/prices.csv,line=2,title=correction::", job.log, re.MULTILINE
    )
    assert "### costaudit pricing check: failed" in job.summary
    assert "fails: correction: acme/m input" in job.summary
    assert first_lines(forge) == [
        "<!-- costaudit:pricing-check --> ### costaudit pricing check: failed",
        "<!-- costaudit:pricing-diff --> ### Price tables: failed",
    ]
    assert reports(job) == [
        f"{name}.{end}"
        for name in ("pricing-check", "pricing-diff")
        for end in ("codequality.json", "json", "md", "sarif", "txt", "xml")
    ]
    for kind in ("check", "diff"):
        told = json.loads((job.work / "costaudit-report" / f"pricing-{kind}.json").read_text("utf-8"))
        jsonschema.validate(told, json_schema(kind))
    for path in (job.work / "costaudit-report").glob("*.sarif"):
        assert list(sarif_schema.iter_errors(json.loads(path.read_text("utf-8")))) == []


def test_a_dated_change_passes_and_is_shown(job: Runner, forge: Forge):
    job.sha = check_out(job.work, "dated")
    assert job.run(fail_if="correction\nretroactive\nremoved\n") == 0
    assert "costaudit pricing check: ok: the price tables are in order" in job.log
    assert (
        "::notice file=pricing/acme/prices.csv,line=3,title=scheduled::acme/m input from 2099-01-01: 2 → 3"
        in (job.log)
    )
    assert "2 changes between" in job.summary
    (pip,) = (job.temp / "pip.txt").read_text("utf-8").splitlines()
    pins = f"{ROOT}/constraints/dev.txt"
    assert pip == f"{pins} {pins} -I -m pip install --quiet --disable-pip-version-check {ROOT}"
    assert first_lines(forge) == ["<!-- costaudit:pricing-diff --> ### Price tables: no objection"]


def test_a_condition_on_the_rate_fails_a_dated_change(job: Runner):
    job.sha = check_out(job.work, "dated")
    assert job.run(fail_if="increase>49%") == 1
    assert job.run(fail_if="increase>50%") == 0, "exactly the limit does not exceed it"


def test_a_pull_request_that_changes_no_price_begins_no_comment(job: Runner, forge: Forge):
    job.sha = check_out(job.work, "same")
    assert job.run() == 0
    assert forge.comments == []
    assert "no changes between" in job.summary


def test_a_comment_is_rewritten_and_turns_green_when_the_mistake_is_gone(job: Runner, forge: Forge):
    forge.add("<!-- costaudit:pricing-check -->\nI quote the bot", author="somebody")
    job.sha = check_out(job.work, "edited")
    job.run()
    job.run()
    assert [c["user"]["login"] for c in forge.comments] == [
        "somebody", "github-actions[bot]", "github-actions[bot]",
    ]  # fmt: skip
    assert sum(method != "GET" for method, _ in forge.asked) == 2, "what is the same is not written again"
    job.sha = check_out(job.work, "same")
    assert job.run() == 0
    assert first_lines(forge) == [
        "<!-- costaudit:pricing-check --> I quote the bot",
        "<!-- costaudit:pricing-check --> ### costaudit pricing check: ok",
        "<!-- costaudit:pricing-diff --> ### Price tables: no objection",
    ]


def test_where_the_token_may_not_comment_the_verdict_stays_the_same(job: Runner, forge: Forge):
    forge.refuses = 403
    job.sha = check_out(job.work, "edited")
    assert job.run() == 1
    assert "::notice title=costaudit::no comment: the token may not comment (403)" in job.log
    assert "### costaudit pricing check: failed" in job.summary


def test_it_can_only_report_and_ask_nothing_of_the_forge(job: Runner, forge: Forge):
    job.sha = check_out(job.work, "edited")
    assert job.run(comment="never", fail="false") == 0
    assert job.outputs["verdict"] == {"exit-code": "1"}
    assert forge.asked == []


def test_what_landed_on_main_meanwhile_is_no_change_of_the_pull_request(job: Runner, repo: Path):
    git(repo, "checkout", "-q", "main")
    models = "m,,mid,1000,,text,text,,,,,,,s,\nn,,mid,1000,,text,text,,,,,,,s,"
    more = (price("n,input,1,mtok,2026-01-01,"), price("n,output,2,mtok,2026-01-01,"))
    commit(repo, tables(*BASIC, *more, models=models), "later")
    git(job.work, "fetch", "-q", "origin")
    job.sha = check_out(job.work, "same")
    assert job.run() == 0
    assert "no changes between" in job.summary


def test_a_branch_that_is_checked_out_itself_is_compared_with_where_it_left_main(job: Runner, repo: Path):
    git(repo, "checkout", "-q", "edited")
    git(repo, "merge", "-q", "--no-ff", "-m", "merge same", "same")
    git(job.work, "fetch", "-q", "origin")
    git(job.work, "checkout", "-q", "--detach", "origin/edited")  # a merge, but not that of the event
    job.sha = git(repo, "rev-parse", "main")
    assert job.run() == 1
    assert job.outputs["base"] == {"base": git(repo, "rev-parse", "main")}


def test_a_change_is_priced_on_a_ledger_that_is_committed(job: Runner, environ: dict[str, str]):
    job.sha = check_out(job.work, "edited")
    # 1,000 requests of 1,000 tokens in and none out: 2 USD at 2 per million, 3 USD at 3
    call = {"timestamp": "2026-03-01T12:00:00Z", "provider": "acme", "model": "m", "output_tokens": 0}
    rows = [json.dumps({**call, "request_id": f"r{n}", "input_tokens": 1000}) for n in range(1000)]
    (job.work / "log.jsonl").write_text("\n".join(rows), "utf-8")
    argv = ("costaudit", "ledger", "log.jsonl", "-o", "usage.parquet", "--prices", "pricing")
    subprocess.run(argv, cwd=job.work, env=environ, check=True, capture_output=True)
    (job.work / "log.jsonl").unlink()
    assert job.run(comment="never", ledger="usage.parquet", fail_if="increase>49%") == 1
    told = json.loads((job.work / "costaudit-report" / "pricing-diff.json").read_text("utf-8"))
    assert [failure["condition"] for failure in told["failures"]] == ["increase>49%"]
    assert re.search(r"^::error file=pricing,title=CA601 bill-over-limit::.*50", job.log, re.MULTILINE)
    assert "$2.00" in job.summary
    assert "$3.00" in job.summary


# -- other events


def test_a_push_is_compared_with_what_was_there_before(job: Runner, repo: Path):
    before = git(repo, "rev-parse", "main")
    git(job.work, "checkout", "-q", "edited")
    job.name, job.event = "push", {"before": before}
    assert job.run() == 1
    assert job.outputs["base"] == {"base": before}
    assert "no comment: this run is of no pull request" in job.log


def test_the_first_push_of_a_branch_is_compared_with_its_parent(job: Runner):
    git(job.work, "checkout", "-q", "edited")
    job.name, job.event = "push", {"before": "0" * 40}
    assert job.run() == 1
    assert job.outputs["base"] == {"base": git(job.work, "rev-parse", "HEAD^1")}


def test_tables_that_are_new_are_checked_as_they_are(job: Runner):
    job.sha = check_out(job.work, "same")
    write(job.work / "own", tables(*BASIC))
    assert job.run(path="own") == 0
    assert "::notice title=costaudit::the base has no such tables" in job.log
    assert "costaudit pricing check: ok" in job.log
    assert "diff" not in job.outputs


def test_a_base_that_this_clone_does_not_have_cannot_be_judged(job: Runner):
    job.sha = check_out(job.work, "same")
    assert job.run(base="v1.2.3") == 2
    assert "check out with fetch-depth 0" in job.log


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_a_shallow_clone_cannot_be_judged(job: Runner, tmp_path: Path, event: str):
    check_out(job.work, "edited")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", job.work.as_uri(), str(shallow))
    job.work, job.name, job.sha = shallow, event, git(shallow, "rev-parse", "HEAD")
    assert job.run() == 2
    assert "check out with fetch-depth 0" in job.log


def test_a_repository_that_git_refuses_cannot_be_judged(job: Runner):
    check_out(job.work, "edited")
    (job.work / ".git" / "config").write_text("[core\n", "utf-8")
    assert job.run() == 2
    assert "::error title=costaudit::git refuses the repository" in job.log


def test_without_a_repository_tables_are_checked_as_they_are(job: Runner, tmp_path: Path):
    job.work = tmp_path / "plain"
    write(job.work / "pricing", tables(*BASIC))
    job.name = "push"
    job.environ["GIT_CEILING_DIRECTORIES"] = str(tmp_path)
    assert job.run(comment="never") == 0
    assert job.outputs["base"] == {"base": ""}


def test_a_working_directory_below_the_top_is_named_from_the_top(job: Runner):
    job.sha = check_out(job.work, "same")
    write(job.work / "billing" / "pricing", tables(*BASIC))
    git(job.work, "add", "-A")
    git(job.work, "commit", "-q", "-m", "billing")
    write(job.work / "billing" / "pricing", tables(price("m,input,3,mtok,2026-01-01,"), BASIC[1]))
    assert job.run(working_directory="billing", base="HEAD") == 1
    assert "::error file=billing/pricing/acme/prices.csv,line=2,title=CA204" in job.log


# -- the second workflow, for pull requests from forks


@pytest.fixture
def later(job: Runner, forge: Forge, repo: Path) -> Runner:
    """A workflow_run after that of a pull request from a fork: main is checked out, the head only fetched."""
    head = git(repo, "rev-parse", "edited")
    job.name = "workflow_run"
    job.event = {
        "workflow_run": {
            "event": "pull_request",
            "head_sha": head,
            "head_branch": "patch/1&x",
            "head_repository": {"owner": {"login": "contributor"}},
            "pull_requests": [],
        }
    }
    forge.pulls = [{"number": 7, "head": {"label": "contributor:patch/1&x", "sha": head}}]
    git(job.work, "checkout", "-q", "main")
    return job


def test_a_revision_is_checked_without_being_checked_out(later: Runner, forge: Forge):
    head = later.event["workflow_run"]["head_sha"]
    assert later.run(head=head, fail="false") == 0
    assert "### costaudit pricing check: failed" in forge.comments[0]["body"]
    assert "pricing/acme/prices.csv:2" in forge.comments[0]["body"]
    assert not (later.work / "edited.txt").exists()


# -- hostile inputs


EVIL = "$(touch pwned) `touch pwned`; touch pwned; \"; touch pwned; ' touch pwned; '"


@pytest.mark.parametrize(
    ("name", "text"),
    [("base", "-n"), ("head", "-n"), *((name, EVIL) for name in ("fail_if", "path", "base", "head"))],
)
def test_an_input_is_data_whatever_it_says(job: Runner, name: str, text: str):
    job.sha = check_out(job.work, "same")
    assert job.run(comment="never", **{name: text}) == 2
    assert not list(job.work.rglob("pwned*"))


def test_what_a_table_says_is_no_command_of_the_runner(job: Runner):
    job.sha = check_out(job.work, "same")
    planted = "x\n::add-mask::m\n##[add-mask]m"
    (job.work / "pricing" / "acme" / "prices.csv").write_text(
        (job.work / "pricing" / "acme" / "prices.csv").read_text("utf-8")
        + f'"{planted}",input,x,mtok,2026-01-01,,,s,high,2026-05-30,2026-05-30,\n',
        "utf-8",
    )
    assert job.run() == 2
    commands = [line for line in job.log.splitlines() if line.lstrip().startswith("::")]
    assert commands
    assert all(re.match(r"::(error|warning|notice) ", line) for line in commands)
    assert not any("##[" in line for line in job.log.splitlines() if line not in commands)


# -- single steps


@pytest.mark.parametrize(
    ("codes", "fail", "exit_code", "worst"),
    [
        ("0  ", "true", 0, "0"),
        ("1 0 ", "true", 1, "1"),
        ("1 2 ", "true", 2, "2"),
        ("0 1 0", "false", 0, "1"),
        ("  ", "true", 0, "0"),
    ],
)
def test_the_verdict_is_the_gravest_exit_code(
    tmp_path: Path, codes: str, fail: str, exit_code: int, worst: str
):
    runner = Runner(tmp_path, tmp_path / "temp")
    runner.temp.mkdir()
    first, second, third = codes.split(" ")
    context = {
        "steps.check.outputs.code": first, "steps.diff.outputs.code": second,
        "steps.gates.outputs.code": third, "inputs.fail": fail,
    }  # fmt: skip
    assert runner._step(STEPS[-1], context) == exit_code
    assert runner.outputs["verdict"] == {"exit-code": worst}
