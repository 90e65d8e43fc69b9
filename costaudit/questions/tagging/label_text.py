"""What labels say, for the terminal: the answer first, plain lines that fit the width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from costaudit.money import shown
from costaudit.questions.audit import measured as m
from costaudit.questions.audit.shown.measured import interval, measured_line, percent
from costaudit.render.safe import display_width, pad, safe, wrap
from costaudit.schema import Tier

NARROWEST, WIDEST = 40, 120
_SKIPPED: Final = {
    "not_a_tier": "with a label that is no tier",
    "not_in_the_logs": "of requests that are not in these logs",
    "not_a_row": "without an id or a stratum",
    "repeated": "that contradict an earlier row",
}
_LINES: Final = 5
"""Lines of the sample that are named for each reason."""


def render_label_text(report: m.LabelReport, width: int) -> str:
    """The report in lines of at most `width` columns (at least 40)."""
    columns = min(max(width, NARROWEST), WIDEST)
    lines = [safe(line.rstrip(), columns) for line in _lines(report, columns)]
    return "\n".join(lines) + "\n"


def _lines(report: m.LabelReport, width: int) -> Iterator[str]:
    labels = report.labels
    yield from wrap(_headline(labels), width)
    yield ""
    yield from _prose(
        f"{labels.labelled:,} labels of {labels.rows:,} rows in {safe(labels.file, 60)}, for "
        f"{labels.requests:,} requests; weighted to all of them, with 95% intervals.",
        width,
    )
    if labels.drawn_from != labels.requests:
        yield from _prose(
            f"The sample was drawn from {labels.drawn_from:,} requests: these are not the same logs, and the "
            "weights are those of the draw.",
            width,
        )
    yield from _skipped(labels.skipped, width)
    yield from _table("Tags", ("", "share", "95% interval", "labels"), list(_tags(labels)), width)
    yield from _confusion(labels, width)
    yield from _table(
        "How sure, and how often right", ("confidence", "mean", "right", "95% interval", "labels"),
        [(f"{b.low}-{min(b.high, 100)}%", percent(b.confidence), *_figure(b.right))
         for b in labels.by_confidence], width,
    )  # fmt: skip
    if labels.calibration_error is not None:
        yield from _prose(f"Confidence is off by {percent(labels.calibration_error)} on average.", width)
    yield from _table(
        "By evidence", ("evidence", "right", "95% interval", "labels"),
        [(row.evidence, *_figure(row.right)) for row in labels.by_evidence], width,
    )  # fmt: skip
    yield from _table(
        "Share of requests by tier",
        ("tier", "tagged", "labels alone", "rectified", "95% interval"),
        [
            (f"{s.tier} {s.name}", percent(s.tagged), percent(s.labelled.value), percent(s.rectified.value),
             interval(s.rectified))
            for s in labels.tier_shares
        ], width,
    )  # fmt: skip
    yield from _saving(labels.saving, report.policy, width)
    yield from _calibration(report.calibration, width)


def _headline(labels: m.Labels) -> str:
    if labels.accuracy.value is None:
        return measured_line(labels)
    return f"{percent(labels.accuracy.value)} of tags are right ({interval(labels.accuracy)})"


def _prose(text: str, width: int) -> Iterator[str]:
    yield from ("  " + line for line in wrap(text, width - 2))


def _skipped(skipped: Sequence[m.SkippedLabel], width: int) -> Iterator[str]:
    for reason, words in _SKIPPED.items():
        lines = [s.line for s in skipped if s.reason == reason]
        if lines:
            named = ", ".join(map(str, lines[:_LINES])) + (" …" if len(lines) > _LINES else "")
            noun = "row" if len(lines) == 1 else "rows"
            yield from _prose(f"Left out: {len(lines):,} {noun} {words} (line {named}).", width)


def _figure(figure: m.Figure) -> tuple[str, str, str]:
    return percent(figure.value), interval(figure), f"{figure.n:,}"


def _tags(labels: m.Labels) -> Iterator[tuple[str, ...]]:
    for words, figure in (
        ("right, of tagged", labels.accuracy),
        ("the same, not weighted", labels.accuracy_unweighted),
        ("too low, of tagged", labels.too_low),
        ("too high, of tagged", labels.too_high),
        ("tier 2 and 3 tagged 0 or 1", labels.under_tiered),
        ("right or untagged", labels.not_wrong),
    ):
        yield words, *_figure(figure)
    yield "tagged, counted", percent(labels.tagged), "", ""


def _confusion(labels: m.Labels, width: int) -> Iterator[str]:
    head = ("true tier", *(f"as {tier.value}" for tier in Tier), "untagged")
    rows = [
        (f"{row.tier} {Tier(row.tier).label}", *(f"{n:,}" for n in row.predicted)) for row in labels.confusion
    ]
    yield from _table("Labels by true tier and tag", head, rows, width)


def _saving(saving: m.RoutingSaving | None, policy: str, width: int) -> Iterator[str]:
    if saving is None:
        return
    rows = [
        ("floor: strong tags only", percent(saving.floor), ""),
        ("point: tags the policy acts on", percent(saving.point), ""),
        ("ceiling: if every tag is right", percent(saving.ceiling), ""),
        ("rectified: every true tier routed", percent(saving.rectified.value), interval(saving.rectified)),
        ("of the point, on tags too low", percent(saving.unsafe.value), interval(saving.unsafe)),
    ]
    title = f"Saved by routing under policy {safe(policy, 30)}, of {shown(saving.list_usd)} list"
    yield from _table(title, ("", "share", "95% interval"), rows, width)


def _calibration(fit: m.CalibrationFit | None, width: int) -> Iterator[str]:
    if fit is None:
        return
    yield ""
    yield "Calibration"
    yield from _prose(
        f"Temperature {fit.temperature}, biases {' '.join(fit.biases)}, fitted on {fit.labels:,} labelled "
        f"prompts; log loss {fit.log_loss_before} before, {fit.log_loss_after} on labels left out.",
        width,
    )
    before, after = fit.log_loss_before, fit.log_loss_after
    if before is not None and after is not None and float(after) >= float(before):
        yield from _prose("That is no better: more labels are needed before it should be used.", width)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Figures flush right under their titles; columns from the right leave where the width ends."""
    if not rows:
        return
    yield ""
    yield from wrap(title, width)
    wide = [max(display_width(cells[i]) for cells in (head, *rows)) for i in range(len(head))]
    while sum(wide) + 2 * len(wide) > width and len(wide) > 2:
        wide.pop()
    for cells in (head, *rows):
        first, *rest = (
            pad(cell, w, right=i > 0) for i, (cell, w) in enumerate(zip(cells, wide, strict=False))
        )
        yield "  " + "  ".join([first, *rest])
