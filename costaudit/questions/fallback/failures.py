"""Why an attempt brought no answer, from its status and the error code that the log states."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from costaudit.schema import Status


class FailureReason(StrEnum):
    """Why there was no answer."""

    RATE_LIMIT = "rate_limit"
    """Too many requests, or a quota that is used up: 429, overloaded."""
    TIMEOUT = "timeout"
    SERVER = "server_error"
    """The provider's own error: 5xx, a broken connection."""
    UNUSABLE = "unusable"
    """An answer came and was not used: malformed, or replaced by a later attempt."""
    REFUSED = "refused"
    """The request itself was wrong or not allowed (400, 401, 404, a filter): asking again is no help."""
    CANCELLED = "cancelled"
    """Ended by the one who asked."""
    UNKNOWN = "unknown"
    """A failure whose code says nothing, or that has none."""


REASONS: Final = tuple(FailureReason)

TRANSIENT: Final = (
    FailureReason.RATE_LIMIT,
    FailureReason.TIMEOUT,
    FailureReason.SERVER,
    FailureReason.UNUSABLE,
    FailureReason.UNKNOWN,
)
"""Failures of who served: the same request may be answered by a later attempt."""

_CODES: Final = (
    (FailureReason.TIMEOUT, r"408|504|524|time[ _-]?d?[ _-]?out|deadline"),
    (
        FailureReason.RATE_LIMIT,
        r"429|529|rate[ _-]?limit|too[ _-]?many|overload|quota|throttl|resource[ _-]?exhausted|capacity",
    ),
    (
        FailureReason.SERVER,
        r"5\d\d|server|unavailable|internal|connection|bad[ _-]?gateway|api[ _-]?error|econn|network",
    ),
    (FailureReason.UNUSABLE, r"malformed|json|parse|schema|tool_use_failed|output_validation|incomplete"),
    (
        FailureReason.REFUSED,
        (
            r"4\d\d|invalid|not[ _-]?found|unauthor|forbidden|permission|authentication|content|policy"
            r"|filter|unsupported|unknown_parameter|context[ _-]?length|too[ _-]?(long|large)"
            r"|bad[ _-]?request|min_value"
        ),
    ),
    (FailureReason.CANCELLED, r"cancel|abort|client[ _-]?closed|disconnect"),
)
"""Patterns of error codes, the first that occurs decides. Codes are those of the providers' error pages
(OpenAI, Anthropic, Google, Bedrock) and the exceptions of their SDKs and of LiteLLM."""

_PATTERNS: Final = tuple(
    (reason, re.compile(rf"(?<![0-9])(?:{codes})(?![0-9])", re.IGNORECASE)) for reason, codes in _CODES
)


@lru_cache(maxsize=4096)
def reason_of(status: str, error_code: str | None) -> FailureReason | None:
    """The reason of an attempt; None for one that was answered.

    >>> reason_of("error", "429 rate_limit").value, reason_of("superseded", None).value, reason_of("ok", None)
    ('rate_limit', 'unusable', None)
    """
    if status in (Status.OK, Status.CACHE_HIT):
        return None
    if status == Status.SUPERSEDED:
        return FailureReason.UNUSABLE
    if status == Status.CANCELLED:
        return FailureReason.CANCELLED
    code = error_code or ""
    return next((reason for reason, pattern in _PATTERNS if pattern.search(code)), FailureReason.UNKNOWN)
