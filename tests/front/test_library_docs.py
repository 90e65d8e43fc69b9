"""The programs in docs/library.md run, from the root of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "library.md").read_text("utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_a_program_runs(program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    exec(compile(program, "docs/library.md", "exec"), names)  # noqa: S102 - it is ours
    out, err = capsys.readouterr()
    assert out.strip()
    assert err == ""


def test_the_page_names_every_function():
    import costaudit  # noqa: PLC0415 - its names are what is tested

    functions = [name for name in costaudit.__all__ if name[0].islower()]
    assert [name for name in functions if f"costaudit.{name}(" not in PAGE] == []
