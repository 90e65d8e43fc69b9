"""What GitHub's runner does with a composite action: expressions, environment, one bash per step."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.forge import TOKEN
from tests.conftest import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
"""How the runner starts bash where a step says `shell: bash`."""

_EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")
_CONDITION = re.compile(r"([\w.-]+) (==|!=) '([^']*)'")

_PYTHON = """#!/bin/sh
# Stands in for the Python of a runner: its environments have this costaudit, and nothing is fetched.
case "$1 $2 $3" in
"-I -m venv")
  mkdir -p "$4/bin"
  cp "$0" "$4/bin/python"
  printf '#!/bin/sh\\nexec {python} -m costaudit "$@"\\n' >"$4/bin/costaudit"
  chmod +x "$4/bin/costaudit"
  ;;
"-I -m pip") printf '%s\\n' "$PIP_CONSTRAINT $PIP_BUILD_CONSTRAINT $*" >>"{log}" ;;
*) exec {python} "$@" ;;
esac
"""


@dataclass
class Runner:
    """One job that uses the action, in a folder of its own."""

    work: Path
    """The checkout: GITHUB_WORKSPACE."""
    temp: Path
    """Everything that belongs to the runner."""
    event: dict[str, Any] = field(default_factory=dict)
    name: str = "pull_request"
    environ: dict[str, str] = field(default_factory=dict)
    """Further variables of the runner."""
    sha: str = ""
    """The commit that the event is about: of a pull request, its merge with the base branch."""
    log: str = ""
    """Everything that the steps printed."""
    summary: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, **inputs: str) -> int:
        """Run the action; returns the exit code of the step that failed, else 0."""
        self.temp.mkdir(parents=True, exist_ok=True)
        self.log, self.summary, self.outputs = "", "", {}
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        defaults = {name: str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()}
        values = {**defaults, "python": str(self.python()), **given}
        unknown = set(values) - set(ACTION["inputs"])
        assert not unknown, f"no such input: {unknown}"
        context = {"github.token": TOKEN, "github.event.before": str(self.event.get("before", ""))}
        for name, value in values.items():
            context[f"inputs.{name}"] = self._filled(value, context)
        for step in STEPS:
            if "if" in step and not self._holds(step["if"], context):
                continue
            code = self._step(step, context)
            if code:
                return code
        return 0

    def python(self) -> Path:
        """The Python of the runner."""
        program = self.temp / "python"
        text = _PYTHON.format(log=self.temp / "pip.txt", python=shlex.quote(sys.executable))
        program.write_text(text, "utf-8")
        program.chmod(0o755)
        return program

    def _step(self, step: Mapping[str, Any], context: dict[str, str]) -> int:
        files = {name: self.temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "event.json")}
        for path in files.values():
            path.write_text("", "utf-8")
        files["event.json"].write_text(json.dumps(self.event), "utf-8")
        script = self.temp / "step.sh"
        script.write_text(step["run"], "utf-8")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.temp),
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_EVENT_NAME": self.name,
            "GITHUB_EVENT_PATH": str(files["event.json"]),
            "GITHUB_OUTPUT": str(files["GITHUB_OUTPUT"]),
            "GITHUB_REPOSITORY": "acme/bills",
            "GITHUB_SHA": self.sha,
            "GITHUB_STEP_SUMMARY": str(files["GITHUB_STEP_SUMMARY"]),
            "GITHUB_WORKSPACE": str(self.work),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_BASE_REF": "main" if self.name == "pull_request" else "",
            **self.environ,
            **{name: self._filled(str(value), context) for name, value in step.get("env", {}).items()},
        }
        place = self.work / self._filled(step.get("working-directory", "."), context)
        done = subprocess.run(
            [*BASH, str(script)],
            cwd=place,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        self.log += done.stdout
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
        told = dict(
            line.split("=", 1)
            for line in files["GITHUB_OUTPUT"].read_text("utf-8").splitlines()
            if "=" in line
        )
        if "id" in step:
            self.outputs[step["id"]] = told
            context.update({f"steps.{step['id']}.outputs.{name}": value for name, value in told.items()})
        return done.returncode

    @staticmethod
    def _filled(text: str, context: Mapping[str, str]) -> str:
        return _EXPRESSION.sub(lambda match: context.get(match[1], ""), text)

    @staticmethod
    def _holds(condition: str, context: Mapping[str, str]) -> bool:
        match = _CONDITION.fullmatch(condition)
        assert match, f"the tests do not know the condition {condition!r}"
        return (context.get(match[1], "") == match[3]) == (match[2] == "==")
