"""The project's own files agree with each other."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import costaudit
from costaudit.ingest.adapters import ADAPTERS
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def pins(name: str) -> list[str]:
    """The lines of a file of constraints."""
    lines = (ROOT / "constraints" / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


PINS = pins("dev.txt")
TIED = {"pydantic-core"}
"""What a dependency asks for in one version only."""


def test_the_version_is_stated_the_same_everywhere():
    assert costaudit.__version__ == PROJECT["version"]


@pytest.mark.parametrize("pin", [*PINS, *pins("minimum.txt"), *pins("sbom.txt")])
def test_a_pin_is_a_name_and_a_version(pin):
    assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin)


@pytest.mark.parametrize("text", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
def test_a_dependency_has_both_bounds_and_a_pin_between_them(text):
    requirement = Requirement(text)
    pinned = dict(pin.split("==") for pin in PINS)
    assert {spec.operator for spec in requirement.specifier} == {">=", "<"}
    assert requirement.specifier.contains(pinned[requirement.name])


def test_the_minimum_is_every_lower_bound_and_else_what_is_pinned():
    lowest = dict(pin.split("==") for pin in pins("minimum.txt"))
    bounds = {
        requirement.name: Version(spec.version)
        for requirement in map(Requirement, PROJECT["dependencies"])
        for spec in requirement.specifier
        if spec.operator == ">="
    }
    assert {name: Version(lowest[name]) for name in bounds} == bounds
    others = {pin for pin in pins("minimum.txt") if pin.split("==")[0] not in {*bounds, *TIED}}
    assert others == {pin for pin in PINS if pin.split("==")[0] not in {*bounds, *TIED}}


def test_every_make_target_says_what_it_does():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert set(re.findall(r"^([a-z-]+):.*## .+$", makefile, re.MULTILINE)) == set(phony.split())


def test_every_log_format_is_on_a_page():
    pages = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs" / "formats").glob("*.md"))
    elsewhere = {"flat": "formats.md", "usage-export": "bills.md"}
    missing = [
        adapter.name
        for adapter in ADAPTERS
        if f"`{adapter.name}`" not in pages and f"format {adapter.name}`" not in pages
        and adapter.name not in elsewhere
    ]  # fmt: skip
    assert not missing


def test_every_page_of_a_format_is_linked():
    linked = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    pages = [p.name for p in (ROOT / "docs" / "formats").glob("*.md")]
    assert [name for name in pages if f"formats/{name})" not in linked] == []
