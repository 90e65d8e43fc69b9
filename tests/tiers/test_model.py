"""The linear model: the file that ships, and its arithmetic against fractions and floats by hand."""

from __future__ import annotations

import hashlib
import io
import math
import re
from importlib import resources

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.schema import Tier
from costaudit.tiers.model import SHIPPED, LinearModel, load_model
from costaudit.tiers.ngrams import START, tokenize

FOLDER = resources.files("costaudit.tiers")
CONTENT = FOLDER.joinpath(SHIPPED).read_bytes()
CARD = FOLDER.joinpath("text_model.md").read_text(encoding="utf-8")
WORDS = ["write", "a", "poem", "sql", "query", "doctor", "?", "positive", "or", "negative", "xyzzy"]


def spellings() -> list[str]:
    with np.load(io.BytesIO(CONTENT), allow_pickle=False) as arrays:
        return arrays["spellings"].tobytes().decode().split("\x1f")


def test_the_card_is_that_of_the_file():
    assert f"{len(CONTENT):,} bytes, sha256 `{hashlib.sha256(CONTENT).hexdigest()}`" in CARD
    counted = re.search(r"n-grams: ([\d,]+),", CARD)
    assert counted is not None
    assert counted[1] == f"{len(load_model().hashes):,}"


def test_the_file_is_small_and_regular():
    model = load_model()
    assert len(CONTENT) < 500_000
    assert model.weights.shape == (len(model.hashes), len(Tier))
    assert model.norms.shape == (len(model.hashes) + 1,)
    assert (np.diff(model.hashes.astype(object)) > 0).all()
    assert (model.norms > 0).all()


def test_every_spelling_has_the_hash_that_stands_beside_it():
    """A token is looked up as written; a pair as its two tokens, or as a token that starts a text."""
    for spelling, wanted in zip(spellings(), load_model().hashes.tolist(), strict=True):
        first, space, _ = spelling.partition(" ")
        if not space:
            assert tokenize(pa.array([spelling])).words.tolist() == [wanted]
        else:
            text = spelling.removeprefix(f"{START} ") if first == START else spelling
            assert tokenize(pa.array([text])).pairs[-1] == wanted


def test_a_pickle_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, hashes=np.array([{}]), weights=np.zeros(1), norms=np.zeros(2))
    with path.open("rb") as file, pytest.raises(ValueError, match="pickle"):
        LinearModel.load(file)


def test_a_saved_model_reads_back():
    file = io.BytesIO()
    load_model().save(file, spellings())
    assert file.getvalue() == CONTENT


def by_hand(text: str) -> list[int]:
    """Logits of a text by floats: weights in hundredths, norms in 64ths, both per distinct n-gram."""
    model, tokens = load_model(), tokenize(pa.array([text]))
    place = {ngram: i for i, ngram in enumerate(model.hashes.tolist())}
    grams = [*tokens.words.tolist(), *tokens.pairs.tolist()]
    known = {place[g] for g in grams if g in place}
    norm = sum(model.norms[i] / 64 for i in known) + (len(grams) - len(known)) * model.norms[-1] / 64
    sums = [sum(model.weights[i, t] / 100 for i in known) for t in Tier]
    return [round(1000 * s / math.sqrt(norm)) if norm else 0 for s in sums]


@settings(max_examples=50)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=5))
def test_logits_are_those_of_the_formula_in_any_batch(texts):
    logits = load_model().logits(pa.array(texts, pa.string())).milli
    assert logits.shape == (len(texts), len(Tier))
    for text, row in zip(texts, logits.tolist(), strict=True):
        assert np.abs(np.array(by_hand(text)) - row).max() <= 1  # a sum of floats may round otherwise
        assert load_model().logits(pa.array([text])).milli[0].tolist() == row


def test_unknown_words_weaken_what_is_known():
    model = load_model()
    plain, diluted = model.logits(pa.array(["write a poem", "write a poem zqx vbn qqw jkl wpt zzt"])).milli
    assert plain.argmax() == diluted.argmax()
    assert 0 < np.ptp(diluted) < np.ptp(plain)


def test_texts_without_a_known_ngram_say_nothing():
    logits = load_model().logits(pa.array(["", "zqxvbn"]))
    assert logits.milli.tolist() == [[0] * 4] * 2
    assert logits.known.tolist() == [0, 0]


def test_ngrams_that_share_a_bucket_are_told_apart():
    words = tokenize(pa.array(["alpha beta gamma"])).words
    crowded = np.sort(np.append(words[:1] + np.arange(3, dtype=np.uint64), words[1:]))
    weights = np.zeros((5, 4), np.int16)
    weights[np.searchsorted(crowded, words[0])] = [0, 0, 700, 0]
    model = LinearModel(crowded, weights, np.full(6, 64, np.int32))
    # one known of two n-grams (word and pair), both of norm 1: 7 / root 2
    assert model.logits(pa.array(["alpha", "delta"])).milli.tolist() == [[0, 0, 4950, 0], [0] * 4]


def test_signals_add_up_to_the_logits():
    text = "write a short poem about the sea"
    total = sum(signal.milli for signal in load_model().signals(text))
    assert np.abs(total - load_model().logits(pa.array([text])).milli[0]).max() <= 10  # each one is rounded
    assert "a short" in {signal.ngram for signal in load_model().signals(text)}
