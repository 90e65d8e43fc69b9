"""The published schemas, for every test of a format."""

from __future__ import annotations

from tests.render.checks.published import junit_schema, sarif_schema

__all__ = ["junit_schema", "sarif_schema"]
