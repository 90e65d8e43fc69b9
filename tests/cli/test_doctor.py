"""`costaudit doctor`: what support needs is there, and nothing that is anybody's business."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from costaudit.prices.book import load_book
from costaudit.questions.doctor import surroundings
from costaudit.questions.doctor.surroundings import VARIABLES, cgroup_cores, cgroup_memory, variables
from costaudit.tape.workers import default_threads
from tests.conftest import ROOT
from tests.ingest.compiled import reading
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, tables

Run = Callable[..., Any]
CANARY = "canary7f3a"
SETTINGS = f"""
prices = "{CANARY}-prices"
overlays = []
[map]
"{CANARY}-model" = "acme/m"
[[discounts]]
provider = "acme"
model = "{CANARY}*"
percent = 5
name = "{CANARY}"
[formats.{CANARY}]
match = "{CANARY}"
[[gates.budget]]
per = "month"
deny = "77.77"
feature = "{CANARY}"
[gates.markup.gateways]
{CANARY} = "12.34%"
[gates.coverage]
requests = "77.77%"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project below the home of a user; all that names them has a canary in it."""
    home = tmp_path / f"home-{CANARY}"
    project = home / f"project-{CANARY}" / "sub"
    project.mkdir(parents=True)
    for name in {*os.environ, *VARIABLES} - {"PATH", "PYTHONPATH", "PYTEST_CURRENT_TEST"}:
        monkeypatch.setenv(name, f"{CANARY}-{name.lower()}")
    for name in ("HOME", "TMPDIR", "USERPROFILE", "PWD"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://user:{CANARY}@{CANARY}.example/{CANARY}")
    monkeypatch.setattr(tempfile, "tempdir", None)
    for module, name in ((platform, "node"), (socket, "gethostname")):
        monkeypatch.setattr(module, name, lambda: CANARY)
    monkeypatch.chdir(project)
    return project


def told(run: Run, *argv: str | Path) -> dict[str, Any]:
    """The answer as JSON; neither it nor the text has a canary in it."""
    outcomes = [run("doctor", *argv), run("doctor", *argv, "--format", "json")]
    for outcome in outcomes:
        assert (outcome.code, outcome.err) == (0, "")
        assert CANARY not in outcome.out
    value: dict[str, Any] = json.loads(outcomes[1].out)
    return value


def test_nothing_that_names_somebody_or_opens_something_is_told(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
):
    (place.parent / "costaudit.toml").write_text(SETTINGS, "utf-8")
    write(place.parent / f"{CANARY}-prices", tables(*BASIC))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    answer = told(run)
    assert answer["settings"] == {
        "file": "../costaudit.toml",
        "readable": True,
        "line": None,
        "keys": ["prices", "overlays (0)", "map (1)", "discounts (1)", "formats (1)", "gates.budget (1)",
                 "gates.coverage.requests", "gates.markup.gateways (1)"],
    }  # fmt: skip
    assert answer["temporary"]["place"] == "TMPDIR"
    assert answer["prices"]["source"] == "settings"
    assert (answer["prices"]["discounts"], answer["prices"]["mapped_names"]) == (1, 1)
    assert [v["name"] for v in answer["variables"] if not v["set"]] == ["PYTHONPATH"]
    assert [v["name"] for v in answer["variables"] if v["value"] is not None] == []


@pytest.mark.parametrize("text", [f"[{CANARY}", f"{CANARY} = 1", f"prices = 1{CANARY}", f"map = '{CANARY}'"])
def test_settings_that_cannot_be_read_are_told_by_their_line(run: Run, place: Path, text: str):
    (place / "costaudit.toml").write_text(f"# one\n{text}\n", "utf-8")
    answer = told(run)
    assert answer["settings"] == {"file": "costaudit.toml", "readable": False, "line": 2, "keys": []}
    assert answer["prices"] == {"readable": False}
    assert "costaudit.toml, line 2 cannot be read" in run("doctor", columns=200).out


def test_a_book_that_cannot_be_read_is_told_without_its_name(run: Run, place: Path):
    assert told(run, "--prices", place / CANARY)["prices"] == {"readable": False}


def test_a_working_directory_that_is_gone_has_no_settings(run: Run, place: Path):
    (place.parent / "costaudit.toml").write_text('[map]\nx = "acme/m"\n', "utf-8")
    shutil.rmtree(place)
    settings = told(run)["settings"]
    assert settings is None or not settings["readable"]


def test_the_book_is_the_one_that_is_asked_for(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    shipped = told(run)["prices"]
    assert (shipped["source"], shipped["sha256"]) == ("shipped", load_book().sha256)
    write(tmp_path / "own", tables(*BASIC))
    own = told(run, "--prices", "own")["prices"]
    assert (own["source"], own["sha256"]) == ("--prices", load_book(tmp_path / "own").sha256)
    assert (own["providers"], own["models"]) == (1, 1)


def test_what_is_installed_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    answer = told(run)
    assert answer["python"]["version"] == platform.python_version()
    assert answer["settings"] is None
    assert {d["name"]: d["version"] for d in answer["dependencies"]} == {
        name: metadata.version(name)
        for name in (
            "msgspec",
            "numpy",
            "pandas",
            "platformdirs",
            "pyarrow",
            "pydantic",
            "rich",
            "typer",
            "zstandard",
        )
    }
    assert all(d["error"] is None for d in answer["dependencies"])
    assert answer["features"]["msgspec"] == "native"
    assert {"gzip", "zstd"} <= set(answer["features"]["arrow"]["codecs"])
    assert answer["cores"]["threads"] == default_threads()
    assert answer["stdout"]["columns"] == 120


@pytest.mark.parametrize(
    ("origin", "kind"),
    [
        (None, "index"),
        ({"url": f"file:///{CANARY}", "dir_info": {"editable": True}}, "editable"),
        ({"url": f"file:///{CANARY}", "dir_info": {}}, "directory"),
        ({"url": f"https://x:{CANARY}@h/p.whl", "archive_info": {}}, "archive"),
        ({"url": f"ssh://{CANARY}@h/p", "vcs_info": {"vcs": "git", "commit_id": CANARY}}, "vcs"),
    ],
)
def test_how_it_was_installed_is_told_without_from_where(
    run: Run, monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any] | None, kind: str
):
    real = metadata.distribution

    class Installed:
        version, requires = "0.0.1", real("costaudit").requires

        @staticmethod
        def read_text(name: str) -> str | None:
            assert name == "direct_url.json"
            return None if origin is None else json.dumps(origin)

    monkeypatch.setattr(metadata, "distribution", lambda n: Installed if n == "costaudit" else real(n))
    assert told(run)["costaudit"]["installed"] == kind
    assert "as version 0.0.1: install it again" in run("doctor").out


def test_a_library_that_is_broken_is_named_with_the_kind_of_error(run: Run, monkeypatch: pytest.MonkeyPatch):
    real = surroundings.importlib.import_module

    def broken(name: str) -> Any:
        if name == "zstandard":
            raise RuntimeError(CANARY)
        return real(name)

    monkeypatch.setattr(surroundings.importlib, "import_module", broken)
    answer = told(run)
    assert {d["name"]: d["error"] for d in answer["dependencies"] if d["error"]} == {
        "zstandard": "RuntimeError"
    }
    assert answer["features"]["zstandard"] is None
    assert "cannot be imported (RuntimeError)" in run("doctor", columns=500).out


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_lines_fit_the_width(run: Run, columns: int):
    lines = run("doctor", columns=columns).out.splitlines()
    words = [line for line in lines if len(line) > columns]
    assert all(re.fullmatch(r" +[0-9a-f]{64}|.*sha256 [0-9a-f]{64}", line) for line in words)


def test_an_unknown_format_is_refused(run: Run):
    assert run("doctor", "--format", "yaml").code == 2


def test_whether_lines_are_read_by_compiled_code_is_told(run: Run, monkeypatch: pytest.MonkeyPatch):
    with reading(compiled=False):
        assert told(run)["features"]["compiled_reader"] == "absent"
        monkeypatch.setenv("COSTAUDIT_NATIVE", "0")
        assert "compiled reader off" in run("doctor", columns=500).out
        monkeypatch.delenv("COSTAUDIT_NATIVE")
    with reading(compiled=True):
        assert told(run)["features"]["compiled_reader"] == "used"


# -- variables


def test_every_variable_that_the_code_reads_is_told():
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "costaudit").rglob("*.py"))
    read = set(re.findall(r"""environ(?:\.get\(|\[)["']([A-Z]\w+)["']""", source))
    assert {"COLUMNS", "NO_COLOR", "CI", "TERM", "COSTAUDIT_DEBUG"} <= read <= VARIABLES.keys()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("COLUMNS", "80", True),
        ("COLUMNS", "80 secret", False),
        ("LC_ALL", "de_DE.UTF-8", True),
        ("LC_ALL", "C.UTF-8", True),
        ("LC_ALL", "sk_ABCDEFGH", False),
        ("TZ", "Europe/Berlin", True),
        ("TZ", ":/home/alice/zone", False),
        ("TERM", "xterm-256color", True),
        ("TERM", "xterm-alice", False),
        ("NO_COLOR", "1", True),
        ("NO_COLOR", "hunter2", False),
        ("HTTPS_PROXY", "1", False),
        ("AWS_REGION", "eu-central-1", False),
    ],
)
def test_a_value_is_shown_only_where_its_form_is_harmless(name: str, value: str, shown: bool):
    (found,) = [v for v in variables({name: value}) if v["set"]]
    assert found == {"name": name, "set": True, "value": value if shown else None}


# -- limits


def cgroup(root: Path, line: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": line, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", "utf-8")
    return root


def test_the_least_limit_of_the_cgroups_around_holds(tmp_path: Path):
    group = "sys/fs/cgroup"
    root = cgroup(
        tmp_path,
        "0::/a/b",
        {
            f"{group}/a/b/memory.max": "max",
            f"{group}/a/memory.max": "1073741824",
            f"{group}/memory.max": "2147483648",
            f"{group}/a/b/cpu.max": "max 100000",
            f"{group}/a/cpu.max": "150000 100000",
        },
    )
    assert cgroup_memory(root) == 1 << 30
    assert cgroup_cores(root) == 1.5


def test_older_cgroups_have_their_own_file_and_word_for_no_limit(tmp_path: Path):
    file = "sys/fs/cgroup/memory/x/memory.limit_in_bytes"
    root = cgroup(tmp_path, "4:cpu,memory:/x", {file: "536870912"})
    assert cgroup_memory(root) == 512 << 20
    assert cgroup_memory(cgroup(tmp_path, "4:memory:/x", {file: "9223372036854771712"})) is None


def test_without_cgroups_there_is_no_limit(tmp_path: Path):
    assert cgroup_memory(tmp_path) is None
    assert cgroup_cores(tmp_path) is None
