"""The surroundings for the eye."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Final

_LABEL: Final = 14
"""Columns of the name of a line."""


def surroundings_text(told: dict[str, Any], width: int) -> str:
    """The facts as lines of at most `width` columns."""
    lines = [f"costaudit {told['costaudit']['version']}", ""]
    for label, words in _facts(told):
        start = f"  {label:<{_LABEL}}"
        lines += textwrap.wrap(
            words, width, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
        )
    return "\n".join([*lines, ""])


def _facts(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A name and a few words for each part."""
    yield "installed", _installed(told["costaudit"])
    python, platform = told["python"], told["platform"]
    place = "in" if python["virtual_environment"] else "outside of"
    yield "python", f"{python['implementation']} {python['version']}, {place} a virtual environment"
    yield "platform", _listed(platform["system"], platform["machine"], platform["libc"])
    yield "dependencies", ", ".join(map(_dependency, told["dependencies"])) or "not known: not installed"
    yield "features", _features(told["features"])
    cores = told["cores"]
    quota = None if cores["quota"] is None else f"cgroup gives {cores['quota']:g}"
    allowed = None if cores["allowed"] is None else f"{cores['allowed']} allowed"
    yield "cores", _listed(f"{cores['present']}", allowed, quota, f"{cores['threads']} threads are used")
    yield "memory", _memory(told["memory"])
    temporary = told["temporary"]
    free = None if temporary["free"] is None else f"{_gib(temporary['free'])} free"
    yield "temporary", _listed(temporary["place"] or "no usable directory", free)
    stdout = told["stdout"]
    kind = "a terminal" if stdout["terminal"] else "no terminal"
    color = "colour" if stdout["color"] else "no colour"
    spelled = f"{stdout['encoding']} ({stdout['errors']})"
    yield "stdout", _listed(spelled, kind, f"{stdout['columns']} columns", color)
    yield "file names", stdout["files"]
    yield "settings", _settings(told["settings"])
    yield "prices", _prices(told["prices"])
    shown = [
        v["name"] if v["value"] is None else f"{v['name']}={v['value']}"
        for v in told["variables"]
        if v["set"]
    ]
    yield "variables", f"set are {', '.join(shown)}" if shown else "none of those that are read is set"


def _listed(*words: str | None) -> str:
    return ", ".join(word for word in words if word)


def _installed(package: dict[str, Any]) -> str:
    kinds = {
        None: "not: it runs from a checkout", "index": "from an index", "archive": "from a wheel or archive",
        "directory": "from a directory", "editable": "editable", "vcs": "from version control",
    }  # fmt: skip
    other = package["installed_version"] not in (None, package["version"])
    stale = f"as version {package['installed_version']}: install it again" if other else None
    return _listed(kinds[package["installed"]], stale)


def _dependency(dependency: dict[str, Any]) -> str:
    version = dependency["version"] or "is not installed"
    trouble = f" cannot be imported ({dependency['error']})" if dependency["error"] else ""
    return f"{dependency['name']} {version}{trouble}"


def _features(features: dict[str, Any]) -> str:
    built = "arrow is missing"
    if features["arrow"] is not None:
        words = [*features["arrow"]["codecs"], *features["arrow"]["stores"]]
        built = f"arrow: {features['arrow']['simd']}, {features['arrow']['memory_pool']}, {' '.join(words)}"
    return _listed(
        f"msgspec {features['msgspec'] or 'is not native'}",
        f"zstandard {features['zstandard'] or 'is missing'}",
        f"sqlite {features['sqlite']}",
        f"zlib {features['zlib']}",
        f"git {features['git'] or 'is missing'}",
        f"compiled reader {features['compiled_reader']}",
        built,
    )


def _memory(memory: dict[str, Any]) -> str:
    limits = {"cgroup allows": "cgroup_limit", "address space of": "address_space_limit"}
    told = [f"{word} {_gib(memory[name])}" for word, name in limits.items() if memory[name] is not None]
    files = memory["open_files_limit"]
    present = "unknown" if memory["present"] is None else _gib(memory["present"])
    return _listed(present, *told, None if files is None else f"{files} open files")


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _settings(settings: dict[str, Any] | None) -> str:
    if settings is None:
        return "none from here upwards"
    file = settings["file"] or "of the working directory"
    if not settings["readable"]:
        line = "" if settings["line"] is None else f", line {settings['line']}"
        return f"{file}{line} cannot be read: costaudit config check says why"
    return f"{file} sets {', '.join(settings['keys']) or 'nothing'}"


def _prices(prices: dict[str, Any]) -> str:
    if not prices["readable"]:
        return "cannot be read: costaudit pricing list says why"
    sources = {"shipped": "shipped", "settings": "of the settings", "--prices": "of --prices"}
    laid = {"overlays": "overlays", "discounts": "discounts", "mapped_names": "mapped names"}
    return _listed(
        f"{prices['version']}, {sources[prices['source']]}",
        f"{prices['providers']} providers, {prices['models']} models",
        *(f"{prices[key]} {word}" for key, word in laid.items() if prices[key]),
        f"sha256 {prices['sha256']}",
    )
