"""What labels say of the tags: the part of the reports that is measured on one's own traffic."""

from __future__ import annotations

from typing import Literal

from costaudit.render.part import SCHEMA, Part, Usd


class Figure(Part, frozen=True, kw_only=True):
    """A share with its 95 % interval; null where no label says anything of it.

    The interval alone is null where the labels nowhere differ from the tags: it is not known then.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Labelled requests that it rests on."""


class ConfusionRow(Part, frozen=True, kw_only=True):
    """Labelled requests of one true tier, by the tier that they were given."""

    tier: int
    predicted: list[int]
    """Requests tagged 0, 1, 2, 3 and, last, untagged."""
    weighted: list[float]
    """The same as shares of all requests of the log."""


class ConfidenceBand(Part, frozen=True, kw_only=True):
    """Labelled requests whose tag has a confidence from low to high, in percent."""

    low: int
    high: int
    confidence: float
    """Mean confidence, 0 to 1."""
    right: Figure
    """Share of right tags, each label counted once."""


class EvidenceRow(Part, frozen=True, kw_only=True):
    """Labelled requests whose tag rests on one kind of evidence."""

    evidence: str
    right: Figure
    """Share of right tags, each label counted once."""


class TierShare(Part, frozen=True, kw_only=True):
    """Which share of the requests is of a tier."""

    tier: int
    name: str
    tagged: float
    """By the tags."""
    labelled: Figure
    """By the labels alone, weighted."""
    rectified: Figure
    """By tags and labels together: the tags of all requests, and what the labels say they miss."""


class RoutingSaving(Part, frozen=True, kw_only=True):
    """What routing takes off the list price of the requests that could be labelled, as shares of it.

    A saving is negative where verification costs more than routing saves.
    """

    list_usd: Usd
    floor: float
    """Only strong tags move a request."""
    point: float
    """Tags that the policy acts on, as in the projection."""
    ceiling: float
    """If every tag is right."""
    rectified: Figure
    """If every request is routed by its true tier: by tags and labels together."""
    unsafe: Figure
    """The part of the point that stands on tags below the true tier."""


class CalibrationFit(Part, frozen=True, kw_only=True):
    """A calibration of the text scores, fitted on these labels."""

    temperature: str
    biases: list[str]
    labels: int
    log_loss_before: str | None
    log_loss_after: str | None
    """Of labels that were left out when it was fitted."""


class SkippedLabel(Part, frozen=True, kw_only=True):
    """A row of the sample that does not count."""

    line: int
    reason: Literal["not_a_tier", "not_in_the_logs", "not_a_row", "repeated"]


class Labels(Part, frozen=True, kw_only=True):
    """Labelled requests against their tags."""

    file: str
    rows: int
    """Rows of the sample."""
    labelled: int
    """Labels that count."""
    skipped: list[SkippedLabel]
    requests: int
    """Requests of the log that could be labelled: answered, and by a chat model where that is known."""
    drawn_from: int
    """Requests that could be labelled when the sample was drawn."""
    accuracy: Figure
    """Share of right tags among tagged requests, weighted to the log."""
    accuracy_unweighted: Figure
    not_wrong: Figure
    """Share of requests with a right tag or with none, weighted."""
    tagged: float
    """Share of requests with a tag."""
    under_tiered: Figure
    """Of the requests of tier 2 and 3, the share tagged 0 or 1, weighted."""
    too_low: Figure
    """Share of tags below the true tier, weighted."""
    too_high: Figure
    confusion: list[ConfusionRow]
    by_confidence: list[ConfidenceBand]
    calibration_error: float | None
    """Mean distance between confidence and share right over the bands (expected calibration error)."""
    by_evidence: list[EvidenceRow]
    tier_shares: list[TierShare]
    saving: RoutingSaving | None
    """null where nothing has a price."""


class LabelReport(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """`costaudit label --read`."""

    schema_: Literal["costaudit/labels@1"] = "costaudit/labels@1"
    version: str
    exit_code: int = 0
    policy: str
    labels: Labels
    calibration: CalibrationFit | None = None
    """Only with --save."""
