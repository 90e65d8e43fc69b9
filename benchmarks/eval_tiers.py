"""How well the text scorer tags labelled prompts that its model was not fitted on.

    python -m benchmarks.eval_tiers [FILE]

Every figure is of prompts that were left out when the model was fitted: one of five parts (`5-fold`), or all
of a source (`source out`). The rules are the same throughout: their authors saw errors on these sources, so
`source out` flatters them. Rows of a non-commercial licence are never fitted on, only judged.
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from costaudit.schema import UNTAGGED, Tier
from costaudit.tiers.columns import BatchColumns
from costaudit.tiers.fingerprint import Prints
from costaudit.tiers.guard import DEFAULT_RISK, guarded_tiers
from costaudit.tiers.rules import load_rules
from costaudit.tiers.scores import best_tier
from costaudit.tiers.text import TextSpeaker
from costaudit.tiers.votes import BallotBox, Ballots
from tools.fit_tiers import Labelled, fit, load_labelled

DATA: Final = Path("../shared/data/tiers/tierbench_public.jsonl.gz")
EVERYDAY: Final = Path(__file__).resolve().parent.parent / "tests" / "tiers" / "everyday.toml"
FOLDS: Final = 5
SEED: Final = 20_240_601
RISKS: Final = (None, 0.30, 0.15)
"""None: the most probable tier, without the guard."""

SPEED_CHARS: Final = 600
SPEED_PROMPTS: Final = 16_384

Scores = NDArray[np.int32]
Tiers = NDArray[np.int8]


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, nargs="?", default=DATA, help=f"labelled prompts (default {DATA})")
    parser.add_argument(
        "--no-sources", action="store_true", help="leave out the refit per source (half a minute)"
    )
    args = parser.parse_args()
    if not args.path.is_file():
        print(f"no labelled prompts at {args.path}", file=sys.stderr)
        raise SystemExit(2)
    data = load_labelled(args.path)
    usable = data.licences != "non-commercial"
    sources = len(set(data.sources.tolist()))
    print(f"{len(data):,} prompts of {sources} sources, {usable.sum():,} of them to fit on\n")
    print(HEAD)
    kinds = {"5-fold": random_parts(data), "source out": source_parts(data)}
    if args.no_sources:
        del kinds["source out"]
    for kind, parts in kinds.items():
        scores = scores_left_out(data, parts)
        for risk in RISKS:
            print(line(kind, risk, data, scores))
        print_details(kind, data, scores)
    print_everyday()
    print_speed(data)


def random_parts(data: Labelled) -> list[NDArray[np.intp]]:
    """Five parts at random, from a fixed seed."""
    order = np.random.default_rng(SEED).permutation(len(data))
    return [np.sort(order[part::FOLDS]) for part in range(FOLDS)]


def source_parts(data: Labelled) -> list[NDArray[np.intp]]:
    """One part per source."""
    return [np.flatnonzero(data.sources == source) for source in np.unique(data.sources)]


def scores_left_out(data: Labelled, parts: list[NDArray[np.intp]]) -> Scores:
    """The scores of every row by a model that was fitted without its part."""
    scores = np.zeros((len(data), len(Tier)), np.int32)
    usable = data.licences != "non-commercial"
    for part in parts:
        rest = usable.copy()
        rest[part] = False
        model, _ = fit(data.take(np.flatnonzero(rest)))
        scores[part] = judged(data.take(part).prompts, TextSpeaker(load_rules(), model=model))
    return scores


def judged(prompts: Any, speaker: TextSpeaker) -> Scores:
    """The scores that a speaker gives to a pyarrow string array."""
    verdicts = speaker.judge(BatchColumns(pa.record_batch({"prompt": prompts})))
    if verdicts is None:
        raise ValueError("no prompts")
    return verdicts.scores


def tiers_of(scores: Scores, risk: float | None) -> Tiers:
    """The tags at a risk, or the most probable tiers."""
    if risk is not None:
        return guarded_tiers(scores, risk)
    return np.where(scores.any(axis=1), best_tier(scores), UNTAGGED).astype(np.int8)


def voted(data: Labelled, scores: Scores, risk: float | None) -> Tiers:
    """The tags when every source and category is an endpoint of its own, and its fingerprint votes.

    As in an audit: too few requests, or such that do not agree, leave each with its own tag.
    """
    _, group = np.unique(data.groups, return_inverse=True)
    rows = np.arange(len(group), dtype=np.uint64)
    prints = Prints(np.zeros(len(group), np.uint64), 2 * group.astype(np.uint64) + 1, rows + 1)
    box = BallotBox()
    box.add(Ballots.cast(prints, scores))
    votes = box.count(DEFAULT_RISK if risk is None else risk)
    place = votes.of(prints)
    own = tiers_of(scores, risk)
    follows = (place >= 0) & scores.any(axis=1) & (own != Tier.HIGH_STAKES)
    if risk is None:  # without the guard: what most of the scores are for
        sums = np.zeros((group.max() + 1, len(Tier)), np.int64)
        np.add.at(sums, group, scores)
        return np.where(follows, best_tier(sums)[group], own).astype(np.int8)
    return np.where(follows, votes.tier[place], own).astype(np.int8)


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares of 1."""

    tagged: float
    right: float
    """Of the tagged rows."""
    right_of_all: float
    """An untagged row counted as wrong."""
    not_wrong: float
    """An untagged row counted as right, because it keeps its model."""
    macro_f1: float
    """Of the tagged rows."""
    under: float
    """Of all rows of tier 2 and 3, those tagged 0 or 1. An untagged row, which keeps its model, is none."""
    over: float
    """Of all rows, those tagged too high."""


