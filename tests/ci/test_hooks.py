"""The pre-commit hooks, the GitLab job and the project's own workflow, as they are written."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import xmlschema
import yaml

import costaudit
from tests.ci.conftest import DATED, EDITED, git
from tests.ci.runner import ACTION, BASH
from tests.conftest import ROOT
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, price, tables

HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
TABLE_HOOKS = [h["id"] for h in HOOKS if "pricing" in h["id"]]
GITLAB: dict[str, Any] = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
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
    assert "pricing/acme/prices.csv:3: CA302 error: " in done.stdout


@pytest.mark.parametrize("name", TABLE_HOOKS)
def test_a_hook_sees_that_the_past_is_rewritten(repo: Path, environ: dict[str, str], name: str):
    write(repo / "pricing", EDITED)
    done = run_hook(name, repo, environ)
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


# -- the project's own workflows


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def used(job: dict[str, Any]) -> list[str]:
    """The actions of a job, without their commits."""
    return [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]


def test_the_workflows_have_no_rights_but_those_that_a_job_asks_for():
    assert [flow["permissions"] for flow in WORKFLOWS.values()] == [{}, {}]
    rights = {
        f"{name}/{job}": told["permissions"]
        for name, flow in WORKFLOWS.items()
        for job, told in flow["jobs"].items()
    }
    assert rights == {
        "ci/test": {"contents": "read"},
        "ci/minimum": {"contents": "read"},
        "ci/prices": {"contents": "read", "pull-requests": "write"},
        "release/check": {"contents": "read"},
        "release/build": {"contents": "read"},
        "release/attest": {"attestations": "write", "id-token": "write"},
        "release/publish": {"id-token": "write"},
    }


def test_actions_of_others_are_pinned_to_a_commit_and_leave_no_credentials():
    pins: dict[str, set[str]] = {}
    for step in [step for flow in WORKFLOWS.values() for step in steps(flow)]:
        if "uses" in step and step["uses"] != "./":
            assert PATH_COMMITS.fullmatch(step["uses"])
            action, _, commit = step["uses"].partition("@")
            pins.setdefault(action, set()).add(commit)
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", "")
    assert {action: len(commits) for action, commits in pins.items()} == dict.fromkeys(pins, 1)


def test_the_workflow_uses_the_action_of_this_checkout_with_inputs_that_it_has():
    (own,) = [step for step in steps(WORKFLOWS["ci"]) if step.get("uses") == "./"]
    assert set(own["with"]) <= set(ACTION["inputs"])


def test_a_release_is_checked_built_once_attested_and_then_published_without_a_token():
    flow = WORKFLOWS["release"]
    assert flow[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads `on` as true
    jobs = flow["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "check": None, "build": "check", "attest": "build", "publish": "attest",
    }  # fmt: skip
    assert used(jobs["publish"]) == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert used(jobs["attest"])[2:] == ["actions/attest-build-provenance", "actions/attest-sbom"]
    for name in ("attest", "publish"):
        assert not any("run" in step or "checkout" in step["uses"] for step in jobs[name]["steps"])
    built = [step for step in steps(flow) if step.get("run") == "make sbom"]
    assert len(built) == 1
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    assert not re.search(r"secrets\.|password|cache|github\.token", text)


@pytest.mark.parametrize(("tag", "code"), [("v{}", 0), ("v{}0", 1), ("{}.1", 1), ("v.*", 1), ("v", 1)])
def test_a_tag_that_is_not_the_version_releases_nothing(tag: str, code: int):
    (step,) = [step for step in steps(WORKFLOWS["release"]) if step.get("name") == "The tag is the version"]
    environ = {**os.environ, "GITHUB_REF_NAME": tag.format(costaudit.__version__)}
    done = subprocess.run([*BASH, "-c", step["run"]], cwd=ROOT, env=environ, capture_output=True, check=False)
    assert done.returncode == code
