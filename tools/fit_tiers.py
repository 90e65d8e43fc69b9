"""Fit the linear model of the text scorer on labelled prompts and write it with its card.

    python tools/fit_tiers.py ../shared/data/tiers/tierbench_public.jsonl.gz

Multinomial logistic regression over the words and pairs of words of the instruction zone, in plain numpy:
nothing else is needed, and the same rows in any order give the same file. An n-gram counts only if it occurs
in several sources; all others dilute a prompt as unknown words do: the model says less of unlike prompts.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from costaudit.schema import Tier
from costaudit.tiers.model import NORM_UNIT, SHIPPED, WEIGHT_UNIT, LinearModel
from costaudit.tiers.ngrams import TextTokens, tokenize
from costaudit.tiers.rules import load_rules
from costaudit.tiers.zones import instruction_zones, without_framing
from costaudit.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

MIN_SOURCES: Final = 3
"""An n-gram of fewer sources is a habit of theirs, not of the task."""

MIN_PROMPTS: Final = 2

STRENGTH: Final = 30.0
"""Inverse strength of the penalty on the squared weights, per prompt (C in other programs)."""

ROUNDS: Final = 400
TOLERANCE: Final = 1e-5

PACKAGE: Final = Path(__file__).resolve().parent.parent / "costaudit" / "tiers"
CARD: Final = PACKAGE / "text_model.md"
FITTED: Final = ("<!-- fitted -->", "<!-- /fitted -->")


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled prompts, in the order of their ids."""

    prompts: Any
    """A pyarrow string array."""
    tiers: NDArray[np.int64]
    sources: NDArray[np.str_]
    groups: NDArray[np.str_]
    """Source and category: what shares an endpoint and a template in a real log."""
    licences: NDArray[np.str_]
    """The class of each row: permissive, unclear or non-commercial."""

    def __len__(self) -> int:
        return len(self.tiers)

    def take(self, rows: Rows) -> Labelled:
        """Some of the rows."""
        return Labelled(
            prompts=self.prompts.take(pa.array(rows)),
            tiers=self.tiers[rows],
            sources=self.sources[rows],
            groups=self.groups[rows],
            licences=self.licences[rows],
        )


