"""A test of a cheaper model beside the current one, as functions: its size, and what its arms show."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Unpack

import msgspec
from msgspec.structs import replace

from costaudit.errors import UsageError, one_of
from costaudit.front.asking import Log, asked_logs
from costaudit.front.found import found_logs
from costaudit.front.options import File, LogOptions, path_of
from costaudit.front.reading import LogReading, plan_of, taped
from costaudit.front.result import Result, drawn_by_blocks

if TYPE_CHECKING:
    from costaudit.engine.plan import Plan
    from costaudit.questions.shadow.arms import ArmField, CostSource
    from costaudit.questions.shadow.compare import ArmRead
    from costaudit.questions.shadow.plan import PlanQuestion
    from costaudit.questions.shadow.result import ShadowComparison, ShadowPlan
    from costaudit.render.part import LogRead
    from costaudit.tape.read import Select
    from costaudit.tape.tape import Tape

_MOST = 1e9
"""No size, rate or width is more."""


class PlanOptions(LogOptions, total=False):
    """What a test is to see."""

    base_pass: float
    """Share of answers of the current model that pass; 0.93 by default."""
    drop: float
    """The drop to see, in percentage points; 2 by default."""
    alpha: float
    """Chance of a false alarm; 0.05 by default."""
    power: float
    """Chance to see the drop; 0.8 by default."""
    arm: str
    """Share of the requests in the candidate's arm; `10%` by default."""
    requests_per_day: float
    """Instead of what the log says."""
    paired: bool
    """Only tests in which both models answer the same requests, or only the others."""
    psi: Sequence[float]
    """Paired: shares of requests that just one model passes."""
    non_inferiority: bool
    """Also the one-sided test that the drop is not reached."""
    cost_delta: str
    """The difference in mean cost to see; `10%` by default."""
    cost_cv: float
    """Standard deviation of the cost per request over its mean, instead of the log's."""
    sequential: bool
    """A test that may be read every day: when it stops, by simulation."""
    tau: float
    """Width of the sequential test's mixture in points; the drop by default."""


def shadow_plan(*logs: Log, feature: str | None = None, **options: Unpack[PlanOptions]) -> Result[ShadowPlan]:
    """How many requests and days a test needs to see a drop in quality: `costaudit shadow plan`.

    Logs, or one `feature` of them, say how many requests come in and how much their cost varies; without
    any it is `requests_per_day`. Raises UsageError for options that make no sense, InputError where nothing
    can be read.
    """
    from costaudit.questions.shadow.arms import arm_calls  # noqa: PLC0415 - start-up
    from costaudit.questions.shadow.plan import build_plan  # noqa: PLC0415
    from costaudit.questions.shadow.text import plan_blocks  # noqa: PLC0415
    from costaudit.questions.shadow.traffic import add_traffic, traffic_of  # noqa: PLC0415

    question = _question(feature, options)
    with asked_logs(logs, options, fewest=0, kind=PlanOptions) as (paths, reading, notes, _):
        if not paths:
            report = build_plan(question)
        else:
            priced = plan_of(reading.choice)
            with _tape(paths, priced, reading) as tape:
                parts = [traffic_of(arm_calls(reel.segment, priced, keyed=False)) for reel in tape.reels()]
                report = build_plan(question, add_traffic(parts), _log_read(tape))
    return drawn_by_blocks(report, notes.lines, lambda: plan_blocks(report))


def _question(feature: str | None, options: PlanOptions) -> PlanQuestion:
    from costaudit.questions.shadow.plan import PSIS, PlanQuestion  # noqa: PLC0415 - start-up
    from costaudit.stats.sizing import Design  # noqa: PLC0415

    paired, tau, cost_cv = options.get("paired"), options.get("tau"), options.get("cost_cv")
    per_day, psi = options.get("requests_per_day"), options.get("psi")
    return PlanQuestion(
        design=Design(
            options.get("base_pass", 0.93),
            _hundredth(options.get("drop", 2.0)),
            options.get("alpha", 0.05),
            options.get("power", 0.8),
        ),
        share=_fraction(options.get("arm", "10%"), "--arm"),
        cost_delta=_fraction(options.get("cost_delta", "10%"), "--cost-delta"),
        psis=tuple(psi) if psi else PSIS,
        unpaired=paired is not True,
        paired=paired is not False,
        non_inferiority=options.get("non_inferiority", False) and paired is not True,
        sequential=options.get("sequential", False),
        tau=None if tau is None else _positive(_hundredth(tau), "--tau"),
        requests_per_day=None if per_day is None else Fraction(str(_positive(per_day, "--requests-per-day"))),
        cost_cv=None if cost_cv is None else _positive(cost_cv, "--cost-cv"),
        feature=feature,
    )


