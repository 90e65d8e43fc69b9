"""Values that need no conversion are taken as they are; what typer makes of them is the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from costaudit.cli import lazy
from costaudit.cli.asgiven import take_as_given

VALUES = [
    None, "", "x", "ä", " 7", "7", "007", "1_000", "-1", "0", "12", "9" * 40, "1e3", "\udc80", "a\nb", 7, -1,
    True, [], (), ["a", "b"], ("a",), ["\udc80"], [1], "1.5", 1.5,
]  # fmt: skip


def options(
    text: str = "",
    texts: list[str] | None = None,
    number: Annotated[int, typer.Option(min=0, max=12)] = 0,
    share: float | None = None,
    plain: int | None = None,
    clamped: Annotated[int, typer.Option(min=0, max=5, clamp=True)] = 0,
) -> None:
    """Options of every kind."""


def outcome(parameter: Any, context: Any, value: Any) -> Any:
    try:
        found = parameter.process_value(context, value)
    except Exception as error:  # noqa: BLE001 - the same error, whatever it is
        return type(error), str(error)
    return type(found), found


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a_value_comes_out_as_typer_converts_it(value):
    app = typer.Typer(add_completion=False)
    app.command()(options)
    theirs, ours = typer.main.get_command(app), typer.main.get_command(app)
    context = theirs.make_context("options", [])
    take_as_given(ours.params)
    for one, other in zip(theirs.params, ours.params, strict=True):
        assert outcome(one, context, value) == outcome(other, context, value), one.name


def test_a_quote_needs_neither_pydantic_nor_arrays():
    code = (
        "import sys; from costaudit.cli.main import run; "
        "run('pricing quote gpt-4o --input 5'.split()); "
        "sys.exit(bool({'pydantic', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL).returncode == 0
    )


def test_commands_are_built_with_values_as_given():
    app = typer.Typer()
    app.command("options")(options)
    command = lazy.built("options", options)
    assert {p.name for p in command.get_params(command.make_context("x", []))} >= {"text", "texts", "help"}


def test_an_audit_needs_neither_pydantic_nor_readers_of_other_files(tmp_path: Path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"model": "gpt-4o", "input_tokens": 5, "output_tokens": 2}\n', encoding="utf-8")
    code = (
        "import sys; from costaudit.cli.main import run; code = run(['analyze', sys.argv[1]]); "
        "found = {'pydantic', 'pandas', 'sqlite3', 'pyarrow.parquet', 'pyarrow.acero'} & set(sys.modules); "
        "sys.exit(f'{code} {found}' if code or found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(log)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
