"""The options that questions have in common, by the names of the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import TypedDict

from costaudit.errors import UsageError
from costaudit.front.book import BookChoice, choose_book, project_settings
from costaudit.front.reading import LogReading, Tagging, Tests
from costaudit.ingest.limits import limits_from
from costaudit.ingest.notation import Notation, notation_from
from costaudit.times import time_us

File = str | PathLike[str]
Day = str | date | datetime
"""A date or time: text as in logs, or an object; without a zone UTC."""


class BookOptions(TypedDict, total=False):
    """Which prices hold."""

    prices: File
    """A folder of price tables instead of those that come with costaudit."""
    overlays: Sequence[File]
    """Further tables or folders, or an overlay's name, laid over them."""
    known_on: Day
    """Only prices that were known on this day."""
    names: Mapping[str, str] | Sequence[str]
    """Names of models in logs, each with the provider/model that it stands for; or `NAME=PROVIDER/MODEL`."""
    settings: File | None
    """A settings file, or `nearest` as on the command line; none by default."""


class LogOptions(BookOptions, total=False):
    """How logs are read, tagged and priced; the options of the command line of these names."""

    policy: File
    """A policy file or the name of a shipped one."""
    prices_at: Day
    """Price every request as at this instant."""
    input_format: str
    rules: File
    """Rules of tiers that are asked before the shipped ones."""
    risk: float
    """How probable it may be that a tag from text is too low, 0 to 1."""
    estimate: bool
    """Estimate the tokens of calls without usage from their text."""
    calibration: File
    threads: int
    limits: Sequence[str]
    """Limits of the reader, like `line=256MB`."""
    dates: str
    """How dates are meant whose columns do not tell: `day-first`, `month-first` or `year-first`."""
    decimals: str
    """What separates fractions of amounts whose columns do not tell: `comma` or `point`."""
    guess: bool
    """Read logs of unknown format by what their keys are taken for: finding `CA-G1` says it."""
    cache: bool
    """Keep what logs come to for the next question."""
    quiet: bool
    """Note nothing."""
    verbose: bool
    """Note how each file was read."""


def reading_of(
    options: LogOptions,
    tests: Tests | None = None,
    changes: Sequence[str] = (),
    called: Mapping[str, str] | None = None,
) -> LogReading:
    """How logs are to be read under some options; raises UsageError for one that makes no sense.

    `changes` are prices that are only supposed; paths are told by what they are `called`.
    """
    calibration, at = options.get("calibration"), options.get("prices_at")
    choice = choice_of(options, changes)
    return LogReading(
        optional(options.get("policy")),
        None if at is None else instant_of(at, "--prices-at", "date"),
        choice,
        options.get("input_format"),
        Tagging(
            optional(options.get("rules")),
            options.get("risk"),
            options.get("estimate", False),
            None if calibration is None else path_of(calibration),
        ),
        options.get("threads"),
        options.get("quiet", False),
        options.get("verbose", False),
        tests or Tests(),
        limits_from(options.get("limits")),
        options.get("cache"),
        called,
        _notation(options),
        options.get("guess", False),
    )


def tests_of(evals: File | None, quality_floor: str | float | None) -> Tests:
    """What is known of the quality of candidates, and what they must prove."""
    return Tests(
        None if evals is None else path_of(evals), None if quality_floor is None else str(quality_floor)
    )


def _notation(options: LogOptions) -> Notation:
    """How dates and amounts are meant whose columns do not tell: by the options, else by the settings."""
    asked = notation_from(options.get("dates"), options.get("decimals"))
    settings = project_settings()
    if settings is None:
        return asked
    return Notation(asked.dates or settings[1].dates, asked.decimals or settings[1].decimals)


def choice_of(options: BookOptions, changes: Sequence[str] = ()) -> BookChoice:
    """The price book of some options, over what the settings in force say."""
    prices, known_on = options.get("prices"), options.get("known_on")
    return choose_book(
        None if prices is None else path_of(prices),
        [path_of(overlay) for overlay in options.get("overlays", ())],
        None if known_on is None else known_on if isinstance(known_on, str) else known_on.isoformat()[:10],
        options.get("names"),
        changes,
    )


def instant_of(day: Day, option: str, noun: str = "time") -> int:
    """A date or time as microseconds UTC; raises UsageError where it is none."""
    found = time_us(day if isinstance(day, str) else day.isoformat())
    if found is None:
        raise UsageError(f"{option} {day!r} is not a {noun}", hint="like 2024-06-01 or 2024-06-01T12:00Z")
    return found


def optional(file: File | None) -> str | None:
    """A file by its name."""
    return None if file is None else os.fspath(file)


def path_of(file: File) -> Path:
    """A file as a path."""
    return Path(os.fspath(file))
