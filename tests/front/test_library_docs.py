"""The programs of docs/library.md and the cells of docs/notebook.ipynb run, from the root of the checkout."""

from __future__ import annotations

import ast
import json
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


def test_the_cells_of_the_notebook_run_in_their_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    notebook = json.loads((ROOT / "docs" / "notebook.ipynb").read_text("utf-8"))
    names: dict[str, Any] = {}
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            shown.append(last_value("".join(cell["source"]), names))
    assert all(hasattr(value, "_repr_html_") for value in shown)
    html = shown[0]._repr_html_()
    assert "<svg" in html
    assert "<table>" in html


def last_value(cell: str, names: dict[str, Any]) -> Any:
    """What a notebook shows of a cell: the value of its last line."""
    tree = ast.parse(cell)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(tree, "notebook", "exec"), names)  # noqa: S102 - it is ours
    return eval(compile(ast.Expression(last.value), "notebook", "eval"), names)  # noqa: S307
