"""Labels against the log: which requests a sample is drawn from, and what the labels say of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.audit import Requests
from costaudit.engine.choose import Chosen
from costaudit.engine.plan import Plan
from costaudit.engine.rows import ROUTE_DIGITS, JudgedRows
from costaudit.errors import InputError
from costaudit.ingest.request_id import request_ids
from costaudit.money import EXACT
from costaudit.questions.audit import measured as m
from costaudit.questions.tagging.labelfile import Sample, excerpt, parse_label
from costaudit.questions.tagging.rows import columns_of
from costaudit.routing.offers import SCALE
from costaudit.schema import UNTAGGED, Status, Tier
from costaudit.tape.tape import AT, Tape
from costaudit.tape.texts import with_texts
from costaudit.tiers.calibration import Calibration
from costaudit.tiers.columns import TEXTS
from costaudit.tiers.evidence import Evidence
from costaudit.tiers.labels import (
    LabelEstimate,
    SampleDesign,
    calibration_error,
    confusion,
    plain_share,
    reliability,
)
from costaudit.tiers.sampling import Drawn, Sampler

"""Verification multiples have at most six decimals."""


def labelable(judged: JudgedRows) -> npt.NDArray[np.bool_]:
    """Requests whose tier can be asked for: answered, and not by a model known to be no chat model."""
    ok = judged.words["status"].among(Status.OK)
    can: npt.NDArray[np.bool_] = ok & (judged.chat | (judged.card < 0))
    return can


# Drawing


def draw_sample(
    blocks: Iterable[Requests], tape: Tape, plan: Plan, n: int, seed: int, *, with_text: bool
) -> list[Drawn[Mapping[str, Any]]]:
    """A sample of `n` requests in random order; prompts are excerpts, and only there with `with_text`.

    The tape must keep ids. Raises InputError when no request can be labelled.
    """
    sampler: Sampler[_Candidate] = Sampler(n, seed)
    for requests in blocks:
        _offer(sampler, requests, plan)
    if not sampler.requests:
        raise InputError("no request can be labelled", hint="all failed, or none was made to a chat model")
    drawn = sampler.draw()
    if not drawn:
        return []
    whole = with_texts(_stacked([one.value.at for one in drawn]), tape, plan.tagger)
    texts = {
        name: whole.column(name).to_pylist() if name in whole.schema.names else [None] * len(drawn)
        for name in TEXTS
    }
    told = [
        _told(one.value.columns | {name: texts[name][row] for name in TEXTS}, with_text=with_text)
        for row, one in enumerate(drawn)
    ]
    return [
        Drawn(one.key, one.stratum, one.stratum_requests, one.weight, values)
        for one, values in zip(drawn, told, strict=True)
    ]


class _Candidate(msgspec.Struct):
    """A request that may be drawn."""

    columns: dict[str, Any] = msgspec.field(default_factory=dict)
    """Those of `costaudit tag`, without texts."""
    at: pa.RecordBatch = msgspec.field(default_factory=lambda: pa.RecordBatch.from_pydict({}))
    """A batch of one row that says what records it was made of."""


def _stacked(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(parts).combine_chunks().to_batches()[0]


def _offer(sampler: Sampler[_Candidate], requests: Requests, plan: Plan) -> None:
    judged = requests.judged
    rows = np.flatnonzero(labelable(judged))
    if not rows.size:
        return
    units = np.where(judged.card >= 0, judged.list_units, -1).tolist()
    tiers, ids = judged.tags.tier.tolist(), request_ids(requests.batch)
    drawn: dict[int, _Candidate] = {}  # filled below: few rows of a block can still be drawn
    for row in rows.tolist():
        file, line = requests.reel.place(row)
        place = f"{file}:{line:012d}"
        sampler.offer(tiers[row], units[row], ids[row], place, partial(drawn.setdefault, row, _Candidate()))
    some = requests.take(np.array([*drawn], np.intp), plan)
    columns, at = columns_of(some, plan, with_text=False), some.reel.batch.select([AT])
    for number, candidate in enumerate(drawn.values()):
        candidate.columns = {name: column[number] for name, column in columns.items()}
        candidate.at = at.slice(number, 1)


def _told(values: dict[str, Any], *, with_text: bool) -> dict[str, Any]:
    """The columns of a request with texts as their lengths, or as an excerpt."""
    prompt, system = values.pop("prompt"), values.pop("system")
    return values | {
        "prompt_characters": None if prompt is None else len(prompt),
        "system_characters": None if system is None else len(system),
        "prompt": excerpt(prompt) if with_text else None,
    }


# Reading back


class Labelled(msgspec.Struct, frozen=True):
    """The labels of a sample that are tiers, by the id of their request."""

    sample: Sample
    tiers: Mapping[str, int]
    strata: Mapping[str, str]
    lines: Mapping[str, int]
    skipped: tuple[tuple[int, str], ...]
    """Lines of rows that do not count, with the reason."""


def read_labels(sample: Sample) -> Labelled:
    """The labels of a sample; raises InputError when there is none that is a tier."""
    tiers: dict[str, int] = {}
    lines: dict[str, int] = {}
    strata: dict[str, str] = {}
    skipped = [(line, "not_a_row") for line in sample.broken]
    for row, line in zip(sample.rows, sample.lines, strict=True):
        ident = row["id"].strip()
        try:
            tier = parse_label(row["label"])
        except ValueError:
            skipped.append((line, "not_a_tier"))
            continue
        if tier is None:
            continue
        if ident in tiers:
            if tiers[ident] != tier:
                skipped.append((line, "repeated"))
            continue
        tiers[ident], lines[ident], strata[ident] = tier, line, row["stratum"]
    if not tiers:
        where = min(skipped)[0] if skipped else None
        what = "none of the labels is a tier" if skipped else "nothing is labelled"
        raise InputError(what, path=sample.path, line=where, hint="write 0, 1, 2 or 3 into the column label")
    return Labelled(sample, tiers, strata, lines, tuple(sorted(skipped)))


class _Found(msgspec.Struct):
    """A labelled request in the log."""

    label: int
    stratum: str
    tier: int
    confidence: int
    evidence: int
    scores: list[int]
    predicted_saving: int
    """1e-19 USD at list, as the policy acts on the tag."""
    true_saving: int
    """The same if the tag were the label."""


class Gathered(msgspec.Struct):
    """What a reading of the log finds of the labels, with sums over all requests that could be labelled."""

    found: dict[str, _Found] = msgspec.field(default_factory=dict)
    requests: int = 0
    by_tier: list[int] = msgspec.field(default_factory=lambda: [0] * (len(Tier) + 1))
    """Requests by tag; the last is untagged."""
    list_units: int = 0
    """In 1e-19 USD."""
    priced: int = 0
    saving: dict[int, int] = msgspec.field(default_factory=lambda: {1: 0, 2: 0, 3: 0})
    """Savings at list in 1e-19 USD when tags from a confidence band on are believed, before verification."""
    verified: dict[int, int] = msgspec.field(default_factory=lambda: {1: 0, 2: 0})
    """Verification of the tier-3 tags from a band on."""
    squares: int = 0
    """Sum of the squared savings at the point."""


def gather(blocks: Iterable[Requests], plan: Plan, labelled: Labelled) -> Gathered:
    """Find the labelled requests in the log, and sum up what all of them come to."""
    total = Gathered()
    wanted = labelled.tiers
    for requests in blocks:
        can = labelable(requests.judged)
        _add(total, requests.judged, plan, can)
        rows = [row for row, ident in enumerate(request_ids(requests.batch)) if ident in wanted and can[row]]
        if rows:
            _find(total, requests.take(np.array(rows, np.intp), plan), plan, labelled)
    return total


def _savings(judged: JudgedRows, plan: Plan, route: Chosen) -> tuple[Any, Any]:
    """What a routing takes off the list price, and what verifying it costs, in 1e-19 USD per call."""
    priced = judged.card >= 0
    routed = judged.route_units(plan, route.any)
    saved = np.where(priced, judged.list_units.astype(object) * SCALE - routed, 0)
    return saved, np.where(priced, judged.verification_units(plan, route, routed), 0)


def _add(total: Gathered, judged: JudgedRows, plan: Plan, can: npt.NDArray[np.bool_]) -> None:
    tags, priced = judged.tags, can & (judged.card >= 0)
    total.requests += int(can.sum())
    counts = np.bincount(np.where(tags.tier == UNTAGGED, len(Tier), tags.tier)[can], minlength=len(Tier) + 1)
    total.by_tier = [a + int(b) for a, b in zip(total.by_tier, counts, strict=True)]
    total.priced += int(priced.sum())
    total.list_units += sum(judged.list_units[priced].tolist()) * SCALE
    saved, cost = _savings(judged, plan, judged.route)
    band = judged.bands(plan.policy)
    for least in total.saving:
        total.saving[least] += sum(saved[priced & (band >= least)].tolist())
    for least in total.verified:
        total.verified[least] += sum(cost[priced & (band >= least)].tolist())
    point = (saved - cost)[priced & (band >= 2)]
    total.squares += sum(value * value for value in point.tolist())


def _find(total: Gathered, requests: Requests, plan: Plan, labelled: Labelled) -> None:
    judged, batch = requests.judged, requests.batch
    ids, tags = request_ids(batch), judged.tags
    truth = np.array([labelled.tiers[ident] for ident in ids], np.int8)
    acted = judged.bands(plan.policy) >= 2
    saved, cost = _savings(judged, plan, judged.route)
    predicted = np.where(acted, saved - cost, 0)
    true_saved, true_cost = _savings(judged, plan, judged.routed_as(plan, truth))
    scores = plan.tagger.text_scores(batch)
    for row, ident in enumerate(ids):
        total.found.setdefault(ident, _Found(
            label=int(truth[row]), stratum=labelled.strata[ident], tier=int(tags.tier[row]),
            confidence=int(tags.confidence[row]), evidence=int(tags.evidence[row]),
            scores=[int(s) for s in scores[row]], predicted_saving=int(predicted[row]),
            true_saving=int(true_saved[row] - true_cost[row]),
        ))  # fmt: skip


# Measuring


def text_scores_of(gathered: Gathered, labelled: Labelled) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Text scores and labels of the labelled requests, in the random order of the sample."""
    found = [gathered.found[ident] for ident in labelled.tiers if ident in gathered.found]
    return np.array([f.scores for f in found], np.int64), np.array([f.label for f in found], np.int64)


