"""What inputs, variables and a checkout say is data: no option, no script, no command of the runner."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.ci.conftest import check_out
from tests.ci.forge import Forge
from tests.ci.runner import ACTION, BASH, STEPS, Runner
from tests.ci.test_hooks import GITLAB
from tests.conftest import ROOT

OUTPUTS = {"steps.base.outputs.base": "abc"}
MANY = ("policy", "logs", "fail-if", "gates")
"""Inputs with a value per line."""
USES = {
    "check": ("path", "head", "policy", "max-age"),
    "diff": ("path", "head", "ledger", "logs", "fail-if", "ignore-below"),
    "gates": ("gates",),
}
"""The inputs that the steps of costaudit take."""
HOSTILE = (
    "-x", "--format=json", "--", "-", "--output=pwned", "a b", "*", "~", "$(touch pwned)", "`touch pwned`",
    "; touch pwned", "'\"; touch pwned; '", "x\n--output=pwned", "x\r\n::add-mask::x", "::add-mask::x",
    "##[add-mask]x", "${{ github.token }}", "$HOME", "\\", "x\nreport-dir=/tmp",
)  # fmt: skip


def step(name: str) -> dict[str, object]:
    (found,) = [s for s in STEPS if s.get("id") == name]
    return found


def record(place: Path, name: str) -> Path:
    """A program that writes down what it is called with."""
    program = place / name
    program.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" "" >>"{place}/argv"\n', "utf-8")
    program.chmod(0o755)
    return program


def recorded(place: Path) -> list[list[str]]:
    """What the programs of a folder were called with since the last time that it was asked."""
    written = place / "argv"
    calls = written.read_bytes().decode().split("\0\0")[:-1]
    written.unlink()
    return [call.split("\0") for call in calls]


def runner(place: Path, **inputs: str) -> tuple[Runner, dict[str, str]]:
    """A job in a folder, and what its expressions stand for; its costaudit is a recorder."""
    job = Runner(place, place / "temp")
    job.temp.mkdir(exist_ok=True)
    context = {f"inputs.{name}": str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()}
    context |= {f"inputs.{name}": value for name, value in inputs.items()} | OUTPUTS
    context |= {
        "steps.install.outputs.costaudit": str(record(place, "costaudit")),
        "steps.install.outputs.report-dir": str(place),
    }
    return job, context


def arguments(place: Path, name: str, inputs: dict[str, str]) -> list[str]:
    """What a step calls costaudit with, without what it says of formats and reports."""
    job, context = runner(place, **inputs)
    assert job._step(step(name), context) == 0
    (said,) = recorded(place)
    ours = re.compile(rf"--format=github|--report=\w+:{re.escape(str(place))}/[\w.-]+")
    return [word for word in said if not ours.fullmatch(word)]


@pytest.mark.parametrize(
    ("name", "inputs", "argv"),
    [
        (
            "diff",
            {"ledger": "a b", "ignore-below": "0.5%", "fail-if": "retroactive\n\nincrease>5%"},
            ["pricing", "diff", "--ledger=a b", "--ignore-below=0.5%", "--fail-if=retroactive",
             "--fail-if=increase>5%", "--", "git:abc:./pricing", "pricing"],
        ),
        (
            "diff",
            {"logs": "a b/*.jsonl\nc.jsonl", "head": "def"},
            ["pricing", "diff", "--logs=a b/*.jsonl", "--logs=c.jsonl", "--", "git:abc:./pricing",
             "git:def:./pricing"],
        ),
        (
            "check",
            {"policy": "a b.toml\nc.toml", "max-age": "90", "path": "-x"},
            ["pricing", "check", "--base=git:abc:./-x", "--max-age=90", "--policy=a b.toml",
             "--policy=c.toml", "--", "-x"],
        ),
        ("gates", {"gates": "logs/a b.jsonl\nc"}, ["check", "--", "logs/a b.jsonl", "c"]),
    ],
)  # fmt: skip
def test_inputs_are_whole_arguments(tmp_path: Path, name: str, inputs: dict[str, str], argv: list[str]):
    assert arguments(tmp_path, name, inputs) == argv


@pytest.mark.parametrize("name", USES)
def test_no_input_becomes_an_option_or_a_script(tmp_path: Path, name: str):
    for text in HOSTILE:
        given = dict.fromkeys(USES[name], text)
        told = arguments(tmp_path, name, given)
        options, values = told[: told.index("--")], told[told.index("--") + 1 :]
        assert all(re.match(r"(pricing|check|diff)$|--[a-z-]+=", word) for word in options), told
        lines = text.split("\n")
        for use in USES[name]:
            whole = lines if use in MANY else [text]
            assert all(any(line in word for word in [*options, *values]) for line in whole), (use, told)
        assert not list(tmp_path.rglob("pwned"))


def test_every_input_that_a_step_takes_is_tried():
    for name, uses in USES.items():
        told = re.findall(r"inputs\.([\w-]+)", str(step(name)["env"]))
        assert sorted(told) == sorted(uses)


def commands(log: str) -> list[str]:
    """The lines that the runner of GitHub takes for commands, but for those of annotations."""
    lines = [line.lstrip() for line in re.split(r"[\r\n]", log)]
    ours = re.compile("::(error|warning|notice) ")
    return [line for line in lines if "##[" in line or (line.startswith("::") and not ours.match(line))]


def test_what_costaudit_says_of_an_input_is_no_command_of_the_runner(
    merged: Path, tmp_path: Path, environ: dict[str, str]
):
    check_out(merged, "same")
    shims = environ["PATH"].partition(os.pathsep)[0]
    for name, use in [("check", "max-age"), ("diff", "ledger"), ("gates", "gates")]:
        job, context = runner(tmp_path, **{use: "-x\r::add-mask::a##[add-mask]b ::add-mask::c"})
        job.work, job.environ = merged, {"PYTHONPATH": environ["PYTHONPATH"]}
        context["steps.install.outputs.costaudit"] = f"{shims}/costaudit"
        context["steps.base.outputs.base"] = "HEAD^1"
        assert job._step(step(name), context) == 0
        assert job.outputs[name]["code"] == "2", job.log
        assert commands(job.log) == []


def test_what_is_said_on_stderr_is_no_command_of_the_runner(tmp_path: Path):
    job, context = runner(tmp_path)
    said = "\\302\\240::add-mask::a\\n\\r::add-mask::b\\n \\t::::c\\n##[add-mask]d\\n"
    (tmp_path / "costaudit").write_text(f"#!/bin/sh\nprintf '{said}' >&2\nexit 2\n", "utf-8")
    job._step(step("check"), context)
    assert [letter for letter in "abcd" if letter in job.log] == [*"abcd"]
    assert commands(job.log) == []


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"report_dir": "x\ncostaudit=/bin/true"}, "more than one line"),
        ({"report_dir": "x\r::add-mask::m"}, "more than one line"),
        ({"report_dir": "elsewhere"}, "names a link"),
        ({"python": "--version"}, "names no program"),
        ({"python": "x\n::add-mask::m"}, "names no program"),
        ({"python": "eval"}, "names no program"),
    ],
)
def test_an_installation_that_would_go_astray_is_refused(job: Runner, inputs: dict[str, str], said: str):
    (job.work / "elsewhere").symlink_to(job.temp)
    assert job.run(**inputs) == 2
    assert job.log == f"::error title=costaudit::the input {job.log.partition('the input ')[2]}"
    assert said in job.log
    assert job.outputs == {"install": {}}


def test_a_folder_of_reports_may_have_any_name(tmp_path: Path):
    job, context = runner(tmp_path)
    context["inputs.python"] = str(job.python())
    for name in ("-reports", "--parents", "a b/*", "$(touch pwned)", "-"):
        context["inputs.report-dir"] = name
        assert job._step(step("install"), context) == 0
        assert job.outputs["install"]["report-dir"] == str(tmp_path / name)
        assert (tmp_path / name).is_dir()
    assert not list(tmp_path.rglob("pwned"))


def test_only_reports_of_this_run_are_shown_and_none_is_written_through_a_link(job: Runner, forge: Forge):
    check_out(job.work, "dated")
    secret = job.temp / "secret"
    secret.parent.mkdir()
    secret.write_text("canary-7f3a", "utf-8")
    folder = job.work / "costaudit-report"
    folder.mkdir()
    for name in ("check.md", "other.md", "pricing-check.md", "pricing-check.err", "pricing-diff.json"):
        (folder / name).symlink_to(secret)
    job.sha = ""
    assert job.run(base="HEAD^1") == 0
    assert "Price tables: no objection" in job.summary
    assert "canary" not in job.summary + job.log + str(forge.comments)
    assert secret.read_text("utf-8") == "canary-7f3a"


@pytest.fixture
def job(merged: Path, tmp_path: Path, forge: Forge) -> Runner:
    event = {"pull_request": {"number": 7}}
    return Runner(merged, tmp_path / "temp", event, environ={"GITHUB_API_URL": forge.url})


def test_python_imports_nothing_of_the_working_directory():
    scripts = (ROOT / "ci" / "action").glob("*.sh")
    lines = [line for path in scripts for line in path.read_text("utf-8").splitlines()]
    lines += GITLAB["costaudit-pricing"]["before_script"]
    calls = [line for line in lines if re.search(r"""(^|/|\$|")(python|PYTHON)"? """, line)]
    assert len(calls) == 5
    assert all(re.search(r"""(python|PYTHON)"? -I """, call) for call in calls), calls


