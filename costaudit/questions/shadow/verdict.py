"""What can be concluded from two arms, and what cannot: one sentence each, from the intervals alone."""

from __future__ import annotations

from typing import Final

from costaudit.questions.shadow.result import Arm, Contrast, Paired, Strata
from costaudit.render.figures import share
from costaudit.render.part import Interval

PAIRED_SHARE: Final = 0.5
"""Share of the smaller arm that must be paired for the pairs to speak for it."""

_PAIRS: Final = 30


def conclude(
    arms: tuple[Arm, Arm],
    contrast: Contrast,
    strata: Strata,
    paired: Paired | None,
    *,
    margin: float,
    mixed: bool,
) -> tuple[list[str], list[str]]:
    """What is shown, and what is left open. Every statement is at 95 % confidence by itself."""
    shown: list[str] = []
    left: list[str] = []
    uses_pairs = speaks(paired)
    _cost(contrast, strata, paired if uses_pairs else None, mixed, shown, left)
    _quality(contrast, paired if uses_pairs else None, arms, margin, shown, left)
    _failures(contrast, arms, shown, left)
    _latency(contrast, shown, left)
    return shown, left


def speaks(paired: Paired | None) -> bool:
    """Whether there are pairs enough to speak for the arms."""
    return (
        paired is not None and paired.pairs >= _PAIRS and max(paired.share_a, paired.share_b) >= PAIRED_SHARE
    )


def _cost(
    contrast: Contrast,
    strata: Strata,
    paired: Paired | None,
    mixed: bool,
    shown: list[str],
    left: list[str],
) -> None:
    found, how = contrast.cost_ratio, ""
    if paired is not None and paired.cost_ratio is not None:
        found, how = paired.cost_ratio, " over the same requests"
    elif mixed:
        if strata.cost_ratio is None:
            left.append("Cost: the arms do different work, and no feature has enough requests in both.")
            return
        found, how = strata.cost_ratio, " at A's mix of features"
        if strata.share_covered < 0.9:
            how += f" ({share(strata.share_covered, 1)} of the requests are of features that both have)"
    if found is None:
        left.append("Cost: requests without a price, or without a cost, cannot be compared.")
    elif found.low is None or found.high is None:
        left.append("Cost: too few days or requests for an interval.")
    elif found.high < 1:
        shown.append(
            f"B costs {_percent(1 - found.point)} less per request than A{how} "
            f"({_percent(1 - found.high)} to {_percent(1 - found.low)} less)."
        )
    elif found.low > 1:
        shown.append(
            f"B costs {_percent(found.point - 1)} more per request than A{how} "
            f"({_percent(found.low - 1)} to {_percent(found.high - 1)} more)."
        )
    else:
        left.append(f"Cost{how}: B may cost {_either(found)} per request.")


def _either(found: Interval) -> str:
    if found.low is None or found.high is None:
        raise AssertionError("an interval has two ends here")
    return f"between {_percent(1 - found.low)} less and {_percent(found.high - 1)} more"


def _percent(fraction: float) -> str:
    size = 100 * fraction
    return f"{size:.0f}%" if abs(size) >= 200 else f"{size:.1f}%"


def signed(fraction: float) -> str:
    """A difference of shares in points, with its sign; what rounds to nothing has none.

    >>> signed(0.0123), signed(-0.0001)
    ('+1.2', '0.0')
    """
    text = f"{100 * fraction:+.1f}"
    return text if text[1:] != "0.0" else "0.0"


def _points(fraction: float) -> str:
    return f"{100 * abs(fraction):.1f} points"


def _quality(
    contrast: Contrast,
    paired: Paired | None,
    arms: tuple[Arm, Arm],
    margin: float,
    shown: list[str],
    left: list[str],
) -> None:
    found, how = contrast.pass_difference, ""
    if paired is not None and paired.judged_by == "outcome" and paired.judged_pairs:
        found, how = paired.difference, " over the same requests"
    if not arms[0].judged and not arms[1].judged:
        left.append("Quality: nothing says which answers are good; name them with --outcomes.")
        return
    if found is None or found.low is None or found.high is None:
        left.append("Quality: only one arm has outcomes.")
        return
    span = f"{signed(found.low)} to {signed(found.high)} points"
    if found.high < 0:
        shown.append(f"B passes {_points(found.point)} less often than A{how} ({span}).")
    elif found.low > 0:
        shown.append(f"B passes {_points(found.point)} more often than A{how} ({span}).")
    if found.low > -margin:
        if found.low <= 0:
            shown.append(f"B does not pass {_points(margin)} less often than A, or worse{how} ({span}).")
    elif found.high >= 0:
        left.append(
            f"Quality{how}: a drop of up to {_points(found.low)} cannot be excluded, and the margin is "
            f"{_points(margin)} ({span}); shadow plan says how many requests would."
        )


def _failures(contrast: Contrast, arms: tuple[Arm, Arm], shown: list[str], left: list[str]) -> None:
    found = contrast.failure_difference
    if found is None or found.low is None or found.high is None:
        return
    if not arms[0].failures and not arms[1].failures:
        return
    span = f"{signed(found.low)} to {signed(found.high)} points"
    if found.low > 0 or found.high < 0:
        more = "more" if found.point > 0 else "less"
        shown.append(f"B fails {_points(found.point)} {more} often than A ({span}).")
    else:
        left.append(f"Failures: no difference is shown ({span}).")


def _latency(contrast: Contrast, shown: list[str], left: list[str]) -> None:
    found = contrast.latency_ms_median_difference
    if found is None:
        return
    if found.low is None or found.high is None:
        left.append("Latency: too few requests for an interval.")
    elif found.low > 0 or found.high < 0:
        more = "slower" if found.point > 0 else "faster"
        low, high = sorted((abs(found.low), abs(found.high)))
        shown.append(
            f"B is {abs(found.point):,.0f} ms {more} at the median than A ({low:,.0f} to {high:,.0f} ms)."
        )
    else:
        left.append(
            f"Latency: no difference at the median is shown ({found.low:+,.0f} to {found.high:+,.0f} ms)."
        )
