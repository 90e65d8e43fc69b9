"""Reading logs for a command: plan, files, progress, and what was set aside said on stderr."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from costaudit.errors import InputError, UsageError
from costaudit.front import telling
from costaudit.front.book import BookChoice, open_book, project_settings
from costaudit.front.formats import known_formats, known_prices
from costaudit.front.found import found_logs
from costaudit.ingest.limits import DEFAULTS, ReadLimits
from costaudit.ingest.notation import UNSAID, Notation
from costaudit.money import is_amount

if TYPE_CHECKING:
    from costaudit.engine.audit import Pass, Requests
    from costaudit.engine.plan import Plan
    from costaudit.engine.saved import SavedLedger
    from costaudit.ingest.format import Adapter
    from costaudit.ingest.guess.files import Guessing
    from costaudit.ingest.logfile import LogFile
    from costaudit.ingest.quarantine import Quarantine
    from costaudit.prices.book import PriceBook
    from costaudit.prices.resolver import Resolver
    from costaudit.routing.evals import Evals
    from costaudit.routing.policy import Policy
    from costaudit.tape.cache import Cache
    from costaudit.tape.read import HowToRead, Select
    from costaudit.tape.record import Keeps
    from costaudit.tape.tape import Found, Tape
    from costaudit.tiers.calibration import Calibration
    from costaudit.tiers.tagger import Tagger


_OVERLAPS = 3
"""Pairs of files with requests that are alike that are told."""

_UNCLEAR = 5
"""Columns with values that are not read that are told."""


class Tagging(msgspec.Struct, frozen=True):
    """How requests are to be tagged, and whether missing counts are estimated."""

    rules: str | None = None
    """A file of rules that are asked before the shipped ones."""
    risk: float | None = None
    estimate: bool = False
    calibration: Path | None = None
    """What labels said of the scores of texts; None for that of the project's settings, if they name one."""


class Tests(msgspec.Struct, frozen=True):
    """What is known of the quality of candidates."""

    evals: Path | None = None
    floor: str | None = None
    """The pass rate that they must prove, instead of the policy's."""


class LogReading(msgspec.Struct, frozen=True):
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
    limits: ReadLimits = DEFAULTS
    cache: bool | None = None
    """Whether what logs come to is kept; as the project's settings say by default."""
    called: Mapping[str, str] | None = None
    """By path, what is told instead of it."""
    notation: Notation = UNSAID
    """How dates and amounts are meant whose columns do not tell."""
    guess: bool = False
    """Read logs of unknown format by what their keys are taken for."""


class ReadLogs:
    """Logs that were read, or saved ledgers that stand for them."""

    def __init__(
        self, files: Sequence[LogFile], reading: LogReading, source: tuple[Tape, Plan] | Pass
    ) -> None:
        self.files, self.reading = files, reading
        self._source = source

    @functools.cached_property
    def passed(self) -> Pass:
        """The audit of all requests."""
        from costaudit.engine.audit import audit_tape  # noqa: PLC0415 - start-up

        if isinstance(self._source, tuple):
            return audit_tape(self._source[0], self.plan)
        return self._source

    @functools.cached_property
    def plan(self) -> Plan:
        """The plan of the command, which knows what the logs as a whole say."""
        from costaudit.engine.audit import informed  # noqa: PLC0415 - start-up

        if isinstance(self._source, tuple):
            return informed(*self._source)
        return self._source.plan

    @property
    def tape(self) -> Tape:
        """The requests one by one; raises InputError for saved ledgers."""
        if not isinstance(self._source, tuple):
            raise InputError(
                "single requests are in no ledger", path=self.files[0].name, hint="name the logs"
            )
        return self._source[0]

    def again(self, plan: Plan) -> Pass:
        """The same requests under another plan."""
        from costaudit.engine.audit import audit_tape, informed  # noqa: PLC0415 - start-up

        if not isinstance(self._source, tuple):
            raise InputError(
                "a ledger does not say which routes other prices would give",
                path=self.files[0].name,
                hint="name the logs",
            )
        return audit_tape(self.tape, informed(self.tape, plan))

    def requests(self) -> Iterator[Requests]:
        """Every request once, judged, in the order of the input."""
        from costaudit.engine.audit import judge_tape  # noqa: PLC0415 - start-up

        return judge_tape(self.tape, self.plan)

    def rows(self) -> Iterator[Requests]:
        """The same some ten thousand at a time: as rows of plain values they take ten times the memory."""
        from costaudit.engine.audit import judge_tape  # noqa: PLC0415 - start-up

        return judge_tape(self.tape, self.plan, _ROWS_AT_ONCE)