def measure(gathered: Gathered, labelled: Labelled) -> m.Labels:
    """The report on the labels. Raises InputError when none of the labelled requests is in the log."""
    found = [gathered.found[ident] for ident in labelled.tiers if ident in gathered.found]
    if not found:
        hint = "are these the logs that the sample was drawn from?"
        raise InputError("no labelled request is in the logs", path=labelled.sample.path, hint=hint)
    sizes = labelled.sample.sizes
    design = SampleDesign.of([f.stratum for f in found], sizes)
    true = np.array([f.label for f in found])
    tier = np.array([f.tier for f in found])
    tagged, right = tier != UNTAGGED, tier == true
    bands = reliability(np.array([f.confidence for f in found])[tagged], right[tagged])
    return m.Labels(
        file=labelled.sample.path,
        rows=len(labelled.sample.rows) + len(labelled.sample.broken),
        labelled=len(found),
        skipped=_skipped(gathered, labelled),
        requests=gathered.requests,
        drawn_from=sum(sizes.values()),
        accuracy=_figure(design.share(right, tagged)),
        accuracy_unweighted=_figure(plain_share(right[tagged])),
        not_wrong=_figure(design.share(right | ~tagged)),
        tagged=_rounded(1 - gathered.by_tier[len(Tier)] / gathered.requests),
        under_tiered=_figure(design.share(tagged & (tier < Tier.COMPLEX), true >= Tier.COMPLEX)),
        too_low=_figure(design.share(tier < true, tagged)),
        too_high=_figure(design.share(tier > true, tagged)),
        confusion=_confusion(true, tier, design),
        by_confidence=[
            m.ConfidenceBand(
                low=b.low, high=b.high, confidence=_rounded(b.confidence), right=_figure(b.right)
            )
            for b in bands
        ],
        calibration_error=_rounded_or_none(calibration_error(bands)),
        by_evidence=_by_evidence(found, right),
        tier_shares=_tier_shares(gathered, true, tier, design),
        saving=_saving(gathered, found, design),
    )


