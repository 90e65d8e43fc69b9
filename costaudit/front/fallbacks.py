"""What failed in some logs, and what other fallback chains would have come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from costaudit.front.reading import LogReading, opened_logs

if TYPE_CHECKING:
    from costaudit.questions.fallback.result import FallbackReport


def replayed(
    paths: Sequence[str], reading: LogReading, chains: Sequence[str], outages: Sequence[str]
) -> FallbackReport:
    """The report on some logs; raises UsageError for a chain or an outage that is none, or InputError."""
    from costaudit.questions.fallback.attempts import read_attempts  # noqa: PLC0415 - start-up
    from costaudit.questions.fallback.build import build_fallback, chains_for, members_named  # noqa: PLC0415
    from costaudit.questions.fallback.chain import parse_chain  # noqa: PLC0415
    from costaudit.questions.fallback.members import ChainMembers  # noqa: PLC0415
    from costaudit.questions.fallback.outage import parse_outage  # noqa: PLC0415
    from costaudit.routing.policy_load import load_policy, policy_roster  # noqa: PLC0415

    policy = reading.policy
    known = chains_for(load_policy(policy), [parse_chain(text) for text in chains])
    parsed = [parse_outage(text) for text in outages]
    with opened_logs(paths, reading) as logs:
        members = ChainMembers.of(logs.plan, members_named(known), policy_roster(policy))
        log = read_attempts(logs.requests, logs.plan, members)
        return build_fallback(log, members, known, parsed, logs.passed)
