"""What the columns of unknown records are taken for, and why.

The one decision that messages, `--guess` and `costaudit formats test` share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from costaudit.ingest.adapters.flat_fields import BY_TARGET, FieldKind
from costaudit.ingest.adapters.mapped import TARGETS
from costaudit.ingest.adapters.spelled import SUM, spelled
from costaudit.ingest.guess.by_price import find_sides_by_price
from costaudit.ingest.guess.count_names import INPUT, OUTPUT, TOTAL
from costaudit.ingest.guess.counts import find_counts
from costaudit.ingest.guess.facts import find_attribution, find_ids, find_latency, find_time, of_whole_days
from costaudit.ingest.guess.models import find_models, find_provider
from costaudit.ingest.guess.money import cache_is_beside, check_weak_counts, find_cost
from costaudit.ingest.guess.outcomes import find_status
from costaudit.ingest.guess.prices import KnownPrices
from costaudit.ingest.guess.result import Guess
from costaudit.ingest.guess.survey import LogColumn, Survey
from costaudit.ingest.guess.work import Work
from costaudit.ingest.paths import step_text

_SEVERAL: Final = frozenset({
    "requests", "reqs", "calls", "anfragen", "aufrufe", "requetes", "appels", "solicitudes", "llamadas",
    "件数", "回数", "次数",
})  # fmt: skip
"""Words for several requests."""
_FEWEST_DAYS: Final = 5
_BY_OTHERS: Final = frozenset(
    {"ts", "request_id", "call_id", "response_id", "provider", "model_served", "model_requested", "cost"}
)
"""Targets that are decided by more than a name."""


def guess_of(survey: Survey, prices: KnownPrices | None, files: Sequence[str] = ()) -> Guess:
    """What some columns are taken for. Without prices, names of models are known by their keys alone."""
    work = Work(survey, prices)
    find_models(work)
    find_provider(work)
    find_counts(work)
    find_time(work)
    find_sides_by_price(work)
    find_ids(work)
    _refuse_sums(work)
    check_weak_counts(work)
    _settle_cache(work)
    find_cost(work)
    find_attribution(work)
    find_latency(work)
    find_status(work)
    _take_known(work)
    if not {INPUT, OUTPUT, TOTAL, "cost_usd"} & work.taken.keys():
        work.refuse("no key is certain to count tokens or to be a cost in US dollars")
    return work.done(files)


def _refuse_sums(work: Work) -> None:
    """Records that each stand for several requests are no calls."""
    for column in work.survey.columns.values():
        if column.is_whole and _counts_requests(column) and max(column.numbers.values()) > 1:
            work.refuse(f"{column.path} counts several requests per record: the records are sums")
            return
    time, model = work.fields.get("timestamp"), work.fields.get("model")
    if time is None or model is None or work.survey.records < _FEWEST_DAYS or not of_whole_days(time):
        return
    texts = [c.by_row() for c in work.survey.columns.values() if c.is_text]
    rows = [tuple(text.get(row) for text in texts) for row in time.rows]
    if len(set(rows)) == len(rows) and model.distinct < len(rows):
        work.refuse(
            f"{time.path} has days, and no two records of one day are alike: the records seem to be sums"
        )


def _counts_requests(column: LogColumn) -> bool:
    if spelled(column.key) == SUM:
        return True
    words = column.words
    return bool(_SEVERAL & set(words.plain)) and words.known <= {"request", "count", "total"}


def _settle_cache(work: Work) -> None:
    """Say whether cached tokens stand inside of the input or beside it, as far as the numbers tell."""
    cached = [work.fields[f] for f in ("cache_read_tokens", "cache_write_tokens") if f in work.fields]
    asked = work.fields.get(INPUT)
    if not cached or asked is None:
        return
    shown = cache_is_beside(work)
    if shown is not None:
        work.beside = shown
        work.notes.append(
            f"cached tokens stand {'beside' if shown else 'inside of'} the input, as the cost shows"
        )
    elif any(n > asked.numbers.get(row, n) for column in cached for row, n in column.numbers.items()):
        work.beside = True
        work.notes.append("cached tokens stand beside the input: they exceed it in some records")
    elif work.beside:
        work.notes.append("cached tokens stand beside the input, as the names say")
    elif TOTAL not in work.fields:
        work.notes.append(
            "cached tokens are taken to be inside of the input, as in flat records: nothing shows it"
        )


def _take_known(work: Work) -> None:
    """What has the name of a flat record's field stays what it is."""
    paths = [*work.survey.columns, *work.survey.lists]
    for name, target in TARGETS.items():
        field = BY_TARGET[target]
        if target in _BY_OTHERS or step_text(name) not in paths or _is_settled(work, target):
            continue
        if field.kind in (FieldKind.COUNT, FieldKind.COST, FieldKind.STATUS) or name in work.left:
            continue
        if any(one.path == name for one in work.fields.values()):
            continue
        column = work.survey.columns.get(name) or LogColumn(name, name)
        if name == "error" and not column.size:
            continue
        work.take(field.names[0], column, "the name of a flat record")


def _is_settled(work: Work, target: str) -> bool:
    return any(TARGETS.get(field) == target for field in work.taken)
