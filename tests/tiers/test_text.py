"""The text scorer: what it reads, in which languages, and what it must not fall for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.errors import ConfigError
from costaudit.ingest.adapters.request_body import set_request
from costaudit.schema import UNTAGGED, Call, Tier
from costaudit.tiers.rules import load_rules, parse_rules
from costaudit.tiers.ruleset import GUARD_RULE, MODEL_RULE
from costaudit.tiers.tagger import Evidence, Tagger

TAGGER = Tagger(load_rules())
FOLDER = Path(__file__).parent
FOREIGN = tomllib.loads((FOLDER / "foreign.toml").read_text(encoding="utf-8"))
EVERYDAY = tomllib.loads((FOLDER / "everyday.toml").read_text(encoding="utf-8"))["tier"]
HEAD, TAIL = load_rules().scoring.zone_head, load_rules().scoring.zone_tail


def tiers(*prompts: str | None, tagger: Tagger = TAGGER) -> list[int]:
    return tagger.tag(pa.record_batch({"prompt": pa.array(prompts, pa.string())})).tier.tolist()


def scores(*prompts: str | None) -> np.ndarray:
    return TAGGER.text_scores(pa.record_batch({"prompt": pa.array(prompts, pa.string())}))


@pytest.mark.parametrize("language", FOREIGN)
def test_other_languages_are_never_read_as_easier_than_they_are(language):
    for tier, prompts in FOREIGN[language].items():
        for prompt, got in zip(prompts, tiers(*prompts), strict=True):
            assert got == UNTAGGED or got >= max(int(tier), Tier.COMPLEX), prompt


def test_code_speaks_in_any_language():
    for language in FOREIGN.values():
        assert Tier.COMPLEX in tiers(*language["2"])


def test_everyday_prompts_are_mostly_right_and_never_too_low_where_it_matters():
    true = np.array([int(tier) for tier, prompts in EVERYDAY.items() for _ in prompts])
    got = np.array(tiers(*(prompt for prompts in EVERYDAY.values() for prompt in prompts)))
    assert (got == true).mean() >= 0.88
    assert not ((got < Tier.COMPLEX) & (got != UNTAGGED) & (true >= Tier.COMPLEX)).any()


@pytest.mark.parametrize(
    "prompt",
    [
        None,
        "",
        " ",
        "\n\n",
        "hm",
        "?",
        "12345",
        "zxqv wvut",
        "lorem ipsum dolor sit amet consectetur elit sed",
    ],
)
def test_no_signal_is_no_tag(prompt):
    assert tiers(prompt) == [UNTAGGED]
    assert scores(prompt).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize(
    "framing", ["Think step by step: ", "Let's think step by step. ", "Think carefully. "]
)
@pytest.mark.parametrize(
    "prompt",
    ["what is 7 times 8?", "what is the capital of France?", "Write a short poem about cats", "hello"],
)
def test_how_to_answer_does_not_make_a_task_complex(framing, prompt):
    assert tiers(framing + prompt)[0] < Tier.COMPLEX


@pytest.mark.parametrize(
    ("word", "inside"),
    [
        ("api", "the capital of Peru"),
        ("sql", "a mysqlqx"),
        ("try", "poetry"),
        ("class", "classify"),
        ("mri", "amrita"),
    ],
)
def test_words_inside_words_are_no_evidence(word, inside):
    """The reasons for a text are the same as with the inner word spelled otherwise."""
    batch = pa.record_batch({"prompt": [f"we spoke of {inside} today"]})
    other = pa.record_batch({"prompt": [f"we spoke of {inside.replace(word, 'q')} today"]})
    rules = {r.rule for r in TAGGER.explain(batch, 0)} - {MODEL_RULE}
    assert rules <= {r.rule for r in TAGGER.explain(other, 0)} | {"classify"}
    assert "code-names" not in rules | {"medical-words"}


@settings(max_examples=15)
@given(st.text(max_size=300))
def test_what_lies_between_head_and_tail_is_never_read(payload):
    head, tail = "Summarize the report. ".ljust(HEAD, "a"), " Keep it short.".rjust(TAIL, "b")
    middle = "m" * 1000
    one, other = head + middle + tail, head + middle + payload + tail
    assert scores(one).tolist() == scores(other).tolist()


@settings(max_examples=15)
@given(st.text(max_size=100))
def test_the_system_prompt_does_not_change_what_the_text_says(system):
    prompts = pa.array(
        ["Write a SQL query for monthly revenue", "Is this review positive or negative? Great!", None]
    )
    batch = pa.record_batch({"prompt": prompts, "system": [system] * 3})
    assert TAGGER.text_scores(batch).tolist() == scores(*prompts.to_pylist()).tolist()


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from([p for ps in EVERYDAY.values() for p in ps]) | st.none(), max_size=30), st.data()
)
def test_scores_do_not_depend_on_the_batch(prompts, data):
    cut = data.draw(st.integers(0, len(prompts)))
    parts = [scores(*prompts[:cut]), scores(*prompts[cut:])]
    assert np.concatenate(parts).tolist() == scores(*prompts).tolist()


def test_a_prompt_scores_alone_as_among_thousands():
    prompts = [p for ps in EVERYDAY.values() for p in ps]
    many = scores(*prompts * 150)  # more than a block of rules and many blocks of the model
    assert (many == np.tile(scores(*prompts), (150, 1))).all()
    assert scores(prompts[7]).tolist() == many[7:8].tolist()


def test_a_prompt_in_parts_is_read_like_one_text():
    content = [
        {"type": "text", "text": "Classify the ticket as billing, shipping or other."},
        {"type": "text", "text": "Ticket: my parcel is late"},
    ]
    call = set_request(Call(), {"messages": [{"role": "user", "content": content}]})
    assert tiers(call.prompt) == [Tier.TRIVIAL]
    assert tiers(set_request(Call(), {"messages": [{"role": "user", "content": []}]}).prompt) == [UNTAGGED]


def test_scores_add_up_to_1000_where_a_text_speaks():
    assert scores("Write a poem", None, "zxqv").sum(axis=1).tolist() == [1000, 0, 0]


def test_less_risk_tags_higher_or_not_at_all():
    prompts = [p for ps in EVERYDAY.values() for p in ps]
    bold = np.array(tiers(*prompts, tagger=Tagger(load_rules(), risk=0.9)))
    usual = np.array(tiers(*prompts))
    strict = np.array(tiers(*prompts, tagger=Tagger(load_rules(), risk=0.05)))
    assert ((usual >= bold) | (usual == UNTAGGED)).all()
    assert ((strict >= usual) | (strict == UNTAGGED)).all()
    assert (strict > bold).any()


def test_risk_is_for_text_alone():
    batch = pa.record_batch({"feature": ["faq"], "prompt": ["hm"]})
    assert Tagger(load_rules(), risk=0.0).tag(batch).tier.tolist() == [Tier.STANDARD]


def test_where_the_risk_is_too_high_token_counts_do_not_lower_the_tag(tmp_path):
    path = tmp_path / "rules.toml"
    rule = '[[text]]\nname = "{}"\ntier = {}\npoints = {}\nregex = "foo"\n'
    path.write_text(rule.format("zero", 0, 6) + rule.format("three", 3, 5) + "[scoring]\nmodel_percent = 0\n")
    columns = {"output": [3], "input": [40]}
    tagger = Tagger(load_rules(path))
    # 6 points against 5, 0.4 each: odds of 60 to 40, so tier 3 is too probable for tier 0, and not for itself
    tags = tagger.tag(pa.record_batch({**columns, "prompt": ["foo"]}))
    assert tags.tier.tolist() == [UNTAGGED]
    assert tagger.tag(pa.record_batch({**columns, "prompt": ["bar"]})).tier.tolist() == [Tier.TRIVIAL]


def test_the_guard_is_named_where_it_raised_a_tag(tmp_path):
    path = tmp_path / "rules.toml"
    rule = '[[text]]\nname = "{}"\ntier = {}\npoints = {}\nregex = "foo"\n'
    path.write_text(rule.format("zero", 0, 6) + rule.format("two", 2, 5) + "[scoring]\nmodel_percent = 0\n")
    tagger, batch = Tagger(load_rules(path)), pa.record_batch({"prompt": ["foo"]})
    tags = tagger.tag(batch)
    assert (tags.tier[0], tagger.rule_names[tags.rule[0]]) == (Tier.COMPLEX, GUARD_RULE)
    reasons = {r.rule: (r.tier, r.points) for r in tagger.explain(batch, 0)}
    assert reasons == {GUARD_RULE: (2, None), "zero": (0, 6.0), "two": (2, 5.0)}


def test_words_of_the_prompt_are_reasons_only_on_request():
    batch = pa.record_batch({"prompt": ["Write a poem about my secret zanzibar"]})
    assert all(reason.signal is None for reason in TAGGER.explain(batch, 0))
    asked = TAGGER.explain(batch, 0, signals=True)
    signals = [reason for reason in asked if reason.signal is not None]
    assert 1 <= len(signals) <= 5
    assert {reason.rule for reason in signals} == {MODEL_RULE}
    assert {reason.evidence for reason in signals} == {Evidence.TEXT}
    assert "write" in {word for reason in signals for word in (reason.signal or "").split()}
    assert [reason for reason in asked if reason.signal is None] == TAGGER.explain(batch, 0)


def test_without_the_model_the_rules_speak_alone(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text("[scoring]\nmodel_percent = 0\n")
    tagger = Tagger(load_rules(path))
    batch = pa.record_batch(
        {"prompt": ["Classify the message: hello", "Which tea should my aunt buy in spring"]}
    )
    assert MODEL_RULE not in {r.rule for r in tagger.explain(batch, 0, signals=True)}
    # classify gives 7 points of 0.4: e^2.8 / (e^2.8 + 3) = .846 for tier 0
    assert np.abs(tagger.text_scores(batch)[0] - [846, 51, 51, 51]).max() <= 6
    assert tagger.text_scores(batch)[1].tolist() == [0, 0, 0, 0]


def test_a_rule_set_without_text_rules_reads_no_text():
    shipped = (Path(__file__).parents[2] / "costaudit/tiers/rules.toml").read_text(encoding="utf-8")
    scoring = shipped[shipped.index("\n[scoring]\n") : shipped.index("# --- tier 0")]
    tagger = Tagger(parse_rules(scoring))
    assert not tagger.text_scores(pa.record_batch({"prompt": ["Write a poem"]})).any()


def test_a_rule_for_any_language_may_only_raise(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('[[text]]\nname = "mine"\ntier = 1\npoints = 3\nregex = "x"\nany_language = true\n')
    with pytest.raises(ConfigError, match="for any language and sets tier 1"):
        load_rules(path)
