"""A project and an installation, as functions: settings, formats, scenarios, what support asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from costaudit.errors import CostauditError, UsageError, shown
from costaudit.front.asking import Log, asked_logs, noted
from costaudit.front.book import NEAREST, choose_book, open_book, settings_in_force
from costaudit.front.formats import known_formats, known_prices, own_formats
from costaudit.front.found import found_logs
from costaudit.front.options import File, LogOptions, path_of
from costaudit.front.reading import LogReading, read_logs
from costaudit.front.result import Result, drawn_by_blocks, drawn_by_lines
from costaudit.ingest.notation import Notation, notation_from
from costaudit.outputs import writes
from costaudit.render.part import Part
from costaudit.textfile import is_there
from costaudit.writing import write_whole

if TYPE_CHECKING:
    from costaudit.config import Settings
    from costaudit.ingest.look import Look
    from costaudit.questions.formats.result import FormatTest
    from costaudit.questions.settings.result import SettingsBegun, SettingsChecked, SettingsInForce
    from costaudit.questions.starter.usage import Usage
    from costaudit.routing.policy import Policy


class FormatListed(Part, frozen=True, kw_only=True):
    """A log format that is read."""

    name: str
    title: str
    own: bool
    """The settings of the project describe it."""


class ScenarioListed(Part, frozen=True, kw_only=True):
    """A worked example that comes with costaudit."""

    name: str
    title: str
    requests: int
    source: str


# Settings


def settings(file: File = NEAREST) -> Result[SettingsInForce]:
    """Every setting in force, and where it comes from: `costaudit config show`.

    Those of a file, by default the nearest from the working directory upwards. Raises ConfigError for
    settings that cannot be read.
    """
    from costaudit.questions.settings.shown import settings_blocks, settings_told  # noqa: PLC0415 - start-up

    with noted({"settings": file}) as notes:
        report = settings_told(settings_in_force())
    return drawn_by_blocks(report, notes.lines, lambda: settings_blocks(report))


def check_settings(file: File = NEAREST) -> Result[SettingsChecked]:
    """Whether settings and the files that they name can be read: `costaudit config check`.

    Raises UsageError where there are none, and the error of what cannot be read.
    """
    from costaudit.questions.settings.result import SettingsChecked  # noqa: PLC0415 - start-up

    with noted({"settings": file}) as notes:
        found = settings_in_force()
        if found is None:
            raise UsageError("there is no costaudit.toml", hint="costaudit config init writes one")
        read = _read_all(found)
    report = SettingsChecked(schema_="costaudit/config-check@1", file=found.shown, read=read)
    named = f", with {', '.join(read)}" if read else ""
    return drawn_by_lines(report, notes.lines, lambda _: f"{found.shown} is in order{named}\n")


def _read_all(found: Settings) -> list[str]:
    """Read everything that the settings name; what was there to be read."""
    from costaudit.front.labels import chosen_labels  # noqa: PLC0415 - start-up
    from costaudit.front.routes import wanted_models  # noqa: PLC0415
    from costaudit.tiers.calibration import load_calibration  # noqa: PLC0415
    from costaudit.tiers.rules import load_rules  # noqa: PLC0415

    config = found.config
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


def begin_settings(
    *logs: Log, directory: File = ".", force: bool = False, **options: Unpack[LogOptions]
) -> Result[SettingsBegun]:
    """Write a commented costaudit.toml and, with logs, a policy drawn from them: `costaudit config init`.

    `force` replaces files that are there. Raises UsageError where they would be, or cannot be written.
    """
    from costaudit.questions.settings.result import SettingsBegun  # noqa: PLC0415 - start-up
    from costaudit.questions.starter.policy import FILE as POLICY  # noqa: PLC0415
    from costaudit.questions.starter.policy import render_policy  # noqa: PLC0415
    from costaudit.questions.starter.settings import FILE as SETTINGS  # noqa: PLC0415
    from costaudit.questions.starter.settings import render_settings  # noqa: PLC0415

    folder, names = path_of(directory), [SETTINGS, *([POLICY] if logs else [])]
    if not folder.is_dir():
        raise UsageError("there is no such directory", path=str(folder))
    if not force:
        _refuse_to_replace(folder, names)
    with asked_logs(logs, options, fewest=0) as (paths, reading, notes, _):
        settings_in_force()  # which `force` may replace, though they are read
        for name in names:
            writes(folder / name, read_before=force)
        files = {SETTINGS: render_settings()}
        if paths:
            usage, policy = _usage(paths, reading)
            files = {POLICY: render_policy(usage, policy), SETTINGS: render_settings(usage, POLICY)}
    for name, text in files.items():
        write_whole(folder / name, text.encode())
    report = SettingsBegun(files=[(folder / name).as_posix() for name in files])
    said = "".join(f"wrote {shown(folder / name)}\n" for name in files)
    return drawn_by_lines(report, notes.lines, lambda _: said)


def _refuse_to_replace(directory: Path, names: Sequence[str]) -> None:
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
    return usage_of(
        audited(passed, load_gateways(reading.choice.prices, reading.choice.overlays))
    ), passed.plan.policy


# Formats and scenarios


def formats(file: File | None = None) -> Result[list[FormatListed]]:
    """The log formats that are read: `costaudit formats`. Those that settings describe stand first.

    `file` is a settings file, or `nearest` as on the command line; none by default.
    """
    from costaudit.render.lines import listed  # noqa: PLC0415 - start-up

    with noted({"settings": file}) as notes:
        own = {a.name for a in own_formats()}
        report = [FormatListed(name=a.name, title=a.title, own=a.name in own) for a in known_formats()]
    rows = [(f.name, f"yours: {f.title}" if f.own else f.title) for f in report]
    return drawn_by_lines(report, notes.lines, lambda _: listed(rows))


def try_format(
    log: File, *, line: int | None = None, show_text: bool = False, **options: Unpack[LogOptions]
) -> Result[FormatTest]:
    """What is read from a log, field by field: `costaudit formats test`.

    `line` looks at one record; texts are only there with `show_text`. `report.calls` is 0 for a log of an
    unknown format. Raises InputError for what is no log.
    """
    from costaudit.questions.formats.look import look_text, look_told  # noqa: PLC0415 - start-up

    with asked_logs((log,), options) as (paths, _, notes, _):
        notation = notation_from(options.get("dates"), options.get("decimals"))
        look = _look(paths[0], options.get("input_format"), line, notation)
    report = look_told(look, show_text=show_text)
    return drawn_by_lines(report, notes.lines, lambda width: look_text(look, width, show_text=show_text))


def _look(name: str, input_format: str | None, line: int | None, notation: Notation) -> Look:
    from costaudit.ingest.detect import adapter_named  # noqa: PLC0415 - start-up
    from costaudit.ingest.look import look_at  # noqa: PLC0415

    adapters = known_formats()
    forced = adapter_named(input_format, adapters) if input_format else None
    with found_logs([name], notation=notation) as (files, refused):
        if len(files) + len(refused) > 1:
            one = files[0].name if files else refused[0].path
            raise UsageError("this names more than one file", path=name, hint=f"like {one}")
        if refused:
            raise refused[0]
        return look_at(files[0], forced, adapters, line, known_prices)


def scenarios() -> Result[list[ScenarioListed]]:
    """The worked examples that `simulate` knows by name: `costaudit scenarios`."""
    from costaudit.questions.audit.scenario.run import load_scenario, shipped_scenarios  # noqa: PLC0415
    from costaudit.render.lines import listed  # noqa: PLC0415 - start-up

    loaded = [load_scenario(name) for name in shipped_scenarios()]
    report = [
        ScenarioListed(name=s.name, title=s.title, requests=s.requests, source=s.source) for s in loaded
    ]
    return drawn_by_lines(report, (), lambda _: listed([(s.name, s.title) for s in report]))


# The installation


def doctor(
    *,
    prices: File | None = None,
    overlays: Sequence[File] = (),
    file: File | None = NEAREST,
    screen: tuple[int | None, bool] = (None, False),
) -> Result[dict[str, Any]]:
    """What support needs to know of this installation, without a secret: `costaudit doctor`.

    `file` are the settings that it is about, `screen` the columns of the terminal and whether it has colour.
    """
    from costaudit.questions.doctor.surroundings import describe  # noqa: PLC0415 - start-up
    from costaudit.questions.doctor.text import surroundings_text  # noqa: PLC0415

    with noted({"settings": file}) as notes:
        book = _book(None if prices is None else path_of(prices), [path_of(one) for one in overlays])
        report = describe(settings_in_force, book, screen)
    return drawn_by_lines(report, notes.lines, lambda width: surroundings_text(report, width))


def _book(prices: Path | None, overlays: Sequence[Path]) -> dict[str, Any]:
    """The price book in force: where from, what it is; `readable` is false for one that cannot be opened."""
    try:
        choice = choose_book(prices, overlays)
        book, _ = open_book(choice)
    except (CostauditError, OSError):
        return {"readable": False}
    return {
        "readable": True,
        "source": "--prices" if prices else "settings" if choice.prices else "shipped",
        "version": book.version,
        "sha256": book.sha256,
        "providers": len(book.providers),
        "models": len(book.rows),
        "overlays": len(choice.overlays),
        "discounts": len(choice.discounts),
        "mapped_names": len(choice.maps or {}),
    }
