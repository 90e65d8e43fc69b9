"""What levers say beside their money: the `detail` of each."""

from __future__ import annotations

from costaudit.render.part import Part, Usd


class CacheCause(Part, frozen=True, kw_only=True):
    """Tokens that were sent again and not read from a cache, by why."""

    cause: str
    """expired, prefix_changed, not_found, model_switched, never_marked or below_minimum."""
    requests: int
    tokens: int
    billed_usd: Usd
    """What these tokens were billed …"""
    lost_usd: Usd
    """… beyond what reading them from a cache costs."""


class CacheGap(Part, frozen=True, kw_only=True):
    """Calls by the time since the call that they go on with."""

    until_s: int | None
    """Seconds, included; null for all that is longer."""
    requests: int
    lost_tokens: int
    lost_usd: Usd


class CacheGroup(Part, frozen=True, kw_only=True):
    """The caches of one model or feature."""

    name: str | None
    requests: int
    input_usd: Usd
    saved_usd: Usd
    premium_usd: Usd
    lost_usd: Usd


class CacheBreak(Part, frozen=True, kw_only=True):
    """Where prompts of one model stop to begin as the one before: tokens from their beginning on."""

    model: str
    at_token: int
    """Tokens that were still read, in whole thousands."""
    requests: int
    lost_usd: Usd


class CacheSession(Part, frozen=True, kw_only=True):
    """A session that lost much, by where its first call stands."""

    file: str
    line: int
    requests: int
    lost_usd: Usd


class CacheWhatIf(Part, frozen=True, kw_only=True):
    """What another setting would save; negative where it would cost more."""

    name: str
    """hour_for_minutes, minutes_for_hour or mark_everything."""
    usd: Usd
    """Where a cache that is fresh is found as often as in this log …"""
    high_usd: Usd
    """… and where it is always found."""
    requests: int
    """Calls that would read from a cache what they sent anew, or the other way round."""


class CacheLedger(Part, frozen=True, kw_only=True):
    """The prompt caches of the calls that sessions and times tell of. The parts of the input add up to it."""

    requests: int
    sessions: int
    input_usd: Usd
    """read_usd + written_usd + fresh_usd; and read_usd + the billed_usd of all causes + new_usd."""
    read_tokens: int
    read_usd: Usd
    written_tokens: int
    written_usd: Usd
    fresh_tokens: int
    fresh_usd: Usd
    new_usd: Usd
    """What was sent for the first time, or after nothing that a cache could have held."""
    saved_usd: Usd
    """What reading from caches saved against plain input …"""
    premium_usd: Usd
    """… what writing to them cost beyond it …"""
    net_usd: Usd
    """… and the difference."""
    never_read_usd: Usd
    """Of the premium what no later call had anything of."""
    lost_usd: Usd
    found_share: float | None
    """Of what a cache could hold, the share that was read within its lifetime; null where nothing could."""
    causes: list[CacheCause]
    gaps: list[CacheGap]
    breaks: list[CacheBreak]
    what_if: list[CacheWhatIf]
    by_model: list[CacheGroup]
    by_feature: list[CacheGroup]
    worst_sessions: list[CacheSession]
