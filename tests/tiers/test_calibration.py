"""Fitting a calibration finds what was put in, stays put without evidence, and survives its file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from costaudit.errors import ConfigError
from costaudit.ingest.canonical import batch_of
from costaudit.schema import Call
from costaudit.tiers.calibration import Calibration, _objective, fit_calibration, load_calibration
from costaudit.tiers.rules import load_rules
from costaudit.tiers.scores import scores_of
from costaudit.tiers.tagger import Tagger

NONE = Calibration(Decimal(1), (Decimal(0),) * 4)


def scores(rng, size: int):
    return scores_of(rng.normal(0, 1500, (size, 4)).astype(np.int64))


def drawn(rng, table, temperature: float, biases):
    logits = np.log(np.maximum(table, 0.5) / 1000) / temperature + np.array(biases)
    odds = np.exp(logits)
    p = odds / odds.sum(axis=1, keepdims=True)
    return np.array([rng.choice(4, p=row) for row in p])


def test_the_temperature_and_biases_that_made_the_labels_are_found():
    rng = np.random.default_rng(1)
    table = scores(rng, 6000)
    fit = fit_calibration(table, drawn(rng, table, 2.5, [0.8, 0, -0.8, 0]))
    assert fit is not None
    assert float(fit.temperature) == pytest.approx(2.5, rel=0.08)
    assert [float(b) for b in fit.biases] == pytest.approx([0.8, 0, -0.8, 0], abs=0.12)
    assert fit.log_loss_after < fit.log_loss_before
    assert fit.labels == 6000


def test_calibrated_scores_without_cause_hardly_move():
    rng = np.random.default_rng(2)
    table = scores(rng, 4000)
    fit = fit_calibration(table, drawn(rng, table, 1, [0, 0, 0, 0]))
    assert fit is not None
    assert np.abs(fit.apply(table).astype(int) - table).mean() < 12


def test_the_fit_is_a_minimum():
    rng = np.random.default_rng(3)
    table = scores(rng, 200)
    y = drawn(rng, table, 1.7, [0.5, 0, 0, -0.5])
    fit = fit_calibration(table, y)
    assert fit is not None
    x, prior = np.log(np.maximum(table, 0.5) / 1000), np.array([1.0, 0, 0, 0, 0])
    best = np.array([1 / float(fit.temperature), *map(float, fit.biases)])
    here = _objective(best, prior, x, y)
    for place in range(5):
        for step in (-0.01, 0.01):
            beside = best.copy()
            beside[place] += step
            assert _objective(beside, prior, x, y) > here


def test_few_labels_fit_nothing_and_silent_rows_do_not_count():
    rng = np.random.default_rng(4)
    table = scores(rng, 40)
    table[:11] = 0
    assert fit_calibration(table, rng.integers(0, 4, 40)) is None


def test_no_calibration_changes_nothing_and_rows_add_up():
    rng = np.random.default_rng(5)
    table = scores(rng, 500)
    assert np.abs(NONE.apply(table).astype(int) - table).max() <= 6  # of 1000: steps of exp, scores of 0
    cold = Calibration(Decimal(3), (Decimal("0.5"), Decimal(0), Decimal(-1), Decimal(0))).apply(table)
    assert set(cold.sum(axis=1)) == {1000}
    assert not NONE.apply(np.zeros((2, 4), np.int64)).any()


def test_a_calibration_by_hand():
    # scores 800 and 200 at temperature 2: odds √0.8 : √0.2 = 2 : 1 (and √0.0005 for each score of 0)
    got = Calibration(Decimal(2), (Decimal(0),) * 4).apply(np.array([[800, 200, 0, 0]]))[0]
    total = 0.8**0.5 + 0.2**0.5 + 2 * 0.0005**0.5
    assert got[0] / 1000 == pytest.approx(0.8**0.5 / total, abs=0.004)
    assert got[1] / 1000 == pytest.approx(0.2**0.5 / total, abs=0.004)


def test_a_file_is_read_as_it_was_written(tmp_path: Path):
    whole = Calibration(
        Decimal("1.5"), tuple(map(Decimal, ("0.1", "-0.2", "0", "1e-4"))), 80, Decimal("0.9"), Decimal("0.7")
    )
    path = tmp_path / "c.toml"
    path.write_text(whole.to_toml())
    assert load_calibration(path) == whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no calibration"),
        ('schema = "costaudit/calibration@1"', "temperature"),
        ('schema = "costaudit/calibration@1"\ntemperature = 0\nbiases = [0,0,0,0]', "temperature"),
        ('schema = "costaudit/calibration@1"\ntemperature = nan\nbiases = [0,0,0,0]', "nan is no number"),
        ('schema = "costaudit/calibration@1"\ntemperature = 1\nbiases = [0,0,0]', "biases"),
        ('schema = "costaudit/calibration@1"\ntemperature = 1\nbiases = [0,0,0,true]', "biases"),
        ('schema = "costaudit/calibration@1"\ntemprature = 1', "unknown key 'temprature'"),
        ("a = ", "not valid TOML"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text, message):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_calibration(path)


def test_a_tagger_acts_on_calibrated_scores():
    batch = batch_of([Call(prompt="Classify the sentiment of this review as positive or negative: great!")])
    plain = Tagger(load_rules())
    bent = Tagger(
        load_rules(), calibration=Calibration(Decimal(1), (Decimal(-9), Decimal(0), Decimal(9), Decimal(0)))
    )
    assert plain.tag(batch).tier.tolist() == [0]
    assert bent.tag(batch).tier.tolist() == [2]
    assert bent.text_scores(batch)[0].argmax() == 2
