"""The workflows and the shell of docs/ci.md are what they are said to be."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.conftest import git
from tests.ci.runner import ACTION, BASH
from tests.ci.test_hooks import GITLAB, HOOKS
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
YAML = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
WORKFLOWS: list[dict[str, Any]] = [block for block in YAML if isinstance(block, dict) and "jobs" in block]
STEPS = [step for block in YAML if isinstance(block, list) for step in block] + [
    step for flow in WORKFLOWS for job in flow["jobs"].values() for step in job["steps"]
]


def test_every_workflow_begins_without_rights_and_a_job_asks_for_what_it_needs():
    assert len(WORKFLOWS) == 2
    for flow in WORKFLOWS:
        assert flow["permissions"] == {}
        for job in flow["jobs"].values():
            assert job["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_the_action_is_given_inputs_that_it_has():
    ours = [step for step in STEPS if step.get("uses", "").startswith("your-org/costaudit@")]
    assert len(ours) == 3
    for step in ours:
        assert set(step.get("with", {})) <= set(ACTION["inputs"])


def test_no_workflow_puts_an_expression_into_a_script():
    assert not any("${{" in step.get("run", "") for step in STEPS)


def test_the_second_workflow_follows_the_first_and_checks_out_nothing_of_a_fork():
    first, second = WORKFLOWS
    assert second[True]["workflow_run"]["workflows"] == [first["name"]]  # YAML 1.1 reads `on` as true
    (checkout,) = [step for job in second["jobs"].values() for step in job["steps"]
                   if step.get("uses", "").startswith("actions/checkout@")]  # fmt: skip
    assert "ref" not in checkout["with"]


def test_variables_and_hooks_of_the_page_exist():
    (include,) = [block for block in YAML if isinstance(block, dict) and "include" in block]
    assert set(include["variables"]) == set(GITLAB["variables"])
    assert (ROOT / include["include"][0]["file"]).is_file()
    (hooks,) = [block for block in YAML if isinstance(block, dict) and "repos" in block]
    assert [hook["id"] for hook in hooks["repos"][0]["hooks"]] == [hook["id"] for hook in HOOKS]


@pytest.mark.parametrize(("branch", "code"), [("edited", 1), ("dated", 1), ("same", 0)])
def test_the_shell_of_the_page_runs(merged: Path, environ: dict[str, str], branch: str, code: int):
    (script,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    git(merged, "checkout", "-q", branch)
    done = subprocess.run(
        [*BASH, "-c", script], cwd=merged, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert (merged / "check.xml").is_file()
    assert (merged / "diff.md").is_file() == (branch != "edited")