def _skipped(gathered: Gathered, labelled: Labelled) -> list[m.SkippedLabel]:
    absent = [(labelled.lines[i], "not_in_the_logs") for i in labelled.tiers if i not in gathered.found]
    rows: list[tuple[int, Any]] = sorted([*labelled.skipped, *absent])
    return [m.SkippedLabel(line=line, reason=reason) for line, reason in rows]


def _rounded(value: float) -> float:
    """Six decimals: sums of doubles in another order differ far behind them."""
    return float(round(value, 6)) + 0.0  # numbers of numpy are no floats to a reader of the report


def _rounded_or_none(value: float | None) -> float | None:
    return None if value is None else _rounded(value)


def _figure(e: LabelEstimate) -> m.Figure:
    return m.Figure(
        value=_rounded_or_none(e.value), low=_rounded_or_none(e.low), high=_rounded_or_none(e.high), n=e.n
    )


def _confusion(true: Any, tier: Any, design: SampleDesign) -> list[m.ConfusionRow]:
    counts, weighted = confusion(true, tier), confusion(true, tier, design.weights)
    return [
        m.ConfusionRow(
            tier=int(t),
            predicted=[int(x) for x in counts[t]],
            weighted=[_rounded(float(x)) for x in weighted[t]],
        )
        for t in Tier
    ]


