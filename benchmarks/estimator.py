"""How far token counts estimated from text lie from the truth: recorded calls of known usage.

    python -m benchmarks.estimator ../shared/data/logs/exchanges.jsonl.gz

Prints quantiles of true over estimated tokens, for the whole and by size of the text. Calls with pictures,
sound or counted reasoning are left out: their tokens are not in the text.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from costaudit.ingest.detect import matching
from costaudit.ingest.estimate import BAND, ESTIMATOR, tokens_of_bytes
from costaudit.ingest.format import Skip
from costaudit.ingest.text_size import text_sizes
from costaudit.schema import INPUT_SIDE, Call

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
SIZES = (100, 500, 2000)
"""Bytes of text from which on a call is looked at."""

Sides = tuple[str, int, int]
"""Side, true tokens, bytes of text."""


def main() -> None:
    """Print the table."""
    sides = [side for path in sys.argv[1:] for side in read(Path(path))]
    print(f"true tokens / tokens by {ESTIMATOR}; band in use: {BAND[0] / 10} to {BAND[1] / 10}")
    print("side     bytes from  calls  " + "  ".join(f"{q:>5.0%}" for q in QUANTILES) + "    sum")
    for side in ("asked", "answered"):
        for size in SIZES:
            found = [(tokens, held) for name, tokens, held in sides if name == side and held >= size]
            true, held = (np.array(x, np.int64) for x in zip(*found, strict=True))
            ratios = np.quantile(true / tokens_of_bytes(held), QUANTILES)
            total = true.sum() / tokens_of_bytes(held).sum()
            shown = "  ".join(f"{ratio:5.2f}" for ratio in ratios)
            print(f"{side:8} {size:>10}  {len(found):>5}  {shown}  {total:5.2f}")


def read(path: Path) -> Iterator[Sides]:
    """Both sides of every call whose usage and text are known."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            call = only_call(record)
            if call is None:
                continue
            asked, answered = text_sizes(record)
            if asked:
                yield "asked", sum(getattr(call, name) for name in INPUT_SIDE), asked
            if answered and not call.reasoning:
                yield "answered", call.output, answered


def only_call(record: dict[str, object]) -> Call | None:
    """The one call of a record, if its usage is exact and its text is all that it cost."""
    adapter = matching(record)
    try:
        calls = adapter.calls(record) if adapter else []
    except Skip:
        return None
    exact = [c for c in calls if c.quality == "exact" and c.status == "ok" and not c.has_images]
    return exact[0] if len(calls) == 1 and exact and not exact[0].input_audio else None


if __name__ == "__main__":
    main()
