"""Portkey's conditional router as its documentation describes it, to run configurations without Portkey.

Page "Conditional Routing": conditions are asked in their order, the first that holds decides, else the
default; a key that is absent fits nothing; several keys of a query must all hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def chosen_target(config: Mapping[str, Any], context: Mapping[str, Mapping[str, str]]) -> str:
    """The name of the target that a request goes to; `context` has its metadata and params."""
    strategy = config["strategy"]
    for condition in strategy["conditions"]:
        if _holds(condition["query"], context):
            return str(condition["then"])
    return str(strategy["default"])


def _holds(query: Mapping[str, Any], context: Mapping[str, Mapping[str, str]]) -> bool:
    return all(_part_holds(key, value, context) for key, value in query.items())


def _part_holds(key: str, value: Any, context: Mapping[str, Mapping[str, str]]) -> bool:
    if key == "$and":
        return all(_holds(part, context) for part in value)
    if key == "$or":
        return any(_holds(part, context) for part in value)
    source, _, name = key.partition(".")
    assert "." not in name, "only keys of two parts are supported"
    found = context[source].get(name)
    return found is not None and all(_compares(op, found, other) for op, other in value.items())


def _compares(operator: str, found: str, other: Any) -> bool:
    match operator:
        case "$eq":
            return bool(found == other)
        case "$in":
            return found in other
        case "$regex":
            return re.search(other, found) is not None
    raise AssertionError(f"{operator} is not documented")


def served_by(target: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Provider and model of every target below one, in order."""
    if "targets" in target:
        return [pair for part in target["targets"] for pair in served_by(part)]
    return [(target["provider"], target["override_params"]["model"])]