def _by_evidence(found: Sequence[_Found], right: Any) -> list[m.EvidenceRow]:
    kinds = np.array([f.evidence for f in found])
    return [
        m.EvidenceRow(evidence=kind.name.lower(), right=_figure(plain_share(right[kinds == kind])))
        for kind in reversed(Evidence)
        if kind != Evidence.NONE and (kinds == kind).any()
    ]


def _tier_shares(gathered: Gathered, true: Any, tier: Any, design: SampleDesign) -> list[m.TierShare]:
    n = gathered.requests
    rows = []
    for t in Tier:
        share = gathered.by_tier[t] / n
        rows.append(
            m.TierShare(
                tier=int(t), name=t.label, tagged=_rounded(share), labelled=_figure(design.share(true == t)),
                rectified=_figure(design.rectified_share(tier == t, true == t, share, n)),
            )
        )  # fmt: skip
    return rows


def _saving(gathered: Gathered, found: Sequence[_Found], design: SampleDesign) -> m.RoutingSaving | None:
    """Shares of the list price: every saving is measured in mean list prices of a request."""
    n, cost = gathered.requests, gathered.list_units
    if not cost:
        return None
    mean_cost = cost / n
    point = gathered.saving[2] - gathered.verified[2]
    variance = (gathered.squares / n - (point / n) ** 2) / mean_cost**2
    predicted = np.array([f.predicted_saving / mean_cost for f in found])
    true = np.array([f.true_saving / mean_cost for f in found])
    too_low = np.array([f.tier != UNTAGGED and f.tier < f.label for f in found])
    unsafe = np.where(too_low, np.maximum(predicted, 0.0), 0.0)
    none = np.zeros(len(found))
    return m.RoutingSaving(
        list_usd=Decimal(cost).scaleb(-ROUTE_DIGITS, EXACT),
        floor=_rounded((gathered.saving[3] - gathered.verified[1]) / cost),
        point=_rounded(point / cost),
        ceiling=_rounded((gathered.saving[1] - gathered.verified[2]) / cost),
        rectified=_figure(design.rectified(predicted, true, point / cost, max(variance, 0.0), n)),
        unsafe=_figure(_at_least_0(design.rectified(none, unsafe, 0.0, 0.0, n))),
    )


def _at_least_0(e: LabelEstimate) -> LabelEstimate:
    return LabelEstimate(e.value, None if e.low is None else max(e.low, 0.0), e.high, e.n)


def fitted(calibration: Calibration) -> m.CalibrationFit:
    """A calibration as a part of the report."""
    loss: dict[Literal["before", "after"], Decimal | None] = {
        "before": calibration.log_loss_before,
        "after": calibration.log_loss_after,
    }
    return m.CalibrationFit(
        temperature=str(calibration.temperature),
        biases=[str(bias) for bias in calibration.biases],
        labels=calibration.labels,
        log_loss_before=None if loss["before"] is None else str(loss["before"]),
        log_loss_after=None if loss["after"] is None else str(loss["after"]),
    )