def load_labelled(path: Path) -> Labelled:
    """All rows of a benchmark file (JSON lines, gzip)."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = sorted((json.loads(line) for line in lines), key=lambda row: str(row["id"]))
    return Labelled(
        prompts=pa.array([row["prompt"] for row in rows], pa.string()),
        tiers=np.array([int(row["expected_tier"]) for row in rows], np.int64),
        sources=np.array([row["source"] for row in rows]),
        groups=np.array([f"{row['source']}/{row['category']}" for row in rows]),
        licences=np.array([row["licence_class"] for row in rows]),
    )


def usable(data: Labelled) -> Labelled:
    """The rows whose licence allows to fit a model that ships."""
    return data.take(np.flatnonzero(data.licences != "non-commercial"))


def fit(data: Labelled) -> tuple[LinearModel, list[str]]:
    """The model of these rows, and the spelling of its n-grams."""
    scoring = load_rules().scoring
    tokens = tokenize(without_framing(instruction_zones(data.prompts, scoring)[0], scoring))
    rows, hashes, spelling = _distinct(tokens)
    vocabulary = _vocabulary(rows, hashes, data)
    at = np.minimum(np.searchsorted(vocabulary, hashes), len(vocabulary) - 1)
    known = vocabulary[at] == hashes
    row, column = rows[known], at[known]
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    idf = np.log(len(data) / np.bincount(column)) + 1
    norms = np.rint(np.append(idf, np.log(len(data)) + 1) ** 2 * NORM_UNIT).astype(np.int32)
    unknown = 2 * np.bincount(tokens.text, minlength=len(data)) - np.bincount(row, minlength=len(data))
    norm = np.bincount(row, norms[column], len(data)) + unknown * norms[-1]
    value = idf[column] / np.sqrt(norm / NORM_UNIT)[row]
    weights = _regress(Design(row, column, value, len(data), len(vocabulary)), data.tiers)
    stored = np.rint(weights * idf[:, None] * WEIGHT_UNIT).clip(-(2**15) + 1, 2**15 - 1).astype(np.int16)
    return LinearModel(vocabulary, stored, norms), [spelling(h) for h in vocabulary.tolist()]


def _distinct(tokens: TextTokens) -> tuple[Rows, NDArray[np.uint64], Callable[[int], str]]:
    """The distinct n-grams of every row, and how each is spelled."""
    hashes = np.concatenate([tokens.words, tokens.pairs])
    rows = np.concatenate([tokens.text, tokens.text])
    order = np.lexsort((hashes, rows))
    hashes, rows = hashes[order], rows[order]
    first = np.ones(len(rows), np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    unique, index = np.unique(np.concatenate([tokens.words, tokens.pairs]), return_index=True)
    place = dict(zip(unique.tolist(), index.tolist(), strict=True))

    def spelling(ngram: int) -> str:
        token, pair = place[ngram] % len(tokens.words), place[ngram] >= len(tokens.words)
        return tokens.spell(token, pair=pair)

    return rows[first], hashes[first], spelling


def _vocabulary(rows: Rows, hashes: NDArray[np.uint64], data: Labelled) -> NDArray[np.uint64]:
    """The n-grams that occur in enough sources, ascending."""
    _, source = np.unique(data.sources, return_inverse=True)
    ngrams, at = np.unique(hashes, return_inverse=True)
    pairs = np.unique(at * (source.max() + 1) + source[rows])
    sources = np.bincount(pairs // (source.max() + 1), minlength=len(ngrams))
    kept: NDArray[np.uint64] = ngrams[(sources >= MIN_SOURCES) & (np.bincount(at) >= MIN_PROMPTS)]
    return kept


@dataclass(frozen=True, slots=True)
class Design:
    """A sparse matrix of prompts and n-grams, sorted by row."""

    row: Rows
    column: Rows
    value: Floats
    rows: int
    columns: int

    def times(self, weights: Floats) -> Floats:
        """The matrix times one column of weights per tier."""
        products = self.value[:, None] * weights[self.column]
        return np.stack([np.bincount(self.row, products[:, t], self.rows) for t in Tier], axis=1)

    def transposed_times(self, of_rows: Floats) -> Floats:
        """The transposed matrix times one column per tier."""
        products = self.value[:, None] * of_rows[self.row]
        return np.stack([np.bincount(self.column, products[:, t], self.columns) for t in Tier], axis=1)


def _regress(design: Design, tiers: NDArray[np.int64]) -> Floats:
    """Weights that minimise the logistic loss with a penalty on their squares, without an intercept.

    Without one, a prompt of unknown words gets the same logits, not the mixture of the benchmark.
    """
    true = np.eye(len(Tier))[tiers]

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = design.times(weights)
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        total = odds.sum(axis=1, keepdims=True)
        value = float((np.log(total[:, 0]) - (logits * true).sum(axis=1)).sum())
        gradient = design.transposed_times(odds / total - true)
        penalty = float((weights * weights).sum()) / (2 * STRENGTH)
        return value + penalty, gradient + weights / STRENGTH

    return _minimise(loss, np.zeros((design.columns, len(Tier))))


def _minimise(loss: Callable[[Floats], tuple[float, Floats]], start: Floats, memory: int = 10) -> Floats:
    """L-BFGS with backtracking (Nocedal & Wright, Numerical Optimization, algorithms 7.4 and 3.1)."""
    at, (value, gradient) = start, loss(start)
    steps: list[tuple[Floats, Floats]] = []
    for _ in range(ROUNDS):
        if np.abs(gradient).max() < TOLERANCE:
            break
        direction = -_curved(gradient, steps)
        slope, length = float((gradient * direction).sum()), 1.0
        moved, (new, new_gradient) = at + direction, loss(at + direction)
        while new > value + 1e-4 * length * slope and length > 1e-10:
            length /= 2
            moved, (new, new_gradient) = at + length * direction, loss(at + length * direction)
        change = (moved - at, new_gradient - gradient)
        if float((change[0] * change[1]).sum()) > 0:
            steps = [*steps[-memory + 1 :], change]
        at, value, gradient = moved, new, new_gradient
    return at


def _curved(gradient: Floats, steps: Sequence[tuple[Floats, Floats]]) -> Floats:
    """The gradient times the inverse curvature that the last steps showed."""
    result, factors = gradient.copy(), []
    for moved, changed in reversed(steps):
        factors.append(float((moved * result).sum()) / float((moved * changed).sum()))
        result -= factors[-1] * changed
    if steps:
        moved, changed = steps[-1]
        result *= float((moved * changed).sum()) / float((changed * changed).sum())
    for (moved, changed), factor in zip(steps, reversed(factors), strict=True):
        result += (factor - float((changed * result).sum()) / float((moved * changed).sum())) * moved
    return result


def packed(model: LinearModel, spellings: list[str]) -> bytes:
    """The model as the bytes of its file."""
    file = io.BytesIO()
    model.save(file, spellings)
    return file.getvalue()


def render_card(data: Labelled, model: LinearModel, content: bytes) -> str:
    """The part of the card that follows from the fit."""
    tiers = Counter(data.tiers.tolist())
    licences = Counter(data.licences.tolist())
    per_source = Counter(zip(data.sources.tolist(), data.licences.tolist(), strict=True))
    lines = [
        f"- file: `{SHIPPED}`, {len(content):,} bytes, sha256 `{hashlib.sha256(content).hexdigest()}`",
        f"- n-grams: {len(model.hashes):,}, each in at least {MIN_SOURCES} sources; {len(Tier)} tiers",
        f"- prompts: {len(data):,} from {len(set(data.sources.tolist()))} sources; by tier 0 to 3: "
        + ", ".join(f"{tiers[t]:,}" for t in Tier),
        "- licence class: " + ", ".join(f"{name} {count:,}" for name, count in sorted(licences.items())),
        "",
        "| source | prompts | licence class |",
        "|---|---|---|",
        *(f"| {source} | {count} | {licence} |" for (source, licence), count in sorted(per_source.items())),
    ]
    return "\n".join(lines)


def replace_between(text: str, marks: tuple[str, str], new: str) -> str:
    """The text with what stands between two marks replaced."""
    before, _, rest = text.partition(marks[0])
    after = rest.partition(marks[1])[2]
    return f"{before}{marks[0]}\n{new}\n{marks[1]}{after}"


def main() -> None:
    """Fit on the rows of a file, and write model and card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, help="labelled prompts: JSON lines, gzip")
    path: Path = parser.parse_args().path
    data = usable(load_labelled(path))
    model, spellings = fit(data)
    content = packed(model, spellings)
    write_whole(PACKAGE / SHIPPED, content)
    card = replace_between(CARD.read_text(encoding="utf-8"), FITTED, render_card(data, model, content))
    write_whole(CARD, card.encode())
    print(f"{len(data):,} prompts, {len(model.hashes):,} n-grams, {len(content):,} bytes")


if __name__ == "__main__":
    main()
