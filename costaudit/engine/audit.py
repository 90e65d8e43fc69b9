"""The audit of a tape: every request priced, tagged and routed under a plan, and all of it added up.

What is not said by a request alone is known before the first price: the providers that the log uses, and how
fingerprints vote. So the result does not depend on the order in which the logs were read.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.kernel import audit_segment
from costaudit.engine.ledger import Cells, CellSum
from costaudit.engine.ledger_facts import LedgerFacts
from costaudit.engine.plan import Plan
from costaudit.engine.rows import JudgedRows, judge_rows
from costaudit.engine.standouts import Standouts
from costaudit.engine.subjects import SUBJECT_WORDS, named_subjects
from costaudit.engine.told import Told
from costaudit.tape.columns import Words
from costaudit.tape.tape import REEL_ROWS, Found, Reel, Tape
from costaudit.tiers.votes import BallotBox


class Pass(msgspec.Struct):
    """Everything that auditing some logs found."""

    cells: Cells
    users: Cells
    ratios: Cells
    """See `costaudit.engine.kernel.Partial`."""
    plan: Plan
    """With the providers that the log uses, and the votes of its fingerprints."""
    found: Found
    requests: int = 0
    duplicates: int = 0
    first_ts: int | None = None
    last_ts: int | None = None
    standouts: Standouts = msgspec.field(default_factory=Standouts)
    sessions: bool = False
    """Whether any request names its session."""
    ledgers: tuple[LedgerFacts, ...] = ()
    """The saved ledgers that stand for the logs, if they do: users, ratios and places are then not known."""


class Requests(msgspec.Struct, frozen=True):
    """Some requests of a tape, judged."""

    reel: Reel
    judged: JudgedRows

    @property
    def batch(self) -> pa.RecordBatch:
        """The requests as the plan sees them."""
        return self.judged.calls.batch

    def take(self, rows: npt.NDArray[np.intp], plan: Plan) -> Requests:
        """Some of the requests, judged under the plan of the pass."""
        reel = self.reel.take(rows)
        return Requests(reel, judge_rows(reel.segment, plan))


def audit_tape(tape: Tape, plan: Plan) -> Pass:
    """What the requests of a tape come to under a plan that is `informed`.

    On one thread: the work is many short steps in numpy, and a second thread took half as much CPU again for
    nothing.
    """
    cells, users, ratios, told = CellSum(), CellSum(), CellSum(), Told()
    nothing = Cells({}, {}, {})
    total = Pass(nothing, nothing, nothing, plan, tape.found, tape.requests, tape.duplicates)
    total.sessions = tape.has_sessions
    for reel in tape.reels():
        part = audit_segment(reel.segment, plan)
        for sums, some in ((cells, part.cells), (users, part.users), (ratios, part.ratios)):
            if some.rows:
                sums.add(some)
        told.take(part.told)
        total.standouts.add(part.standouts.at(reel.cost_place))
        for moment in (part.first_ts, part.last_ts):
            if moment is not None:
                total.first_ts = moment if total.first_ts is None else min(total.first_ts, moment)
                total.last_ts = moment if total.last_ts is None else max(total.last_ts, moment)
    total.cells, total.users, total.ratios = (
        told.by_number(sums.total(), plan) for sums in (cells, users, ratios)
    )
    return total


def judge_tape(tape: Tape, plan: Plan, most: int = REEL_ROWS) -> Iterator[Requests]:
    """Every request of a tape under a plan that is `informed`, in the order of the input.

    At most so many are given out at once.
    """
    for reel in tape.reels():
        for start in range(0, reel.size, most):
            whole = reel.size <= most
            part = reel if whole else reel.take(np.arange(start, min(start + most, reel.size)))
            yield Requests(part, judge_rows(part.segment, plan))


def informed(tape: Tape, plan: Plan) -> Plan:
    """The plan with what the log as a whole says: which providers it uses, how its fingerprints vote."""
    words = {n: _words([name[place] for name in tape.names]) for place, n in enumerate(SUBJECT_WORDS)}
    subjects = named_subjects(words, plan) if tape.names else []
    used = plan.providers_used.union(*(plan.prices.subject(subject).providers for subject in subjects))
    plan = plan.with_providers(used)
    if not tape.has_scores:
        return plan
    box = BallotBox()
    for reel in tape.reels():
        ballots = plan.tagger.judge(plan.seen(reel.segment).batch()).ballots()
        if ballots is not None:
            box.add(ballots)
    votes = box.count(plan.tagger.risk)
    return plan.with_votes(votes) if len(votes) else plan


def _words(names: list[str | None]) -> Words:
    values = tuple(dict.fromkeys(names))
    code = {value: place for place, value in enumerate(values)}
    return Words(np.array([code[name] for name in names], np.int64), values)
