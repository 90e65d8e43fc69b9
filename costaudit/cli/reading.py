"""Reading logs for a command: plan, files, progress, and what was set aside said on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from costaudit.cli import console
from costaudit.cli.book import BookChoice, open_book, project_settings
from costaudit.cli.formats import known_formats
from costaudit.errors import UsageError

if TYPE_CHECKING:
    from costaudit.engine.local import Pass
    from costaudit.engine.plan import Plan
    from costaudit.engine.requests import Requests
    from costaudit.ingest.format import Adapter
    from costaudit.ingest.logfile import LogFile
    from costaudit.ingest.quarantine import Quarantine
    from costaudit.prices.book import PriceBook
    from costaudit.prices.resolver import Resolver
    from costaudit.routing.evals import Evals
    from costaudit.routing.policy import Policy
    from costaudit.tiers.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Tagging:
    """How requests are to be tagged, and whether missing counts are estimated."""

    rules: str | None = None
    """A file of rules that are asked before the shipped ones."""
    risk: float | None = None
    estimate: bool = False
    calibration: Path | None = None
    """What labels said of the scores of texts; None for that of the project's settings, if they name one."""


@dataclass(frozen=True, slots=True)
class Tests:
    """What is known of the quality of candidates."""

    evals: Path | None = None
    floor: str | None = None
    """The pass rate that they must prove, instead of the policy's."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How logs are to be read and priced."""

    policy: str | None
    """A policy file or the name of a shipped one."""
    prices_at: int | None
    """Price everything as at this instant (microseconds UTC)."""
    choice: BookChoice
    input_format: str | None
    tagging: Tagging
    threads: int | None
    quiet: bool
    verbose: bool
    tests: Tests = Tests()


@dataclass(frozen=True, slots=True)
class ReadLogs:
    """Logs after the pass over them, and what it takes to read them once more."""

    files: Sequence[LogFile]
    passed: Pass
    forced: Adapter | None
    adapters: Sequence[Adapter]
    reading: Reading

    def requests(self) -> Iterator[Requests]:
        """Every request once, in the order of the input: a second reading."""
        from costaudit.engine.requests import read_requests  # noqa: PLC0415 - start-up

        with console.progress(quiet=self.reading.quiet) as advance:
            yield from read_requests(
                self.files,
                self.passed,
                forced=self.forced,
                adapters=self.adapters,
                threads=self.reading.threads,
                progress=advance,
            )


def read_logs(paths: Sequence[str], reading: Reading) -> Pass:
    """One pass over the logs. Warns of what was set aside; raises InputError when nothing could be read."""
    with opened_logs(paths, reading) as logs:
        return logs.passed


@contextlib.contextmanager
def opened_logs(paths: Sequence[str], reading: Reading) -> Iterator[ReadLogs]:
    """One pass over the logs, which can be read again until the context ends; as `read_logs`."""
    from costaudit.engine.local import audit_files  # noqa: PLC0415 - start-up
    from costaudit.ingest.detect import adapter_named  # noqa: PLC0415
    from costaudit.ingest.files import find_logs  # noqa: PLC0415
    from costaudit.ingest.logfile import remove_spools  # noqa: PLC0415

    adapters = known_formats()
    forced = adapter_named(reading.input_format, adapters) if reading.input_format else None
    plan = plan_of(reading.choice, reading.policy, reading.prices_at, reading.tagging, reading.tests)
    try:
        files, refused = find_logs(paths, sys.stdin.buffer)
        if refused and not files:
            raise refused[0]
        with console.progress(quiet=reading.quiet) as advance:
            passed = audit_files(
                files,
                plan,
                forced=forced,
                adapters=adapters,
                refused=refused,
                threads=reading.threads,
                progress=advance,
            )
        if reading.verbose:
            for file in files:
                console.warn(f"read {file.name}: {file.container}, {file.compression}", quiet=False)
        warn_of_skipped(passed.quarantine, quiet=reading.quiet)
        yield ReadLogs(files, passed, forced, adapters, reading)
    finally:
        remove_spools()


def plan_of(
    choice: BookChoice,
    policy: str | None = None,
    prices_at: int | None = None,
    tagging: Tagging | None = None,
    tests: Tests | None = None,
) -> Plan:
    """The plan of a command: book, tagger and policy as they were chosen."""
    from costaudit.engine.plan import Plan  # noqa: PLC0415 - start-up
    from costaudit.tiers.guard import DEFAULT_RISK  # noqa: PLC0415
    from costaudit.tiers.rules import load_rules  # noqa: PLC0415
    from costaudit.tiers.tagger import Tagger  # noqa: PLC0415

    book, resolver = open_book(choice)
    chosen = tagging or Tagging()
    tagger = Tagger(
        load_rules(_rules(chosen)),
        risk=DEFAULT_RISK if chosen.risk is None else chosen.risk,
        calibration=_calibration(chosen),
    )
    return Plan(
        book,
        resolver,
        tagger,
        policy_of(policy, tests),
        prices_at=prices_at,
        estimate=chosen.estimate,
        evals=_evals(tests, book, resolver),
    )


def policy_of(name: str | None, tests: Tests | None = None) -> Policy:
    """A policy by its file or name, with the quality floor that was asked for."""
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415 - start-up

    from costaudit.routing.policy import load_policy  # noqa: PLC0415

    policy = load_policy(name)
    if tests is None or tests.floor is None:
        return policy
    try:
        floor = Decimal(tests.floor)
    except InvalidOperation:
        floor = Decimal(-1)
    if not 0 <= floor <= 1:
        raise UsageError(f"--quality-floor {tests.floor!r} is no rate", hint="a number from 0 to 1, like 0.9")
    if tests.evals is None:
        raise UsageError("--quality-floor needs --evals", hint="what nobody tested can prove nothing")
    return policy.model_copy(update={"quality_floor": floor})


def _evals(tests: Tests | None, book: PriceBook, resolver: Resolver) -> Evals | None:
    """The evals of the command, under the names of the book; says which models it does not have."""
    if tests is None or tests.evals is None:
        return None
    from costaudit.routing.evals import load_evals, named  # noqa: PLC0415 - start-up

    evals = named(load_evals(tests.evals), book, resolver)
    for unmatched in evals.unmatched:
        console.warn(
            f"{evals.path}: {unmatched.model} is not in the price book: {unmatched.detail}", quiet=False
        )
    return evals


def _rules(tagging: Tagging) -> Path | None:
    """The file of tier rules: named on the command line, else by the project's settings."""
    if tagging.rules is not None:
        return Path(tagging.rules)
    settings = project_settings()
    return settings[1].tier_rules if settings is not None else None


def _calibration(tagging: Tagging) -> Calibration | None:
    settings = project_settings()
    path = tagging.calibration or (settings[1].calibration if settings else None)
    if path is None:
        return None
    from costaudit.tiers.calibration import load_calibration  # noqa: PLC0415 - start-up

    return load_calibration(path)


def warn_of_skipped(quarantine: Quarantine, *, quiet: bool) -> None:
    """Say on stderr what was set aside, and where first."""
    for reason, number in sorted(quarantine.counts.items()):
        places = quarantine.places[reason]
        if reason != "unreadable_file":
            where = f"{places[0].file}:{places[0].line}" if places[0].line else places[0].file
            console.warn(f"{number:,} × {reason} set aside, first at {where}", quiet=quiet)
            continue
        for place in places:
            console.warn(f"left out: {place.file}: {place.detail}", quiet=quiet)
        if number > len(places):
            more = number - len(places)
            console.warn(f"left out: {more:,} more files that cannot be read", quiet=quiet)