_ROWS_AT_ONCE: Final = 1 << 14


def read_logs(paths: Sequence[str], reading: LogReading, *, goes_by_reported: bool = True) -> Pass:
    """One pass over the logs, or over saved ledgers.

    Warns of what was set aside; raises InputError when nothing could be read. `goes_by_reported` where the
    bill is to be what requests report: not every ledger can tell that under other prices.
    """
    with opened_logs(paths, reading, goes_by_reported=goes_by_reported) as logs:
        return logs.passed


@contextlib.contextmanager
def opened_logs(
    paths: Sequence[str],
    reading: LogReading,
    revise: Callable[[Plan], Plan] | None = None,
    *,
    goes_by_reported: bool = True,
    keeps: Keeps | None = None,
) -> Iterator[ReadLogs]:
    """The logs read once, to be asked more of until the context ends; as `read_logs`.

    `revise` changes the plan of the audit; `keeps` is what the tape is to keep beside what it always does.
    """
    from costaudit.tape.record import Keeps  # noqa: PLC0415 - start-up

    keeps = keeps or Keeps()
    plan = plan_of(reading.choice, reading.policy, reading.prices_at, reading.tagging, reading.tests)
    plan = revise(plan) if revise is not None else plan
    with found_logs(paths, reading.limits, reading.called, reading.notation) as (files, refused):
        ledgers = saved_ledgers(files, reading.tagging)
        if ledgers:
            passed = _pass_of(ledgers, plan, goes_by_reported=goes_by_reported)
            yield ReadLogs(files, reading, passed)
            return
        with taped(files, refused, reading, plan.tagger, keeps) as tape:
            yield ReadLogs(files, reading, (tape, plan))


@contextlib.contextmanager
def taped(
    files: Sequence[LogFile],
    refused: Sequence[InputError],
    reading: LogReading,
    tagger: Tagger,
    keeps: Keeps,
    select: Select | None = None,
) -> Iterator[Tape]:
    """The requests of some files, or those that are selected; says what was set aside."""
    from costaudit.tape.read import read_tape  # noqa: PLC0415 - start-up

    guessing = guessing_of(reading.choice, use=reading.guess)
    how = how_to_read(
        reading.input_format, keeps, reading.threads, select, cached=reading.cache, guessing=guessing
    )
    with telling.reading(files, quiet=reading.quiet) as advance:
        tape = read_tape(files, tagger, how, refused=refused, progress=advance)
    with tape:
        if reading.verbose:
            for file in files:
                telling.warn(f"read {file.name}: {file.container}, {file.compression}")
        warn_of_reading(tape.found, how.cache, quiet=reading.quiet)
        yield tape


def how_to_read(
    input_format: str | None,
    keeps: Keeps,
    threads: int | None = None,
    select: Select | None = None,
    *,
    cached: bool | None = None,
    guessing: Guessing | None = None,
) -> HowToRead:
    """How a command reads its logs."""
    from costaudit.ingest.detect import adapter_named  # noqa: PLC0415 - start-up
    from costaudit.tape.read import HowToRead  # noqa: PLC0415

    adapters = known_formats()
    forced = adapter_named(input_format, adapters) if input_format else None
    cache = _cache(cached, forced, adapters)
    return HowToRead(forced, adapters, threads, keeps, select, cache, guessing)


