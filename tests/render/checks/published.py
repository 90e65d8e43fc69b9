"""The published schemas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xmlschema
from jsonschema import Draft4Validator

SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture(scope="session")
def sarif_schema() -> Draft4Validator:
    """The schema that OASIS publishes."""
    return Draft4Validator(json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text("utf-8")))


@pytest.fixture(scope="session")
def junit_schema() -> xmlschema.XMLSchema:
    """The schema of the xUnit plugin of Jenkins."""
    return xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))
