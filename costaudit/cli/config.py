"""`costaudit config`: the settings of a project: shown, checked, begun."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from costaudit.cli import console, options
from costaudit.errors import UsageError, one_of, shown
from costaudit.front.book import choose_book, open_book, settings_in_force
from costaudit.front.options import reading_of
from costaudit.front.reading import LogReading, read_logs
from costaudit.outputs import writes
from costaudit.textfile import is_there

if TYPE_CHECKING:
    from costaudit.config import Settings
    from costaudit.questions.starter.usage import Usage
    from costaudit.routing.policy import Policy

app = typer.Typer(
    help="The settings of a project: init, show, check.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
@options.takes(
    "prices",
    "overlays",
    "names",
    "input_format",
    "rules",
    "estimate",
    "threads",
    "limits",
    "dates",
    "decimals",
    "guess",
    "cache",
    "quiet",
)
def init(
    given: options.Given,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="[PATH...]",
            help="Logs, as for analyze: limits and a routing policy are drawn from them.",
            show_default=False,
        ),
    ] = None,
    directory: Annotated[
        Path, typer.Option("--directory", "-d", metavar="DIR", help="Where the files are written.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a commented costaudit.toml and, with logs, a routing policy drawn from them.

    \b
    costaudit config init
    costaudit config init logs/ && costaudit check logs/
    """
    from costaudit.questions.starter.policy import FILE as POLICY  # noqa: PLC0415 - start-up
    from costaudit.questions.starter.policy import render_policy  # noqa: PLC0415
    from costaudit.questions.starter.settings import FILE as SETTINGS  # noqa: PLC0415
    from costaudit.questions.starter.settings import render_settings  # noqa: PLC0415

    if not directory.is_dir():
        raise UsageError("there is no such directory", path=str(directory))
    if not force:
        _refuse_to_replace(directory, [SETTINGS, *([POLICY] if paths else [])])
    settings_in_force()  # which --force may replace, though they are read
    for name in (SETTINGS, *([POLICY] if paths else [])):
        writes(directory / name, read_before=force)
    files = {}
    if paths:
        reading = reading_of(given)
        usage, policy = _usage(paths, reading)
        files[POLICY] = render_policy(usage, policy)
        files[SETTINGS] = render_settings(usage, POLICY)
    else:
        files[SETTINGS] = render_settings()
    for name, text in files.items():
        console.deliver(text, directory / name)
        console.show(f"wrote {shown(directory / name)}\n")
    logs = " ".join(paths or ("LOGS",))
    say = [f"costaudit check {logs}"]
    say += [f"costaudit simulate {logs} --policy {(directory / POLICY).as_posix()}"] if paths else []
    console.say(f"next: {' or '.join(say)}", quiet=given["quiet"])


def _refuse_to_replace(directory: Path, names: list[str]) -> None:
    """Raises UsageError for files that are there, and for settings that a costaudit.toml would hide."""
    for name in names:
        if (directory / name).exists():
            raise UsageError(
                "is there already", path=(directory / name).as_posix(), hint="--force replaces it"
            )
    project = directory / "pyproject.toml"
    if is_there(project) and "[tool.costaudit" in project.read_text(encoding="utf-8", errors="replace"):
        hint = "put new settings there, or use --force"
        raise UsageError(
            "its [tool.costaudit] would be hidden by a costaudit.toml", path=str(project), hint=hint
        )


def _usage(paths: Sequence[str], reading: LogReading) -> tuple[Usage, Policy]:
    """What the logs run on, and the policy that they were routed by."""
    from costaudit.prices.gateways import load_gateways  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.work import audited  # noqa: PLC0415
    from costaudit.questions.starter.usage import usage_of  # noqa: PLC0415

    passed = read_logs(paths, reading)
    return usage_of(audited(passed, load_gateways(reading.choice.prices))), passed.plan.policy


@app.command()
def show(format_: options.ListFormat = "text", output: options.Output = None) -> None:
    """Every setting in force here, and where it comes from: a line of the nearest file, or the default."""
    from costaudit.config.origins import origins_of  # noqa: PLC0415 - start-up

    one_of(format_, ("text", "json"), "format")
    settings = settings_in_force()
    file = settings.shown if settings is not None else None
    origins = origins_of(settings)
    if format_ == "json":
        value = {
            "schema": "costaudit/config@1",
            "file": file,
            "settings": [
                {
                    "key": o.name,
                    "value": o.value,
                    "origin": "default" if o.line is None else "file",
                    "line": o.line,
                }
                for o in origins
            ],
        }
        console.deliver(console.as_json(value), output)
        return
    from costaudit.render.blocks import Column, Headline, Prose, Table  # noqa: PLC0415
    from costaudit.render.text import render_blocks  # noqa: PLC0415

    head = "No costaudit.toml from here upwards: every setting is at its default" if file is None else file
    cells = (
        tuple(o.name for o in origins),
        tuple("—" if o.value is None else json.dumps(o.value, ensure_ascii=False) for o in origins),
        tuple("default" if o.line is None else f"{file}:{o.line}" for o in origins),
    )
    columns = (
        Column(name, part, number=False)
        for name, part in zip(("setting", "value", "from"), cells, strict=True)
    )
    blocks = (
        Headline(head),
        Table("", tuple(columns)),
        Prose("", ("Paths are relative to the file. Options of the command line come on top.",)),
    )
    console.show(render_blocks(blocks, console.width(), console.color() and output is None), output)


@app.command()
def check(format_: options.ListFormat = "text") -> None:
    """Whether the settings and the files that they name can be read. Exit 2 when not."""
    one_of(format_, ("text", "json"), "format")
    settings = settings_in_force()
    if settings is None:
        raise UsageError("there is no costaudit.toml", hint="costaudit config init writes one")
    checked = _read_all(settings)
    value = {"schema": "costaudit/config-check@1", "file": settings.shown, "exit_code": 0, "read": checked}
    named = f", with {', '.join(checked)}" if checked else ""
    text = f"{settings.shown} is in order{named}\n"
    console.deliver(console.as_json(value) if format_ == "json" else text, None, format_)


def _read_all(settings: Settings) -> list[str]:
    """Read everything that the settings name; what was there to be read."""
    from costaudit.front.formats import known_formats  # noqa: PLC0415 - start-up
    from costaudit.front.labels import chosen_labels  # noqa: PLC0415
    from costaudit.front.routes import wanted_models  # noqa: PLC0415
    from costaudit.tiers.calibration import load_calibration  # noqa: PLC0415
    from costaudit.tiers.rules import load_rules  # noqa: PLC0415

    config = settings.config
    open_book(choose_book())
    known_formats()
    if config.tier_rules is not None:
        load_rules(config.tier_rules)
    if config.calibration is not None:
        load_calibration(config.calibration)
    chosen_labels(None, quiet=True)
    if config.gates is not None and config.gates.policy is not None:
        wanted_models(config.gates.policy.files)
    return [name for name in type(config).model_fields if getattr(config, name) not in (None, (), {})]