# -- GitLab


def gitlab(place: Path, part: str, **variables: str) -> list[list[str]]:
    """What a part of the job calls python and costaudit with."""
    for name in ("python", "costaudit"):
        record(place, name)
    told = {**GITLAB["variables"], "CI_MERGE_REQUEST_DIFF_BASE_SHA": "abc", **variables}
    script = "\n".join(["set -eo pipefail", *GITLAB["costaudit-pricing"][part]])
    environ = {**os.environ, **told, "PATH": f"{place}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([*BASH, "-c", script], cwd=place, env=environ, check=True, capture_output=True)
    return recorded(place)


def test_no_variable_of_gitlab_becomes_an_option_or_a_script(tmp_path: Path):
    for text in HOSTILE:
        assert gitlab(tmp_path, "before_script", COSTAUDIT_PACKAGE=text) == [
            ["-I", "-m", "pip", "install", "--quiet", "--", text]
        ]
        words = {name: text for name in GITLAB["variables"] if name != "COSTAUDIT_PACKAGE"}
        check, diff = gitlab(tmp_path, "script", **words)
        assert check[-2:] == ["--", text]
        assert diff[-3:] == ["--", f"git:abc:./{text}", text]
        for call in (check[:-2], diff[:-3]):
            assert call[0] == "pricing"
            assert all(re.match("--(base|report|ledger|fail-if)=", word) for word in call[2:]), call
        assert f"--ledger={text}" in diff
        assert not list(tmp_path.rglob("pwned"))


def test_gitlab_installs_the_version_that_it_was_written_for():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert GITLAB["variables"]["COSTAUDIT_PACKAGE"] == f"costaudit=={version}"
