"""Requests of one kind vote on their tier: once each, in any order, under a risk."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from costaudit.ingest.canonical import batch_of
from costaudit.schema import UNTAGGED, Call
from costaudit.tiers.columns import BatchColumns
from costaudit.tiers.evidence import Evidence
from costaudit.tiers.fingerprint import NO_PRINT, Prints, fingerprints
from costaudit.tiers.rules import load_rules
from costaudit.tiers.ruleset import VOTE_RULE
from costaudit.tiers.tagger import Tagger
from costaudit.tiers.votes import VOICES, BallotBox, Ballots, Votes

SURE = {0: (900, 60, 30, 10), 1: (60, 800, 120, 20), 2: (10, 60, 900, 30), 3: (0, 0, 100, 900)}


def prints_of(narrow: list[int], wide: list[int] | None = None, voters: list[int] | None = None) -> Prints:
    """Fingerprints with even numbers as narrow ones and odd as wide; every row its own voter."""
    n = len(narrow)
    return Prints(
        np.array(narrow, np.uint64),
        np.array(wide or [0] * n, np.uint64),
        np.array(voters or range(1, n + 1), np.uint64),
    )


def count(prints: Prints, tiers: list[int], risk: float = 0.3) -> Votes:
    box = BallotBox()
    box.add(Ballots.cast(prints, np.array([SURE[t] for t in tiers])))
    return box.count(risk)


def outcome(tiers: list[int], risk: float = 0.3) -> int | None:
    votes = count(prints_of([2] * len(tiers)), tiers, risk)
    return int(votes.tier[0]) if len(votes) else None


@pytest.mark.parametrize(
    ("tiers", "tier"),
    [
        ([0, 0], None),  # two are too few
        ([0, 0, 0], 0),
        ([0] * 9 + [2], 0),
        ([0] * 8 + [2] * 2, 0),  # of all their scores 27.8 % are above 0
        ([0] * 7 + [1] * 3, 1),  # 35.2 %
        ([0] * 7 + [2] * 3, 2),  # 36.7 % above 0, 30.7 % above 1
        ([0] * 6 + [2] * 4, UNTAGGED),  # they do not agree
        ([1] * 8 + [0] * 2, 1),
        ([2] * 10, 2),
        ([3] * 10, 3),
    ],
)
def test_the_tier_of_most_within_the_risk(tiers: list[int], tier: int | None):
    assert outcome(tiers) == tier


def test_a_stricter_risk_raises_the_tier():
    tiers = [0] * 8 + [2] * 2
    assert outcome(tiers, 0.3) == 0
    assert outcome(tiers, 0.15) == 2


def test_a_request_that_is_logged_often_votes_once():
    tiers, voters = [0] * 30 + [2] * 8, [1] * 30 + [*range(2, 10)]
    votes = count(prints_of([2] * 38, voters=voters), tiers)
    assert (votes.tier.tolist(), votes.agreement.tolist()) == ([2], [88])  # 8 of 9


def test_votes_do_not_depend_on_blocks_order_or_repetition():
    chance = random.Random(5)  # noqa: S311 - the same on every run
    rows = [
        (chance.randrange(2, 40) * 2, chance.randrange(1, 3000), chance.choice([0, 0, 0, 1, 2]))
        for _ in range(4000)
    ]
    once = {(group, voter): tier for group, voter, tier in rows}
    rows = [(group, voter, tier) for (group, voter), tier in once.items()]

    def counted(parts: list[list[tuple[int, int, int]]]) -> list[Any]:
        box = BallotBox()
        for part in parts:
            prints = prints_of([r[0] for r in part], voters=[r[1] for r in part])
            box.add(Ballots.cast(prints, np.array([SURE[r[2]] for r in part])))
        votes = box.count()
        return [x.tolist() for x in (votes.groups, votes.tier, votes.confidence, votes.agreement)]

    whole = counted([rows])
    shuffled = rows[:]
    chance.shuffle(shuffled)
    assert counted([shuffled[i::7] for i in range(7)]) == whole
    assert counted([rows, shuffled]) == whole
    assert len(whole[0]) == 38
    assert max(sum(1 for r in rows if r[0] == g) for g in whole[0]) > VOICES


def test_an_endpoint_decides_only_where_it_agrees_and_templates_go_first():
    prints = prints_of([0] * 12 + [4, 4, 4], [7] * 12 + [7, 7, 7])
    votes = count(prints, [0] * 12 + [2, 2, 2])
    assert votes.groups.tolist() == [4, 7]
    assert votes.tier.tolist() == [2, 0]
    place = votes.of(prints_of([4, 0, 8, 0], [7, 7, 9, 0]))
    assert [votes.groups.tolist()[p] if p >= 0 else None for p in place] == [4, 7, None, None]
    mixed = count(prints_of([0] * 20, [7] * 20), [0] * 10 + [2] * 10)
    assert len(mixed) == 0  # every request keeps its own tag


def batch(*calls: Call) -> pa.RecordBatch:
    return batch_of(calls)


def test_what_a_fingerprint_is_made_of():
    def prints(**fields: Any) -> tuple[int, int]:
        found = fingerprints(BatchColumns(Tagger(load_rules()).read(batch(Call(**fields)))))
        return int(found.narrow[0]), int(found.wide[0])

    base = prints(feature="triage", system="You label.", prompt="Support ticket 81: label it, please")
    assert (
        prints(feature="triage", system="You label.", prompt="Support ticket 4711: label it, please") == base
    )
    assert prints(feature="triage", system="You label.", prompt="support ticket 9: something else") == base
    assert prints(feature="other", system="You label.", prompt="Ticket 81: label it")[1] != base[1]
    assert prints(feature="triage", system="You judge.", prompt="Ticket 81: label it")[1] != base[1]
    assert prints(feature="triage", system="You label.", prompt="Write a poem about rain")[0] != base[0]
    assert prints(prompt="Ticket 81: label it")[1] == NO_PRINT
    assert prints(feature="triage")[0] == NO_PRINT


CLASSIFY = "Classify the sentiment of this review as positive or negative: {}"
REVIEWS = [
    "Great food and kind staff.",
    "Never again, cold soup.",
    "It was fine.",
    "The doctor said my dose was wrong.",
    "Prove that the series converges, my son asked the waiter.",
    "Implement a function? No, serve coffee!",
]


def tags_of(calls: list[Call], risk: float = 0.3) -> tuple[Any, Any]:
    """Tags before and after the vote."""
    tagger = Tagger(load_rules(), risk=risk)
    judged = tagger.judge(batch_of(calls))
    box = BallotBox()
    ballots = judged.ballots()
    if ballots is not None:
        box.add(ballots)
    return judged.tags, tagger.with_votes(box.count(risk)).settle(judged)


def test_rows_follow_their_fingerprint_but_for_structure_and_tier_3():
    calls = [Call(call_id=f"c{i}", feature="x-1", prompt=CLASSIFY.format(REVIEWS[i % 6])) for i in range(24)]
    odd = Call(call_id="odd", feature="x-1", prompt="Hmm, and what about the second one, then?")
    tools = Call(call_id="t", feature="x-1", prompt=CLASSIFY.format("ok"), has_tools=True, input=9000)
    foreign = Call(call_id="f", feature="x-1", prompt="请总结以下文章的主要内容 并给出三个要点")
    own, voted = tags_of([*calls, odd, tools, foreign])
    assert voted.tier[:24].tolist() == [0] * 24
    assert voted.tier[24] == 0 or own.evidence[24] != Evidence.TEXT
    assert voted.tier[25] == own.tier[25]
    assert voted.evidence[25] == Evidence.STRUCTURE
    assert voted.tier[26] == UNTAGGED


def test_the_vote_is_among_the_reasons():
    calls = [Call(call_id=f"c{i}", feature="x-1", prompt=CLASSIFY.format(REVIEWS[i % 6])) for i in range(24)]
    tagger, rows = Tagger(load_rules()), batch_of(calls)
    box = BallotBox()
    ballots = tagger.judge(rows).ballots()
    assert ballots is not None
    box.add(ballots)
    assert VOTE_RULE not in [reason.rule for reason in tagger.explain(rows, 4)]
    (reason,) = [r for r in tagger.with_votes(box.count()).explain(rows, 4) if r.rule == VOTE_RULE]
    assert (reason.evidence, reason.tier) == (Evidence.TEXT, 0)
    assert 70 <= (reason.confidence or 0) <= 100


def test_nothing_changes_without_votes():
    calls = [
        Call(prompt="Summarize this article in two sentences."),
        Call(prompt="Write a SQL query for it."),
    ]
    own, voted = tags_of(calls)
    assert own.tier.tolist() == voted.tier.tolist()
    assert not len(Votes.none())
