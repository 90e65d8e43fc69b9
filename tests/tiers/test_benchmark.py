"""The gate on quality: labelled public prompts, judged by models that were fitted without them.

The floors stand a little under what was measured (docs/tiers.md). `make eval-tiers` prints all figures.
"""

from __future__ import annotations

import pytest

from benchmarks.eval_tiers import quality_of, random_parts, scores_left_out, source_parts, tiers_of, voted
from costaudit.tiers.model import load_model
from tools.fit_tiers import fit, load_labelled, usable


@pytest.fixture(scope="module")
def labelled(shared_data):
    path = shared_data / "tiers" / "tierbench_public.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"REAL DATA ABSENT: no file {path}")
    return load_labelled(path)


@pytest.fixture(scope="module")
def by_parts(labelled):
    return scores_left_out(labelled, random_parts(labelled))


def test_left_out_prompts_are_tagged_right(labelled, by_parts):
    quality = quality_of(labelled.tiers, tiers_of(by_parts, None))
    assert quality.tagged >= 0.93
    assert quality.right >= 0.95
    assert quality.right_of_all >= 0.90
    assert quality.macro_f1 >= 0.94
    assert quality.under <= 0.03
    votes = quality_of(labelled.tiers, voted(labelled, by_parts, 0.30))
    assert votes.right >= 0.96
    assert votes.right_of_all >= 0.91
    assert votes.under <= 0.01


@pytest.mark.parametrize(("risk", "under", "right"), [(0.30, 0.02, 0.94), (0.15, 0.012, 0.93)])
def test_the_guard_keeps_complex_prompts_from_being_tagged_too_low(labelled, by_parts, risk, under, right):
    quality = quality_of(labelled.tiers, tiers_of(by_parts, risk))
    assert quality.under <= under
    assert quality.right >= right


def test_prompts_that_may_be_shipped_are_tagged_as_well(labelled, by_parts):
    rows = labelled.licences == "permissive"
    quality = quality_of(labelled.tiers[rows], tiers_of(by_parts[rows], 0.30))
    assert quality.right >= 0.92
    assert quality.under <= 0.025


def test_the_fit_gives_the_model_that_ships(labelled):
    """A power of e may round otherwise elsewhere: a weight may then be one unit off."""
    model, _ = fit(usable(labelled))
    shipped = load_model()
    assert (model.hashes == shipped.hashes).all()
    assert (model.norms == shipped.norms).all()
    assert abs(model.weights.astype(int) - shipped.weights).max() <= 1


@pytest.mark.slow
def test_sources_that_were_left_out_are_tagged_well(labelled):
    scores = scores_left_out(labelled, source_parts(labelled))
    plain = quality_of(labelled.tiers, tiers_of(scores, None))
    assert plain.right_of_all >= 0.80
    assert plain.right >= 0.86
    assert plain.under <= 0.08
    votes = quality_of(labelled.tiers, voted(labelled, scores, 0.30))
    assert votes.right >= 0.90
    assert votes.right_of_all >= 0.85
    assert votes.under <= 0.01
    assert quality_of(labelled.tiers, tiers_of(scores, 0.30)).under <= 0.045
    assert quality_of(labelled.tiers, tiers_of(scores, 0.15)).under <= 0.02
