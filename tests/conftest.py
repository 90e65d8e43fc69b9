"""What all tests share: a plain environment, no network, the command line, and the optional real data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.offline.sitecustomize import BAN
from tests.warm import Warm

ROOT = Path(__file__).resolve().parent.parent

# Fixed examples and no deadline: a run on a busy machine fails only when the code is wrong.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("ci"), derandomize=False, max_examples=2000)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


_LONG = ("benchmarks", "catalogue", "fuzz", "mutations", "sample_logs", "test_kills.py", "tools")
"""Folders and files of tests that take long for what they find."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For `make quick`: of a test with many cases the first and the last, and nothing that takes long."""
    if not os.environ.get("COSTAUDIT_QUICK"):
        return
    by_test: dict[str, list[pytest.Item]] = {}
    for item in items:
        if not {*item.path.relative_to(ROOT).parts}.intersection(_LONG):
            by_test.setdefault(item.nodeid.partition("[")[0], []).append(item)
    kept = {id(item) for cases in by_test.values() for item in (cases[0], cases[-1])}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = [item for item in items if id(item) in kept]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    code: int
    """The exit code."""
    out: str
    """stdout: the answer."""
    err: str
    """stderr: progress, warnings, errors."""


@pytest.fixture(scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What --cache keeps in tests that do not say where."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    """The same output on every machine: no colour, width or configuration is inherited."""
    shaping = (
        "CI", "CI_PROJECT_DIR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS",
        "GITHUB_WORKSPACE", "LINES", "NO_COLOR", "PY_COLORS", "SOURCE_DATE_EPOCH", "TERM",
    )  # fmt: skip
    for name in [*shaping, *(name for name in os.environ if name.startswith("COSTAUDIT_"))]:
        if name != "COSTAUDIT_SHARED_DATA":
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COSTAUDIT_CACHE_DIR", str(own_cache))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test opens a socket that leads off this machine, nor does a Python that it starts."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "offline"), prepend=os.pathsep)
    BAN.tried.clear()
    yield
    assert not BAN.tried


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run the command line in this process: `run("analyze", "sample_logs/", columns=60)`."""

    def run(*argv: str | Path, columns: int | None = None) -> Outcome:
        from costaudit.cli import main  # noqa: PLC0415 - a broken command line fails its own tests, not all

        if columns is not None:
            monkeypatch.setenv("COLUMNS", str(columns))
        capsys.readouterr()
        code = main.run([str(arg) for arg in argv])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real logs and prices, no part of the repository; without it the test is skipped."""
    folder = Path(os.environ.get("COSTAUDIT_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"REAL DATA ABSENT: no folder {folder}; set COSTAUDIT_SHARED_DATA to run this test")
    return folder


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """A process whose children run commands with real streams, limits and signals."""
    if not hasattr(os, "pidfd_open"):
        pytest.skip("NOT LINUX: children are watched by their pidfd")
    found = Warm(tmp_path_factory.mktemp("warm"))
    yield found
    found.close()
