"""Policies and rosters that a user writes: what is wrong, where, and what was meant."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from costaudit.engine.plan import Plan
from costaudit.errors import ConfigError
from costaudit.prices.resolver import Resolver
from costaudit.routing import policy_load as policies
from costaudit.routing.policy import Policy, matches
from costaudit.routing.policy_file import model_of, policy_of
from costaudit.routing.policy_load import load_policy, shipped_policies
from costaudit.toml.load import load_toml
from tests.engine.audits import book, tagger

HEAD = 'schema = "costaudit/policy@1"\nname = "mine"\n'
RULE = HEAD + "[[tiers]]\ntier = 0\n"


def load(folder: Path, policy: str, roster: str | None = None) -> Plan:
    (folder / "policy.toml").write_text(policy, encoding="utf-8")
    if roster is not None:
        (folder / "roster.toml").write_text(roster, encoding="utf-8")
    return Plan.of(book(), Resolver(book()), tagger(), load_policy(folder / "policy.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "schema"),
        ('schema = "costaudit/policy@2"\nname = "x"\n', "schema"),
        (HEAD + "x = ", "not valid TOML"),
        (HEAD + "min_confidense = 3\n", "did you mean 'min_confidence'"),
        (HEAD + "min_confidence = 0\n", "greater than or equal to 1"),
        (RULE, "exactly one of"),
        (RULE + 'keep = true\nclasses = ["mid"]\n', "exactly one of"),
        (RULE + 'classes = ["middle"]\n', "classes"),
        (RULE + 'keep = true\nverification = "11"\n', "between 0 and 10"),
        (RULE + 'keep = true\nverification = "-1"\n', "between 0 and 10"),
        (HEAD + "[[tiers]]\ntier = 4\nkeep = true\n", "tier"),
        (RULE + 'candidate = ["openai/gpt-4o"]\n', "did you mean 'candidates'"),
        ("\xff\xfe", "schema|not valid TOML"),
    ],
)
def test_a_wrong_policy_is_explained_with_its_file(tmp_path: Path, text: str, said: str):
    with pytest.raises(ConfigError, match=said) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "policy.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("roster", "said"),
    [
        ('mid = ["openai/gpt-4o"]\n', "list of seats"),
        ('mid = [["gpt-4o"]]\n', "provider/model"),
        ("mid = [[]]\n", "list of seats"),
        ('mid = [["openai/gpt-4o", "google/gemini-2.5-pro"]]\n', "mixes providers"),
        ('middle = [["openai/gpt-4o"]]\n', "unknown class"),
        ("mid = [[3]]\n", "provider/model"),
        ("mid", "not valid TOML"),
    ],
)
def test_a_wrong_roster_is_explained_with_its_file(tmp_path: Path, roster: str, said: str):
    with pytest.raises(ConfigError, match=said) as caught:
        load(tmp_path, HEAD.replace("name", 'roster = "roster.toml"\nname'), roster)
    assert "roster.toml" in str(caught.value)


def test_a_missing_policy_or_roster(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no such policy.*did you mean 'default'"):
        load_policy("defualt")
    with pytest.raises(ConfigError, match=r"roster\.toml.*No such file"):
        load(tmp_path, HEAD.replace("name", 'roster = "roster.toml"\nname'))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("opnai/gpt-4o", "did you mean 'openai'"),
        ("openai/gpt-99", "no model 'openai/gpt-99'"),
        ("gpt-4o", "no provider"),
    ],
)
def test_a_candidate_that_is_not_in_the_book_is_named(tmp_path: Path, name: str, said: str):
    plan = load(tmp_path, RULE + f'candidates = ["{name}"]\n')
    with pytest.raises(ConfigError, match=said):
        plan.offering.routes(0, "standard")


def test_a_roster_of_ones_own(tmp_path: Path):
    plan = load(
        tmp_path,
        HEAD.replace("name", 'roster = "roster.toml"\nname') + '[[tiers]]\ntier = 1\nclasses = ["mid"]\n',
        'mid = [["openai/gpt-4o-mini", "openai/gpt-5-mini"], ["mistral/mistral-medium-latest"]]\n',
    )
    (group,) = plan.offering.routes(1, "standard")
    assert [r.candidate.names for r in group] == [
        ("openai/gpt-4o-mini", "openai/gpt-5-mini"),
        ("mistral/mistral-medium-latest",),
    ]
    assert plan.offering.routes(0, "standard") == ()


@pytest.mark.parametrize(
    ("rate", "fits"), [("0.02", True), ("0.95", True), ("0.9501", False), ("-0.1", False)]
)
def test_a_retry_rate_is_read_and_has_an_end(tmp_path: Path, rate: str, fits: bool):
    (tmp_path / "policy.toml").write_text(RULE + f'classes = ["mid"]\nretry_rate = "{rate}"\n', "utf-8")
    if fits:
        rule = load_policy(tmp_path / "policy.toml").tier(0)
        assert rule is not None
        assert str(rule.retry_rate) == rate
    else:
        with pytest.raises(ConfigError, match="retry_rate"):
            load_policy(tmp_path / "policy.toml")


@pytest.mark.parametrize(
    "pattern", ["*a" * 30 + "b", "*[a-z]" * 30 + "0", "*?" * 30 + "b", "*" * 2_000 + "b"]
)
def test_many_stars_are_no_explosion(pattern: str):
    assert not matches((pattern,), "a" * 50_000)
    assert matches((pattern,), "a" * 50_000 + pattern[-1])


def test_prices_are_looked_up_once_for_names_that_mean_the_same(tmp_path: Path):
    plan = load(tmp_path, RULE + "keep = true\n")
    found = [plan.prices.subject(("openai", "gpt-4o", None, None, None, f"gateway-{n}")) for n in range(9)]
    assert len({id(prices) for prices in found}) == 1
    assert plan.prices.subject(("openai", "gpt-4o", "batch", None, None, None)) is not found[0]


@pytest.mark.parametrize("name", shipped_policies())
def test_a_shipped_policy_is_as_what_checks_other_ones_reads_it(name: str):
    read = load_toml(shipped_policies()[name])
    policy = load_policy(name)
    assert replace(policy, groups={}) == policy_of(read)
    told = (
        model_of(Policy)
        .model_validate(read.table)
        .model_dump_json(by_alias=True, exclude={"name", "title", "roster"})
    )
    digest = hashlib.sha256(f"{told}\n{sorted(policy.groups.items())}".encode()).hexdigest()
    assert policy.digest == digest


def test_a_shipped_policy_that_was_changed_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(policies, "SHIPPED_POLICIES", tmp_path)
    said = 'schema = "costaudit/policy@1"\nname = "x"\n[[tiers]]\ntier = 1\nclasses = ["mid"]\n'
    for wrong, what in {
        'share = "1.5"': "less than or equal to 1",
        'share = "0.12345"': "decimal places",
        'success_rate = "NaN"': "finite",
        "verification = []": "valid dictionary",
        "keep = true": "exactly one of",
        "max_attempts = 11": "less than or equal to 10",
        "foo = 1": "Extra inputs",
    }.items():
        (tmp_path / "mine.toml").write_text(f"{said}{wrong}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=what):
            load_policy("mine")
