"""Fitting the text model: mathematics with a known answer, and what may enter the vocabulary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from costaudit.schema import Tier
from tools import fit_tiers
from tools.fit_tiers import Design, Labelled, fit, packed, replace_between, usable


def labelled(rows: list[tuple[str, int, str]], licence: str = "permissive") -> Labelled:
    prompts, tiers, sources = zip(*rows, strict=True)
    return Labelled(
        prompts=pa.array(prompts),
        tiers=np.array(tiers, np.int64),
        sources=np.array(sources),
        groups=np.array(sources),
        licences=np.array([licence] * len(rows)),
    )


TASKS = ["label the mail", "write a toast", "solve the equation", "doctor my chest hurts"]
ROWS = [(f"{task} now", tier, f"s{i}") for tier, task in enumerate(TASKS) for i in range(4)]


def test_the_minimum_of_a_narrow_bowl():
    """Weighted squares of distances from 1 to 6: the minimum is where all distances are 0."""
    weight, goal = 10.0 ** np.arange(6), np.arange(1.0, 7.0)

    def bowl(at):
        return float((weight * (at - goal) ** 2).sum()), 2 * weight * (at - goal)

    assert fit_tiers._minimise(bowl, np.zeros(6)) == pytest.approx(goal, abs=1e-4)


def test_a_regression_with_one_feature_per_tier():
    """At the minimum the gradient is 0: a weight is the strength of the penalty times what is unexplained."""
    eye = np.arange(4)
    weights = fit_tiers._regress(Design(eye, eye, np.ones(4), 4, 4), eye)
    odds = np.exp(weights)
    unexplained = np.eye(4) - odds / odds.sum(axis=1, keepdims=True)
    assert weights == pytest.approx(fit_tiers.STRENGTH * unexplained, abs=1e-3)
    assert (weights.argmax(axis=1) == eye).all()


def test_a_fitted_model_tags_its_own_prompts():
    model, spellings = fit(labelled(ROWS))
    assert model.logits(pa.array([f"{t} now" for t in TASKS])).milli.argmax(axis=1).tolist() == list(Tier)
    assert "label" in spellings
    assert "^^ label" in spellings
    assert len(spellings) == len(model.hashes)


def test_an_ngram_of_few_sources_is_no_vocabulary():
    rows = [*ROWS, ("label the zebra now", 0, "s0"), ("label the zebra now", 0, "s1")]
    assert not any("zebra" in spelling for spelling in fit(labelled(rows))[1])
    rows.append(("label the zebra now", 0, "s2"))
    assert "zebra" in fit(labelled(rows))[1]


def test_the_same_rows_give_the_same_bytes():
    assert packed(*fit(labelled(ROWS))) == packed(*fit(labelled(ROWS)))


def test_rows_of_a_non_commercial_licence_are_left_out():
    free, bound = labelled(ROWS), labelled(ROWS, "non-commercial")
    assert len(usable(free)) == len(ROWS)
    assert len(usable(bound)) == 0


def test_only_what_stands_between_the_marks_is_replaced():
    assert replace_between("a<x>old</x>b", ("<x>", "</x>"), "new") == "a<x>\nnew\n</x>b"
