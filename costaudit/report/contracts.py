"""The published JSON Schemas of reports."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from costaudit.report import model as m
from costaudit.report.fallback_model import FallbackReport
from costaudit.report.jsonout import DIALECT
from costaudit.report.measured import LabelReport
from costaudit.report.shadow_model import ShadowComparison, ShadowPlan
from costaudit.routing.exports.model import PolicyExport

KINDS: Final[dict[str, type[BaseModel]]] = {
    "audit": m.Audit,
    "simulation": m.Simulation,
    "labels": LabelReport,
    "shadow-plan": ShadowPlan,
    "shadow-comparison": ShadowComparison,
    "policy-export": PolicyExport,
    "fallback": FallbackReport,
}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema that every `render_json` of that kind (one of KINDS) conforms to.

    It allows further keys: later versions add some.
    """
    schema = KINDS[kind].model_json_schema(mode="serialization", by_alias=True)
    return {"$schema": DIALECT, **_open(schema)}


def _open(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {k: _open(v) for k, v in schema.items() if not (k == "additionalProperties" and v is False)}
    return [_open(v) for v in schema] if isinstance(schema, list) else schema
