"""The pre-commit hooks, the GitLab job and the project's own workflow, as they are written."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import xmlschema
import yaml

from tests.ci.conftest import DATED, EDITED, git
from tests.ci.runner import ACTION, BASH
from tests.conftest import ROOT
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, price, tables

HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
TABLE_HOOKS = [h["id"] for h in HOOKS if "pricing" in h["id"]]
GITLAB: dict[str, Any] = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
PATH_COMMITS = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def hook(name: str) -> dict[str, Any]:
    (found,) = [h for h in HOOKS if h["id"] == name]
    return found


def run_hook(name: str, place: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What pre-commit runs: the entry, then the arguments; no files, as the hook says."""
    found = hook(name)
    assert found["pass_filenames"] is False
    argv = [*shlex.split(found["entry"]), *found["args"]]
    return subprocess.run(argv, cwd=place, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", TABLE_HOOKS)
def test_a_hook_passes_on_tables_in_order(repo: Path, environ: dict[str, str], name: str):
    done = run_hook(name, repo, environ)
    assert (done.returncode, done.stdout) == (0, "the price tables are in order\n")


def test_a_hook_fails_on_tables_that_do_not_hold_together(repo: Path, environ: dict[str, str]):
    write(repo / "pricing", tables(BASIC[0], price("m,output,1,mtok,2026-01-01,")))
    done = run_hook("costaudit-pricing-check", repo, environ)
    assert done.returncode == 1
    assert done.stdout.startswith("pricing/acme/prices.csv:3: CA302 error: ")


def test_only_the_hook_with_a_base_sees_that_the_past_is_rewritten(repo: Path, environ: dict[str, str]):
    write(repo / "pricing", EDITED)
    assert run_hook("costaudit-pricing-check", repo, environ).returncode == 0
    done = run_hook("costaudit-pricing-history", repo, environ)
    assert done.returncode == 1
    assert done.stdout.startswith("pricing/acme/prices.csv:2: CA204 error: ")
    write(repo / "pricing", DATED)
    assert run_hook("costaudit-pricing-history", repo, environ).returncode == 0


@pytest.mark.parametrize("name", TABLE_HOOKS)
def test_a_hook_runs_for_tables_only(name: str):
    files = re.compile(hook(name)["files"])
    assert files.search("pricing/acme/prices.csv")
    assert files.search("pricing/gateways.toml")
    assert not files.search("pricing/README.md")
    assert not files.search("docs/pricing/acme.csv")


def test_the_hook_of_the_gates_judges_the_policies_of_the_settings(tmp_path: Path, environ: dict[str, str]):
    policy = tmp_path / "routing-policy.toml"
    (tmp_path / "costaudit.toml").write_text('[gates.policy]\nfiles = ["routing-policy.toml"]\n')
    text = 'schema = "costaudit/policy@1"\nname = "x"\n[[tiers]]\ntier = 0\ncandidates = ["openai/{}"]\n'
    policy.write_text(text.format("gpt-6-luna"))
    assert run_hook("costaudit-check", tmp_path, environ).returncode == 0
    policy.write_text(text.format("gpt-6-lunar"))
    done = run_hook("costaudit-check", tmp_path, environ)
    assert done.returncode == 1
    assert "openai/gpt-6-lunar is no model of the price book (routing-policy.toml:5)" in " ".join(
        done.stdout.split()
    )
    files = re.compile(hook("costaudit-check")["files"])
    assert files.search("pyproject.toml")
    assert files.search("routes/routing-policy.toml")
    assert not files.search("pricing/gateways.toml")


# -- GitLab


def run_job(place: Path, environ: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """The script of the job, as GitLab's runner starts it: one bash that stops at errors."""
    job = GITLAB["costaudit-pricing"]
    told = {**GITLAB["variables"], **job["variables"], **variables}
    script = "\n".join(["set -eo pipefail", *job["script"]])
    return subprocess.run(
        [*BASH, "-c", script],
        cwd=place,
        env={**environ, **told, "CI_PROJECT_DIR": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_merge_request_that_edits_a_price_fails_with_its_reports(
    repo: Path, environ: dict[str, str], junit_schema: xmlschema.XMLSchema
):
    git(repo, "checkout", "-q", "edited")
    base = git(repo, "merge-base", "main", "HEAD")
    done = run_job(
        repo, environ, CI_MERGE_REQUEST_DIFF_BASE_SHA=base, COSTAUDIT_FAIL_IF="correction,retroactive"
    )
    assert done.returncode == 1, done.stderr
    issues = [
        json.loads((repo / "costaudit-report" / f"{name}.codequality.json").read_text("utf-8"))
        for name in ("check", "diff")
    ]
    assert [(i["check_name"], i["location"]["path"], i["severity"]) for found in issues for i in found] == [
        ("edited-in-place", "pricing/acme/prices.csv", "major"),
        ("correction", "pricing/acme/prices.csv", "major"),
    ]
    for name in ("check", "diff"):
        junit_schema.validate((repo / "costaudit-report" / f"{name}.xml").read_text("utf-8"))
    assert "fails: correction: acme/m input" in done.stdout


def test_a_merge_request_with_a_dated_change_passes(repo: Path, environ: dict[str, str]):
    git(repo, "checkout", "-q", "dated")
    done = run_job(repo, environ, CI_MERGE_REQUEST_DIFF_BASE_SHA=git(repo, "rev-parse", "main"))
    assert done.returncode == 0, done.stderr
    assert "prices scheduled: 2" in done.stdout
    assert "prices scheduled" in (repo / "costaudit-report" / "diff.md").read_text("utf-8").lower()


def test_a_job_that_cannot_judge_ends_with_2_and_runs_nothing_that_a_variable_says(
    repo: Path, environ: dict[str, str]
):
    base = git(repo, "rev-parse", "main")
    evil = "$(touch pwned);`touch pwned`"
    done = run_job(repo, environ, CI_MERGE_REQUEST_DIFF_BASE_SHA=base, COSTAUDIT_FAIL_IF=evil)
    assert done.returncode == 2
    assert "is no condition" in done.stderr
    assert not list(repo.rglob("pwned*"))


# -- the project's own workflow


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_the_workflow_has_no_rights_but_those_that_a_job_asks_for():
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()} == {
        "test": {"contents": "read"},
        "prices": {"contents": "read", "pull-requests": "write"},
    }


def test_actions_of_others_are_pinned_to_a_commit_and_leave_no_credentials():
    for step in steps(WORKFLOW):
        if "uses" in step and step["uses"] != "./":
            assert PATH_COMMITS.fullmatch(step["uses"])
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", "")


def test_the_workflow_uses_the_action_of_this_checkout_with_inputs_that_it_has():
    (own,) = [step for step in steps(WORKFLOW) if step.get("uses") == "./"]
    assert set(own["with"]) <= set(ACTION["inputs"])