def quality_of(true: NDArray[np.int64], tier: Tiers) -> Quality:
    """How good tags are."""
    tagged, right = tier != UNTAGGED, tier == true
    high = true >= Tier.COMPLEX
    return Quality(
        tagged=float(tagged.mean()),
        right=float(right[tagged].mean()) if tagged.any() else 0.0,
        right_of_all=float(right.mean()),
        not_wrong=float((right | ~tagged).mean()),
        macro_f1=float(np.mean([_f1(true[tagged] == t, tier[tagged] == t) for t in Tier])),
        under=float((tagged & (tier < Tier.COMPLEX))[high].mean()) if high.any() else 0.0,
        over=float((tagged & (tier > true)).mean()),
    )


def _f1(true: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    both = int((true & said).sum())
    return 2 * both / max(1, int(true.sum()) + int(said.sum()))


HEAD: Final = (
    "                 tagged  right of  right of  not     macro  under-  over-   voted: right  right  under\n"
    "parts      risk          tagged    all       wrong   F1     tiered  tiered      of tagged  of all"
)


def line(kind: str, risk: float | None, data: Labelled, scores: Scores) -> str:
    """One line of the table."""
    q = quality_of(data.tiers, tiers_of(scores, risk))
    v = quality_of(data.tiers, voted(data, scores, risk))
    return (
        f"{kind:10} {'none' if risk is None else f'{risk:.2f}'}   {q.tagged:.3f}   {q.right:.3f}     "
        f"{q.right_of_all:.3f}     {q.not_wrong:.3f}   {q.macro_f1:.3f}  {q.under:.3f}   {q.over:.3f}"
        f"          {v.right:.3f}   {v.right_of_all:.3f}   {v.under:.3f}"
    )


def print_details(kind: str, data: Labelled, scores: Scores) -> None:
    """Confusion, licence classes and the weakest sources, at the default risk."""
    tier = tiers_of(scores, 0.30)
    print(f"\n{kind}, risk 0.30: rows of true tier 0-3, tagged 0, 1, 2, 3, untagged")
    for true in Tier:
        of_true = tier[data.tiers == true]
        print(f"  {int(true)}  " + " ".join(f"{int((of_true == t).sum()):6}" for t in (*Tier, UNTAGGED)))
    for licence in np.unique(data.licences):
        rows = data.licences == licence
        q = quality_of(data.tiers[rows], tier[rows])
        print(
            f"  {licence:15} {rows.sum():5} rows: tagged {q.tagged:.3f}, "
            f"right of tagged {q.right:.3f}, under {q.under:.3f}"
        )
    wrong = (tier != data.tiers) & (tier != UNTAGGED)
    by_source = sorted(_shares(data.sources, wrong), key=lambda s: (-s[1], s[0]))
    print("  most wrong: " + ", ".join(f"{source} {share:.2f}" for source, share in by_source[:8]) + "\n")


def _shares(sources: NDArray[np.str_], wrong: NDArray[np.bool_]) -> Iterator[tuple[str, float]]:
    for source in np.unique(sources):
        yield str(source), float(wrong[sources == source].mean())


def print_everyday() -> None:
    """Prompts that are in no data set, by the model that ships."""
    tiers = tomllib.loads(EVERYDAY.read_text(encoding="utf-8"))["tier"]
    true = np.array([int(tier) for tier, prompts in tiers.items() for _ in prompts])
    prompts = pa.array([prompt for prompts in tiers.values() for prompt in prompts])
    scores = judged(prompts, TextSpeaker(load_rules()))
    for risk in RISKS:
        q = quality_of(true, tiers_of(scores, risk))
        print(
            f"everyday prompts ({len(true)}), risk {'none' if risk is None else f'{risk:.2f}'}: "
            f"tagged {q.tagged:.3f}, right of tagged {q.right:.3f}, under {q.under:.3f}, over {q.over:.3f}"
        )


def print_speed(data: Labelled) -> None:
    """Prompts of 600 characters per second of processor time on one core, and one of 100,000 words."""
    texts = data.prompts.to_pylist()
    long = [(text * (SPEED_CHARS // max(1, len(text)) + 1))[:SPEED_CHARS] for text in texts]
    prompts = pa.array([long[i % len(long)] for i in range(SPEED_PROMPTS)])
    columns = pa.record_batch({"prompt": prompts})
    pa.set_cpu_count(1)
    speaker = TextSpeaker(load_rules())
    seconds = min(_seconds(speaker, columns) for _ in range(5))
    print(f"\n{SPEED_PROMPTS / seconds:,.0f} prompts of {SPEED_CHARS} characters per second on one core")
    huge = pa.record_batch({"prompt": ["word " * 100_000]})
    print(f"one prompt of 100,000 words: {min(_seconds(speaker, huge) for _ in range(5)) * 1000:.0f} ms")


def _seconds(speaker: TextSpeaker, batch: pa.RecordBatch) -> float:
    start = time.process_time()
    speaker.judge(BatchColumns(batch))
    return time.process_time() - start


if __name__ == "__main__":
    main()
