"""Properties of tagging: a row's tag depends on that row alone, and on what it holds, not on its encoding."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.ingest.long_names import MOST_CHARS
from costaudit.schema import CANONICAL, UNTAGGED, Tier
from costaudit.tiers.columns import BatchColumns
from costaudit.tiers.metadata import MetadataSpeaker, _words
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Evidence, Tagger, Tags
from tests.often import often

TAGGER = Tagger(load_rules())
SHAPE_NAMES = {rule.name for rule in load_rules().shape}
MARKER = "xyzzy-4711"
SOME = settings(max_examples=often(30, 400))

_features = st.sampled_from(["classify", "faq", "code-agent", "payments", "misc", "ZIPCode", "été", ""])
_prompts = st.one_of(
    st.sampled_from(
        [
            "Classify the message: hello",
            "Summarize this article. " + "word " * 300,
            "Hello doctor, I have chest pain and a swollen arm and nausea",
            "Write a Python function that sorts a list",
            "請分類這條消息",
            "x" * 30_000,
        ]
    ),
    st.text(max_size=80),
)
_counts = st.sampled_from([0, 1, 8, 16, 33, 501, 2000, 6001, 2**53])
_COLUMNS = {
    "feature": _features,
    "tags": st.sampled_from(["task:extract", "team:legal", "a,b", "complexity:3"]),
    "user_tier": st.sampled_from(["free", "enterprise", "high-stakes"]),
    "prompt": _prompts,
    "system": st.sampled_from(["You are helpful.", "You are a title generator."]),
    "status": st.sampled_from(["ok", "error"]),
    "response_format": st.sampled_from(["text", "json_schema"]),
    "tier_tag": st.integers(-3, 6),
    "has_tools": st.booleans(),
    "turns": st.integers(0, 30),
    "max_tokens": st.sampled_from([1, 16, 17, 4096]),
    "input": _counts,
    "output": _counts,
    "reasoning": _counts,
}


@st.composite
def batches(draw):
    names = draw(st.lists(st.sampled_from(sorted(_COLUMNS)), min_size=1, unique=True))
    rows = draw(st.integers(0, 12))
    columns = {
        name: pa.array(
            draw(st.lists(st.none() | _COLUMNS[name], min_size=rows, max_size=rows)),
            CANONICAL.field(name).type,
        )
        for name in names
    }
    return pa.record_batch(columns)


def fields(tags: Tags) -> list[list[int]]:
    return [a.tolist() for a in (tags.tier, tags.confidence, tags.evidence, tags.rule)]


def joined(parts: list[Tags]) -> list[list[int]]:
    return [[value for part in parts for value in fields(part)[i]] for i in range(4)]


@SOME
@given(batches(), st.integers(0, 12))
def test_slices_tag_like_the_whole(batch, cut):
    parts = [TAGGER.tag(batch.slice(0, cut)), TAGGER.tag(batch.slice(cut))]
    assert joined(parts) == fields(TAGGER.tag(batch))


@SOME
@given(batches(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(batch, random):
    order = list(range(batch.num_rows))
    random.shuffle(order)
    whole = fields(TAGGER.tag(batch))
    shuffled = fields(TAGGER.tag(batch.take(pa.array(order, pa.int64()))))
    assert shuffled == [[column[row] for row in order] for column in whole]


def _encoded(column: pa.Array, kind: str) -> pa.Array:
    if not pa.types.is_string(column.type):
        return column
    return column.cast(pa.large_string()) if kind == "large" else column.dictionary_encode()


@pytest.mark.parametrize("kind", ["large", "dictionary"])
@SOME
@given(batch=batches())
def test_the_encoding_of_texts_does_not_matter(kind, batch):
    columns = [_encoded(batch.column(i), kind) for i in range(batch.num_columns)]
    encoded = pa.record_batch(columns, names=batch.schema.names)
    assert fields(TAGGER.tag(encoded)) == fields(TAGGER.tag(batch))


@SOME
@given(batches())
def test_a_null_column_is_an_absent_column(batch):
    name = batch.schema.names[0]
    kept = [n for n in batch.schema.names if n != name]
    nulled = batch.set_column(0, name, pa.nulls(batch.num_rows, CANONICAL.field(name).type))
    rest = batch.select(kept) if kept else pa.record_batch({"model": pa.nulls(batch.num_rows, pa.string())})
    assert fields(TAGGER.tag(nulled)) == fields(TAGGER.tag(rest))


@SOME
@given(batches())
def test_tags_are_consistent(batch):
    tags = TAGGER.tag(batch)
    untagged = tags.tier == UNTAGGED
    assert len(tags) == batch.num_rows
    assert [a.dtype for a in (tags.tier, tags.confidence, tags.evidence, tags.rule)] == [
        np.dtype(kind) for kind in ("int8", "int8", "int8", "int16")
    ]
    assert ((tags.tier >= UNTAGGED) & (tags.tier <= max(Tier))).all()
    assert (untagged == (tags.confidence == 0)).all()
    assert (untagged == (tags.evidence == Evidence.NONE)).all()
    assert (untagged == (tags.rule == -1)).all()
    assert (tags.confidence[tags.evidence == Evidence.SHAPE] <= 50).all()
    assert (tags.tier[tags.evidence == Evidence.SHAPE] < Tier.HIGH_STAKES).all()
    named_three = [
        row
        for row in range(batch.num_rows)
        if any(r.evidence is Evidence.METADATA and r.tier == 3 for r in TAGGER.explain(batch, row)[:1])
    ]
    assert (tags.tier[named_three] == 3).all()


@SOME
@given(st.text(max_size=120))
def test_an_ordinary_system_prompt_does_not_change_the_tag(system):
    prompts = ["Write a Python function that sorts a list", "Classify the message: hello", "hm"]
    plain = pa.record_batch({"prompt": prompts})
    with_system = plain.append_column("system", pa.array([f"You are a code agent. {system}"] * 3))
    assert fields(TAGGER.tag(with_system)) == fields(TAGGER.tag(plain))


def test_names_of_earlier_batches_are_judged_the_same():
    tagger = Tagger(load_rules())
    for names in (["faq", "payments"], ["misc", "faq"], ["payments", "code-agent", None]):
        for kind in (pa.string(), pa.large_string()):
            batch = pa.record_batch({"feature": pa.array(names, kind)})
            assert fields(tagger.tag(batch)) == fields(Tagger(load_rules()).tag(batch))


def test_a_dictionary_with_nulls_and_unused_values_reads_like_plain_text():
    dictionary = pa.array([None, "code-agent", "payments", "faq", "unused", "payments"])
    column = pa.DictionaryArray.from_arrays(pa.array([3, 0, None, 5], pa.int8()), dictionary)
    tags = TAGGER.tag(pa.record_batch({"feature": column}))
    assert tags.tier.tolist() == [1, UNTAGGED, UNTAGGED, 3]
    assert TAGGER.explain(pa.record_batch({"feature": column, "prompt": column}), 1) == []


def test_a_column_of_the_null_type_is_absent():
    tags = TAGGER.tag(pa.record_batch({"feature": pa.nulls(2), "input": pa.nulls(2), "prompt": pa.nulls(2)}))
    assert tags.tier.tolist() == [UNTAGGED, UNTAGGED]


def test_an_empty_batch_has_no_tags():
    empty = pa.RecordBatch.from_pylist([], schema=CANONICAL)
    assert fields(TAGGER.tag(empty)) == [[], [], [], []]


def test_a_prompt_of_100000_words_is_long_context():
    tags = TAGGER.tag(pa.record_batch({"prompt": ["word " * 100_000, "hm"]}))
    assert tags.tier.tolist() == [Tier.COMPLEX, UNTAGGED]


def test_many_prompts_score_like_each_alone():
    prompts = ["Classify the message: hello", "hm", "Prove that 2 is prime", None, "Translate this to German"]
    once = fields(TAGGER.tag(pa.record_batch({"prompt": prompts})))
    many = fields(TAGGER.tag(pa.record_batch({"prompt": prompts * 4000})))
    assert many == [column * 4000 for column in once]


def test_reasons_never_hold_the_text_of_the_log():
    batch = pa.record_batch(
        {
            "prompt": [f"Classify the message {MARKER}: my landlord wants to evict me"],
            "feature": [f"faq {MARKER}"],
            "system": [MARKER],
            "tags": [MARKER],
        }
    )
    assert MARKER not in repr(TAGGER.explain(batch, 0)) + repr(TAGGER.tag(batch))


def test_explain_names_outvoted_rules_with_damped_points():
    prompt = "I had surgery and nausea. Is this review positive or negative?"
    reasons = TAGGER.explain(pa.record_batch({"prompt": [prompt], "output": [2], "input": [40]}), 0)
    points = {reason.rule: (reason.tier, reason.points) for reason in reasons if reason.points is not None}
    # sentiment gives 8; two medical words of 4 points each count a quarter beside a task
    assert points["sentiment"] == (0, 8.0)
    assert points["medical-words"] == (3, 2.0)
    assert reasons[-1].rule in SHAPE_NAMES


@pytest.mark.parametrize("row", [-1, 1, 5])
def test_explain_refuses_a_row_that_is_not_there(row):
    with pytest.raises(IndexError, match="batch of 1"):
        TAGGER.explain(pa.record_batch({"feature": ["faq"]}), row)


@pytest.mark.parametrize("unit", ["x,", "aA", "task:,", "1", "é", "k:v,", "\t \n", "_"])
@pytest.mark.parametrize("name", ["feature", "tags", "user_tier"])
def test_of_a_long_name_the_beginning_is_read(name, unit):
    begins = ("task:classify," + unit * MOST_CHARS)[:MOST_CHARS]
    short = pa.record_batch({name: [begins, begins]})
    whole = pa.record_batch({name: [begins + unit * 500_000, begins + ",task:legal"]})
    assert fields(TAGGER.tag(whole)) == fields(TAGGER.tag(short))


def test_names_that_were_judged_are_forgotten_before_they_fill_the_memory():
    speaker = MetadataSpeaker(load_rules().metadata, load_rules().tag_keys)
    for n in range(40):
        speaker.first(BatchColumns(pa.record_batch({"tags": [f"{n}" * 1_000_000]})))
        held = sum(known.values.nbytes for known in speaker._known.values())
        assert held < 20_000_000


@given(st.text(st.sampled_from("abzABZ019_-:, é漢ÉÀ\u0301\n")))
def test_words_are_what_camel_case_and_signs_part(name):
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    words = "".join(c if unicodedata.category(c)[0] in "LN" else " " for c in parted)
    assert _words(pa.array([name])).to_pylist() == [re.sub(" +", " ", words).lower()]
