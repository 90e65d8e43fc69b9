"""The project's own files agree with each other."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement

import costaudit
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINS = [
    line
    for line in (ROOT / "constraints" / "dev.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_the_version_is_stated_the_same_everywhere():
    assert costaudit.__version__ == PROJECT["version"]


@pytest.mark.parametrize("pin", PINS)
def test_a_pin_is_a_name_and_a_version(pin):
    assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin)


@pytest.mark.parametrize("text", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
def test_a_dependency_has_both_bounds_and_a_pin_between_them(text):
    requirement = Requirement(text)
    pins = dict(pin.split("==") for pin in PINS)
    assert {spec.operator for spec in requirement.specifier} == {">=", "<"}
    assert requirement.specifier.contains(pins[requirement.name])


def test_every_make_target_says_what_it_does():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert set(re.findall(r"^([a-z-]+):.*## .+$", makefile, re.MULTILINE)) == set(phony.split())
