"""What labels say of the tags, in a sentence."""

from __future__ import annotations

from costaudit.questions.audit import measured as m


def percent(value: float | None) -> str:
    """A share for the eye.

    >>> percent(0.8412), percent(None), percent(-0.002)
    ('84.1%', '—', '-0.2%')
    """
    return "—" if value is None else f"{100 * value + 0.0:.1f}%"


def interval(figure: m.Figure) -> str:
    """A 95 % interval for the eye."""
    if figure.value is None:
        return ""
    return "not known" if figure.low is None else f"{percent(figure.low)} to {percent(figure.high)}"


def measured_line(labels: m.Labels) -> str:
    """How often tags are right on this traffic, in one sentence."""
    if labels.accuracy.value is None:
        return f"Tags: none of {labels.labelled:,} labelled requests has one."
    return (
        f"Tags measured on your traffic: {percent(labels.accuracy.value)} right "
        f"({interval(labels.accuracy)}), by {labels.labelled:,} labelled requests."
    )
