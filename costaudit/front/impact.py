"""Traffic for `costaudit pricing diff`: logs or ledgers, priced by both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from costaudit.errors import InputError, UsageError
from costaudit.front import telling
from costaudit.front.book import BookChoice, choose_book
from costaudit.front.found import found_logs
from costaudit.front.reading import Tagging, how_to_read, plan_of, saved_ledgers, warn_of_reading
from costaudit.times import DAY_US

if TYPE_CHECKING:
    from costaudit.engine.plan import Plan
    from costaudit.ingest.logfile import LogFile
    from costaudit.prices.diff import Change, Side
    from costaudit.prices.impact import Impact
    from costaudit.questions.audit.impact import SidePass


class ImpactTraffic(msgspec.Struct, frozen=True):
    """Whose bill is to be compared, and on what terms."""

    logs: Sequence[str]
    ledgers: Sequence[str]
    policy: str | None = None
    overlays: Sequence[Path] = ()
    maps: Mapping[str, str] | Sequence[str] = ()
    quiet: bool = False
    cache: bool | None = None


def settled_on(changes: Sequence[Change], now: int) -> int:
    """The instant from which every change of prices holds: the last start, or the beginning of today."""
    starts = [change.at for change in changes if change.at is not None]
    return max([now - now % DAY_US, *starts])


def measure_impact(
    sides: tuple[Side, Side], traffic: ImpactTraffic, at: int, limit: Decimal | None
) -> Impact:
    """Price the traffic by both sides, at the time of each request and as at an instant.

    Raises UsageError where a side is a single table, InputError where the traffic cannot be read or priced.
    """
    from costaudit.questions.audit.impact import build_impact  # noqa: PLC0415 - start-up

    single = next((side.shown for side in sides if side.file is not None), None)
    if single is not None:
        raise UsageError(f"{single} is one table, and a bill needs a whole book", hint="name the directories")
    choice = choose_book(None, list(traffic.overlays), None, traffic.maps)
    books = [_plan(side, choice, traffic) for side in sides]
    with found_logs(traffic.logs or traffic.ledgers) as (files, refused):
        passes = _of_ledgers if traffic.ledgers else _of_logs
        pairs = passes(files, refused, sides, books, at, traffic)
    return build_impact(pairs, source="ledger" if traffic.ledgers else "logs", ignore_below=limit)


def _plan(side: Side, choice: BookChoice, traffic: ImpactTraffic) -> Plan:
    """The plan of a side: its tables under the overlays, discounts and names of the project."""
    return plan_of(msgspec.structs.replace(choice, prices=side.place), traffic.policy)


_Pairs = list["tuple[SidePass, SidePass]"]


def _of_ledgers(
    files: Sequence[LogFile],
    refused: Sequence[InputError],
    sides: tuple[Side, Side],
    plans: Sequence[Plan],
    at: int,
    _: ImpactTraffic,
) -> _Pairs:
    from costaudit.engine.from_ledgers import pass_of_ledgers  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.impact import SidePass  # noqa: PLC0415

    if refused:
        raise refused[0]
    ledgers = saved_ledgers(files, Tagging())
    if not ledgers:
        raise InputError(
            "no saved ledger", path=files[0].name, hint="costaudit ledger makes one; a log is --logs"
        )

    def priced(place: int, prices_at: int | None) -> SidePass:
        plan = plans[place].priced_at(prices_at)
        found = pass_of_ledgers(ledgers, plan, goes_by_reported=False)
        why = None if found.unrouted is None else found.unrouted.message
        return SidePass(found.passed, sides[place].gateways, why)

    return [(priced(0, moment), priced(1, moment)) for moment in (None, at)]


def _of_logs(
    files: Sequence[LogFile],
    refused: Sequence[InputError],
    sides: tuple[Side, Side],
    plans: Sequence[Plan],
    at: int,
    traffic: ImpactTraffic,
) -> _Pairs:
    """Four audits of one reading."""
    from costaudit.engine.audit import audit_tape, informed  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.impact import SidePass  # noqa: PLC0415
    from costaudit.tape.read import read_tape  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    if saved_ledgers(files, Tagging()):
        raise UsageError(f"{files[0].name} is a saved ledger", hint="name it with --ledger")
    how = how_to_read(None, Keeps(), cached=traffic.cache)
    with telling.reading(files, quiet=traffic.quiet) as advance:
        tape = read_tape(files, plans[0].tagger, how, refused=refused, progress=advance)
    with tape:
        warn_of_reading(tape.found, how.cache, quiet=traffic.quiet)

        def priced(place: int, prices_at: int | None) -> SidePass:
            plan = plans[place].priced_at(prices_at)
            return SidePass(audit_tape(tape, informed(tape, plan)), sides[place].gateways)

        return [(priced(0, moment), priced(1, moment)) for moment in (None, at)]
