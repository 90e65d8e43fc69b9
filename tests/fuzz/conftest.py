"""The child of the fuzz tests, and where input is kept that breaks it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.conftest import ROOT, Outcome
from tests.fuzz.child import Child

FOUND = ROOT / ".fuzz"
"""Input of the last failure of every test."""

Check = Callable[[Outcome], None]
Try = Callable[[Mapping[str, bytes], Sequence[str], Check], None]


@pytest.fixture(scope="session")
def child() -> Iterator[Child]:
    child = Child()
    yield child
    child.end()


@pytest.fixture
def attempt(child: Child, tmp_path: Path, request: pytest.FixtureRequest) -> Try:
    """Write files, by name, run a command beside them, and check the outcome; what breaks it is kept."""
    kept = FOUND / request.node.name.replace("/", "-")
    number = iter(range(10**9))

    def attempt(files: Mapping[str, bytes], argv: Sequence[str], check: Check) -> None:
        folder = tmp_path / str(next(number))
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            check(child.run(folder, argv))
        except AssertionError as error:
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder, kept)
            error.add_note(f"costaudit {' '.join(argv)}\nin {kept.relative_to(ROOT)}")
            raise
        finally:
            shutil.rmtree(folder)

    return attempt