def guessing_of(choice: BookChoice, *, use: bool) -> Guessing:
    """What is done with logs of unknown format: the book knows names of models, once it is asked."""
    from costaudit.ingest.guess.files import Guessing  # noqa: PLC0415 - start-up

    return Guessing(functools.partial(known_prices, choice), use)


def _cache(asked: bool | None, forced: Adapter | None, adapters: Sequence[Adapter]) -> Cache | None:
    """The cache, where it is to be used."""
    if asked is None:
        settings = project_settings()
        asked = settings is not None and settings[1].cache
    if not asked:
        return None
    from costaudit.tape.cache import Cache, cache_folder  # noqa: PLC0415 - start-up

    told = [adapter.name + adapter.told for adapter in adapters]
    return Cache(cache_folder(), "\n".join(["" if forced is None else forced.name, *told]))


def saved_ledgers(files: Sequence[LogFile], tagging: Tagging) -> list[SavedLedger]:
    """The files as saved ledgers; none where they are logs.

    Raises UsageError for both at once, and for tagging otherwise than when the ledgers were made.
    """
    from costaudit.engine.saved import ledger_facts, read_ledger  # noqa: PLC0415 - start-up

    facts = [ledger_facts(file) for file in files]
    ledgers = [(file, told) for file, told in zip(files, facts, strict=True) if told is not None]
    if not ledgers:
        return []
    if len(ledgers) < len(files):
        log = next(file.name for file, told in zip(files, facts, strict=True) if told is None)
        raise UsageError(
            f"{ledgers[0][0].name} is a ledger and {log} a log: they cannot be read at once",
            hint=f"make a ledger of the logs: costaudit ledger {log} -o OUT.parquet",
        )
    given = {"--rules": tagging.rules, "--risk": tagging.risk, "--calibration": tagging.calibration}
    given["--estimate"] = tagging.estimate or None
    for option, value in given.items():
        if value is not None:
            raise UsageError(
                f"{option} needs the logs: a ledger keeps the tags and counts that it was made with",
                path=ledgers[0][0].name,
            )
    return [read_ledger(file, told) for file, told in ledgers]


def _pass_of(ledgers: Sequence[SavedLedger], plan: Plan, *, goes_by_reported: bool) -> Pass:
    from costaudit.engine.from_ledgers import pass_of_ledgers  # noqa: PLC0415 - start-up

    found = pass_of_ledgers(ledgers, plan, goes_by_reported=goes_by_reported)
    if found.unrouted is not None:
        raise found.unrouted
    return found.passed


def plan_of(
    choice: BookChoice,
    policy: str | None = None,
    prices_at: int | None = None,
    tagging: Tagging | None = None,
    tests: Tests | None = None,
) -> Plan:
    """The plan of a command: book, tagger and policy as they were chosen."""
    from costaudit.engine.plan import Plan  # noqa: PLC0415 - start-up

    book, resolver = open_book(choice)
    chosen = tagging or Tagging()
    return Plan.of(
        book,
        resolver,
        tagger_of(chosen),
        policy_of(policy, tests),
        prices_at=prices_at,
        estimate=chosen.estimate,
        evals=_evals(tests, book, resolver),
    )


def tagger_of(tagging: Tagging) -> Tagger:
    """The tagger of a command."""
    from costaudit.tiers.guard import DEFAULT_RISK  # noqa: PLC0415 - start-up
    from costaudit.tiers.rules import load_rules  # noqa: PLC0415
    from costaudit.tiers.tagger import Tagger  # noqa: PLC0415

    risk = DEFAULT_RISK if tagging.risk is None else tagging.risk
    return Tagger(load_rules(_rules(tagging)), risk=risk, calibration=_calibration(tagging))


