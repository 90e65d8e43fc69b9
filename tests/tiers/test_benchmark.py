"""The gate on quality: the shipped rules on labelled public prompts, by text alone."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest

from costaudit.schema import UNTAGGED, Tier
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Tagger


@pytest.fixture(scope="module")
def labelled(shared_data):
    path = shared_data / "tiers" / "tierbench_public.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"REAL DATA ABSENT: no file {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    prompts = pa.record_batch({"prompt": [row["prompt"] for row in rows]})
    return np.array([int(row["expected_tier"]) for row in rows]), Tagger(load_rules()).tag(prompts).tier


def test_tags_are_mostly_right(labelled):
    true, tier = labelled
    tagged = tier != UNTAGGED
    assert (true == tier)[tagged].mean() >= 0.85
    assert (true == tier).mean() >= 0.70  # an untagged prompt counted as wrong


def test_complex_and_high_stakes_prompts_are_rarely_tagged_too_low(labelled):
    true, tier = labelled
    judged = (true >= Tier.COMPLEX) & (tier != UNTAGGED)
    assert (tier[judged] < Tier.COMPLEX).mean() <= 0.10


def test_most_prompts_are_tagged(labelled):
    assert (labelled[1] == UNTAGGED).mean() <= 0.20