def shadow_compare(
    *logs: Log,
    arm_field: str | None = None,
    outcomes: File | None = None,
    margin: float = 2.0,
    cost: str = "list",
    **options: Unpack[LogOptions],
) -> Result[ShadowComparison]:
    """What two arms of a test show, B against A: `costaudit shadow compare`.

    The logs are A and B or, with `arm_field` (`tags:arm=current,candidate`), those that hold both.
    `outcomes` is a file of request ids with a pass of 0 or 1, `margin` the drop of the pass rate in points
    that would matter, `cost` list or reported. Raises UsageError for options that make no sense, InputError
    where nothing can be read.
    """
    from costaudit.ingest.outcomes import load_outcomes  # noqa: PLC0415 - start-up
    from costaudit.questions.shadow.arms import parse_arm_field  # noqa: PLC0415
    from costaudit.questions.shadow.compare import build_comparison  # noqa: PLC0415
    from costaudit.questions.shadow.text import comparison_blocks  # noqa: PLC0415

    source: CostSource = "reported" if one_of(cost, ("list", "reported"), "cost") == "reported" else "list"
    field = parse_arm_field(arm_field) if arm_field is not None else None
    if field is None and len(logs) != 2:
        raise UsageError("two logs are compared", hint="name A and B, or say --arm-field FIELD=A,B")
    passes = load_outcomes(path_of(outcomes)) if outcomes is not None else None
    limit = _positive(_hundredth(margin), "--margin")
    with asked_logs(logs, options) as (paths, reading, notes, _):
        arm = _Arm(paths, field, reading, plan_of(reading.choice, prices_at=reading.prices_at), source)
        report = build_comparison(arm.read(0), arm.read(1), cost=source, margin=limit, outcomes=passes)
    return drawn_by_blocks(report, notes.lines, lambda: comparison_blocks(report))


class _Arm(msgspec.Struct, frozen=True):
    """How the arms of a test are read."""

    paths: Sequence[str]
    field: ArmField | None
    reading: LogReading
    priced: Plan
    cost: CostSource

    def read(self, side: int) -> ArmRead:
        """An arm; raises UsageError where no request is in it."""
        from costaudit.questions.shadow.arms import arm_calls, join_calls  # noqa: PLC0415 - start-up
        from costaudit.questions.shadow.compare import ArmRead  # noqa: PLC0415

        field, reading, select = self.field, self.reading, None
        name, own = self.paths[0 if field else side], list(self.paths) if field else [self.paths[side]]
        if field is not None:
            name = field.values[side]
            select = field.select(name)
            reading = replace(reading, quiet=reading.quiet or side == 1)
        with _tape(own, self.priced, reading, select) as tape:
            if not tape.requests and field is not None:
                raise UsageError(
                    f"no request has {field.column} {name!r}",
                    path=self.paths[0],
                    hint="costaudit formats test shows the fields",
                )
            parts = [
                arm_calls(reel.segment, self.priced, keyed=True, source=self.cost) for reel in tape.reels()
            ]
            return ArmRead((reading.called or {}).get(name, name), join_calls(parts), _log_read(tape))


@contextlib.contextmanager
def _tape(
    paths: Sequence[str], priced: Plan, reading: LogReading, select: Select | None = None
) -> Iterator[Tape]:
    """The requests of an arm; only those are merged, because both arms may have the same ids."""
    from costaudit.tape.record import Keeps  # noqa: PLC0415 - start-up

    with (
        found_logs(paths, reading.limits, reading.called, reading.notation) as (files, refused),
        taped(files, refused, reading, priced.tagger, Keeps(scores=False), select) as tape,
    ):
        yield tape


def _log_read(tape: Tape) -> LogRead:
    from costaudit.render.part import LogRead  # noqa: PLC0415 - start-up

    return LogRead(
        files=tape.found.files,
        records=tape.found.records,
        requests=tape.requests,
        duplicates=tape.duplicates,
        skipped=tape.found.quarantine.total,
    )


def _fraction(text: str, option: str) -> float:
    from costaudit.money import parse_percent  # noqa: PLC0415 - start-up

    return _positive(float(parse_percent(text) / 100), option)


def _hundredth(points: float) -> float:
    """Points as a fraction, without the error of a division: 2 is .02."""
    return float(Fraction(str(points)) / 100) if points == points and abs(points) < 1e9 else points  # noqa: PLR0124


def _positive(value: float, option: str) -> float:
    if not 0 < value <= _MOST:
        raise UsageError(f"{option} must be more than 0" + (f" and at most {_MOST:g}" if value > 0 else ""))
    return value