def policy_of(name: str | None, tests: Tests | None = None) -> Policy:
    """A policy by its file or name, with the quality floor that was asked for."""
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415 - start-up

    from msgspec.structs import replace  # noqa: PLC0415

    from costaudit.routing.policy_load import load_policy  # noqa: PLC0415

    policy = load_policy(name)
    if tests is None or tests.floor is None:
        return policy
    try:
        floor = Decimal(tests.floor)
    except InvalidOperation:
        floor = Decimal(-1)
    if not is_amount(floor) or not 0 <= floor <= 1:
        raise UsageError(f"--quality-floor {tests.floor!r} is no rate", hint="a number from 0 to 1, like 0.9")
    if tests.evals is None:
        raise UsageError("--quality-floor needs --evals", hint="what nobody tested can prove nothing")
    return replace(policy, quality_floor=floor)


def _evals(tests: Tests | None, book: PriceBook, resolver: Resolver) -> Evals | None:
    """The evals of the command, under the names of the book; says which models it does not have."""
    if tests is None or tests.evals is None:
        return None
    from costaudit.routing.evals import load_evals, named  # noqa: PLC0415 - start-up

    evals = named(load_evals(tests.evals), book, resolver)
    for unmatched in evals.unmatched:
        telling.warn(
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


def warn_of_reading(found: Found, cache: Cache | None, *, quiet: bool) -> None:
    """Say on stderr what of some logs was set aside, left out, may be counted twice, or could not be kept."""
    warn_of_skipped(found.quarantine, quiet=quiet)
    _warn_of_unclear(found, quiet=quiet)
    _warn_of_guesses(found, quiet=quiet)
    if cache is not None and cache.trouble is not None:
        telling.warn(f"the cache {cache.folder} keeps nothing: {cache.trouble}", quiet=quiet)
    for overlap in found.overlaps[:_OVERLAPS]:
        both = f"{overlap.file} and {overlap.other}"
        telling.warn(
            f"{overlap.requests:,} requests without an id are alike in {both}: counted in both", quiet=quiet
        )
    if found.reused_ids:
        ids = f"{found.reused_ids:,} id{'' if found.reused_ids == 1 else 's'}"
        telling.warn(
            f"{ids} used again for other calls: {found.reused_requests:,} requests are counted one by one",
            quiet=quiet,
        )
    for copy, original in found.copies:
        telling.warn(f"left out: {copy}: it holds the same bytes as {original}", quiet=quiet)


def _warn_of_unclear(found: Found, *, quiet: bool) -> None:
    """Say on stderr which dates and amounts were not read, because they can be meant in several ways."""
    from costaudit.ingest.unclear import REASONS  # noqa: PLC0415 - start-up

    columns = sorted(found.unclear.columns.items())
    for (file, name, reason), (records, line) in columns[:_UNCLEAR]:
        number = f"{records:,} record{'s' * (records != 1)}"
        telling.warn(f"{file}:{line}: {name} is not read in {number}: {REASONS[reason]}", quiet=quiet)
    if len(columns) > _UNCLEAR:
        telling.warn(f"so are {len(columns) - _UNCLEAR:,} more columns of files", quiet=quiet)


def _warn_of_guesses(found: Found, *, quiet: bool) -> None:
    """Say on stderr which logs of unknown format were read by a guess, or might be."""
    from costaudit.ingest.guess.told import warning_of  # noqa: PLC0415 - start-up

    for guess in found.guesses[:_UNCLEAR]:
        telling.warn(warning_of(guess), quiet=quiet)


def warn_of_skipped(quarantine: Quarantine, *, quiet: bool) -> None:
    """Say on stderr what was set aside, and where first."""
    for reason, number in sorted(quarantine.counts.items()):
        places = quarantine.places[reason]
        if reason != "unreadable_file":
            where = f"{places[0].file}:{places[0].line}" if places[0].line else places[0].file
            telling.warn(f"{number:,} × {reason} set aside, first at {where}", quiet=quiet)
            continue
        for place in places:
            telling.warn(f"left out: {place.file}: {place.detail}", quiet=quiet)
        if number > len(places):
            more = number - len(places)
            telling.warn(f"left out: {more:,} more files that cannot be read", quiet=quiet)
