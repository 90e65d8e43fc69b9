"""Loading rule files: the shipped rules are sound, users' rules come first, mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from costaudit.errors import ConfigError
from costaudit.schema import Tier
from costaudit.tiers import rules as rules_module
from costaudit.tiers.rules import load_rules, parse_rules
from costaudit.tiers.ruleset import ChoiceFact, FactRule, RangeFact
from costaudit.tiers.tagger import Tagger

SHIPPED = load_rules()
META = '[[metadata]]\nname = "mine"\ntier = 1\nconfidence = 85\ncolumns = ["feature"]\nwords = "x"\n'
TEXT = '[[text]]\nname = "mine"\ntier = 1\npoints = 3\nregex = "x"\n'
SHAPE = '[[shape]]\nname = "mine"\ntier = 3\nconfidence = 40\nwhen = { output = "1.." }\n'
FACT = '[[structure]]\nname = "mine"\ntier = 1\nconfidence = 70\n'


@pytest.fixture
def rule_file(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("rules", "low", "high"),
    [(SHIPPED.metadata, 80, 90), (SHIPPED.structure, 60, 80), (SHIPPED.shape, 30, 50)],
)
def test_shipped_confidence_keeps_to_the_band_of_its_kind(rules, low, high):
    assert {rule.name for rule in rules if not low <= rule.confidence <= high} == set()


def test_the_shipped_rules_are_as_sound_as_those_of_a_user_must_be():
    assert parse_rules(Path(rules_module.__file__).with_name("rules.toml").read_text("utf-8")) == SHIPPED


def test_only_the_tiny_output_reaches_fifty_percent_by_shape():
    assert [rule.name for rule in SHIPPED.shape if rule.confidence >= 50] == ["tiny-output"]


def test_shape_rules_ask_for_a_complete_answered_call():
    for rule in SHIPPED.shape:
        assert ChoiceFact("status", ("ok",)) in rule.facts
        assert ChoiceFact("quality", ("exact",)) in rule.facts


def test_every_tier_has_text_rules():
    assert {rule.tier for rule in SHIPPED.text} == set(Tier)


def test_no_single_damped_rule_decides_beside_a_task():
    points = [r.points * r.up_to * SHIPPED.scoring.damp_percent for r in SHIPPED.text if r.damped]
    task = min(rule.points for rule in SHIPPED.text if rule.task) * 100
    assert max(points) < task


def test_rules_of_a_user_come_first_and_the_shipped_stay(rule_file):
    rules = load_rules(rule_file(META.replace('"x"', '"summar\\\\w+"').replace("tier = 1", "tier = 2")))
    assert [rule.name for rule in rules.metadata] == ["mine", *(rule.name for rule in SHIPPED.metadata)]
    assert rules.structure == SHIPPED.structure
    assert Tagger(rules).tag(pa.record_batch({"feature": ["summaries"]})).tier.tolist() == [2]


def test_a_rule_of_the_same_name_replaces_the_shipped_one(rule_file):
    rules = load_rules(rule_file(META.replace("mine", "name-standard")))
    assert [rule.name for rule in rules.metadata].count("name-standard") == 1
    assert rules.metadata[0].words == "x"


def test_shipped_rules_can_be_disabled(rule_file):
    rules = load_rules(rule_file('disable = ["long-input"]'))
    assert "long-input" not in {rule.name for rule in rules.structure}


def test_scoring_is_replaced_key_by_key(rule_file):
    rules = load_rules(rule_file("[scoring]\nmin_points = 9\n"))
    assert rules.scoring.min_points == 9
    assert rules.scoring.zone_head == SHIPPED.scoring.zone_head


def test_users_with_a_plan_can_be_made_high_stakes(rule_file):
    text = (
        META.replace('"feature"', '"user_tier"')
        .replace('"x"', '"enterprise|vip"')
        .replace("tier = 1", "tier = 3")
    )
    tags = Tagger(load_rules(rule_file(text))).tag(pa.record_batch({"user_tier": ["Enterprise", "pro"]}))
    assert tags.tier.tolist() == [3, -1]


def test_facts_are_read_as_closed_ranges_and_choices(rule_file):
    when = 'when = { input = "5..9", turns = "3..", has_tools = false, status = ["ok", "error"] }\n'
    rule = load_rules(rule_file(FACT + when)).structure[0]
    assert isinstance(rule, FactRule)
    assert rule.facts[0] == RangeFact("input", 5, 9)
    assert rule.facts[2:] == (RangeFact("has_tools", 0, 0), ChoiceFact("status", ("ok", "error")))
    batch = pa.record_batch(
        {"input": [4, 5, 9, 10, 9], "turns": [3, 3, 9, 3, None], "has_tools": [False] * 5}
    )
    names = Tagger(load_rules(rule_file(FACT + when)))
    spoke = [names.rule_names[rule] == "mine" for rule in names.tag(batch).rule]
    assert spoke == [False, True, True, False, False]


def test_patterns_too_large_together_are_tried_one_by_one(rule_file):
    rules = "".join(
        TEXT.replace("mine", f"mine-{n}").replace('"x"', f"'\\bq{n}(?:\\pL{{100}})?z'").replace("= 3", "= 50")
        for n in range(12)
    )
    tagger = Tagger(load_rules(rule_file(rules)))
    assert tagger.tag(pa.record_batch({"prompt": ["q3z", "q99"]})).tier.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("x = 1", "unknown key 'x'", None),
        ('[[metadat]]\nname = "a"', "did you mean 'metadata'", None),
        ("[[metadata]]\nname = ", "not valid TOML", 2),
        ("\n\n" + META.replace("tier = 1", "teir = 1"), "has no 'tier' (found 'teir')", 3),
        (META + "wrods = 'y'\n", "did you mean 'words'", 1),
        (META.replace("tier = 1", "tier = 4"), "tier of metadata rule 'mine' must be 0 to 3, not 4", 1),
        (META.replace("tier = 1", "tier = true"), "must be a whole number, not True", 1),
        (META.replace("= 85", "= 101"), "confidence of metadata rule 'mine' must be 1 to 100", 1),
        (META.replace('"feature"', '"featur"'), "did you mean 'feature'", 1),
        (META.replace('["feature"]', "[]"), "columns of metadata rule 'mine' must be a list of texts", 1),
        (META.replace('"feature"', '"prompt"'), "reads no such column: 'prompt'", 1),
        (META + "regex = 'y'\n", "needs either 'words' or 'regex'", 1),
        (META.replace('words = "x"\n', ""), "needs either 'words' or 'regex'", 1),
        (META.replace('"x"', '"(x"'), "words of metadata rule 'mine' is not a valid pattern", 1),
        (META.replace('"x"', "'(?=x)'"), "no look-around", 1),
        (META.replace('"x"', '""'), "must be 1 to 4000 characters", 1),
        (META.replace('"x"', f"'{'x' * 4001}'"), "must be 1 to 4000 characters", 1),
        ("\n\n" + META.replace('"x"', "'(?:\\pL{300}){3}'"), "is not a valid pattern", 3),
        (META.replace('"x"', "'(?:x{1000}){1000}'"), "is not a valid pattern", 1),
        (META.replace('"x"', "'\\Qx'"), r"not a valid pattern: \Q", 1),
        (META + TEXT.replace("mine", "b").replace('"x"', "'\\\\\\Qx'"), r"'b' is not a valid pattern: \Q", 7),
        (META.replace("mine", "My Rule"), "lower-case letters, digits and hyphens", 1),
        (META + META, "a second rule named 'mine'", 7),
        (META.replace("mine", "tier_tag"), "lower-case letters", 1),
        ("metadata = 3", "metadata must be an array of tables", None),
        ("metadata = [3]", "metadata must be a table", None),
        ("disable = ['long-imput']", "did you mean 'long-input'", None),
        ("disable = 'long-input'", "disable must be a list of texts", None),
        ("tag_keys = [1]", "tag_keys must be a list of texts", None),
        (f"tag_keys = {['k' * 99] * 41}", "tag_keys must have at most 4000 characters", None),
        (FACT, "has no 'when'", 1),
        (FACT + "when = {}\n", "has an empty 'when'", 1),
        (FACT + 'when = { imput = "1.." }\n', "did you mean 'input'", 1),
        (FACT + "when = { input = 5 }\n", "input of structure rule 'mine' must be a range", 1),
        (FACT + 'when = { input = ".." }\n', "is no range: '..'", 1),
        (FACT + 'when = { input = "9..5" }\n', "is an empty range", 1),
        (FACT + 'when = { has_tools = "yes" }\n', "must be true or false", 1),
        (FACT + 'when = { status = "ok" }\n', "must be a list of texts", 1),
        (FACT + 'when = { prompt = "(" }\n', "is not a valid pattern", 1),
        (SHAPE, "sets tier 3", 1),
        (TEXT.replace("points = 3\n", ""), "has no 'points'", 1),
        (TEXT + "task = 1\n", "task of text rule 'mine' must be true or false", 1),
        (TEXT + "at_least = 0\n", "at_least of text rule 'mine' must be 1 to 100", 1),
        ("\n[scoring]\nmin_point = 3\n", "did you mean 'min_points'", 2),
        ("[scoring]\nmilli_per_point = 0\n", "milli_per_point of [scoring] must be 1 to 10000", 1),
        ("[scoring]\nleast_confidence = 90\n", "most_confidence is below least_confidence", 1),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(rule_file, text, message, line):
    path = rule_file(text)
    with pytest.raises(ConfigError) as caught:
        load_rules(path)
    assert message in str(caught.value)
    assert caught.value.path == str(path)
    assert caught.value.line == line


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read: No such file"):
        load_rules(tmp_path / "absent.toml")


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary\.toml:1: is not UTF-8 text"):
        load_rules(path)


def test_a_rule_set_of_its_own_needs_its_scoring():
    with pytest.raises(ConfigError, match=r"\[scoring\] has no 'zone_head'"):
        parse_rules(META)


def test_a_backslash_before_a_q_is_no_quoting(rule_file):
    rules = load_rules(rule_file(META.replace('words = "x"', r"regex = 'a\\Qx'")))
    names = pa.record_batch({"feature": [r"a\Qx", "ax", "aQx"]})
    assert Tagger(rules).tag(names).tier.tolist() == [1, -1, -1]
