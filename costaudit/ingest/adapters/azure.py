"""Azure: the LLM log of API Management, and the refusal of logs that state no tokens.

`ApiManagementGatewayLlmLog` writes several rows per call: number 0 has the counts, the others hold
the messages in chunks. It has one input count, without a cache split, and no status. The
`RequestResponse` diagnostics of Azure OpenAI state bytes and times, never tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import without_split
from costaudit.ingest.adapters.row_values import filled, integer, items, objects
from costaudit.ingest.fields import first, flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call
from costaudit.stated import Stated

LLM_LOG: Final = ("PromptTokens", "CorrelationId")

_KNOWN: Final = frozenset({
    "PromptTokens", "CompletionTokens", "TotalTokens", "RequestMessages", "ResponseMessages", "Properties",
})  # fmt: skip

NO_TOKENS: Final = "RequestResponse diagnostics state no tokens: log through API Management (GatewayLlmLogs)"

PORTAL_TIME: Final = "%m/%d/%Y, %I:%M:%S.%f %p"
"""How the portal writes a time into its CSV exports; the column is then `TimeGenerated [UTC]`."""


def is_azure(record: Record) -> bool:
    """True for a row of either log, as the table, the storage export and the portal's CSV write it."""
    rows = objects(record.get("records")) or [record]
    return _is_llm_log(_flat(rows[0])) or _is_diagnostic(rows[0])


def calls_from_azure(record: Record) -> list[Call]:
    """The call of one row; none for a chunk of messages.

    Raises Skip for the diagnostics without tokens and for impossible usage.
    """
    return [call for row in objects(record.get("records")) or [record] for call in _calls(row)]


def _calls(record: Mapping[str, Any]) -> list[Call]:
    if not _is_llm_log(_flat(record)):
        raise Skip("no_usage_in_log", NO_TOKENS)
    row = filled(_flat(record))
    if integer(row.get("SequenceNumber", 0)) != 0:
        return []
    call = Call(
        ts=_time(first(row, "TimeGenerated", "TimeGenerated [UTC]", "Time")),
        call_id=text(row.get("CorrelationId")),
        provider="azure",
        model_requested=model_name(row.get("DeploymentName")),
        region=text(first(row, "Region", "Location")),
        stream=_flag(row.get("IsStreamCompletion")),
    )
    call.model = model_name(row.get("ModelName")) or call.model_requested
    asked = items(row.get("RequestMessages"))
    set_request(call, {"messages": asked} if asked else {})
    call.stated = Stated(
        prompt=count(row.get("PromptTokens"), "PromptTokens"),
        completion=count(row.get("CompletionTokens"), "CompletionTokens"),
        total=count(row.get("TotalTokens"), "TotalTokens"),
        includes=includes("azure", "chat"),
        unused=unused_numbers(row, _KNOWN),
    )
    without_split(call.stated, call.provider)
    return [call]


def _is_llm_log(row: Mapping[str, Any]) -> bool:
    named = "ModelName" in row or "DeploymentName" in row or "SequenceNumber" in row
    return named and all(name in row for name in LLM_LOG)


def _is_diagnostic(row: Mapping[str, Any]) -> bool:
    """True for RequestResponse diagnostics, from storage or from the AzureDiagnostics table."""
    if "RequestResponse" not in (row.get("category"), row.get("Category")):
        return False
    detail = first(row, "properties", "properties_s")
    return "modelDeploymentName" in mapping(detail) or "resourceId" in row or "ResourceId" in row


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its `properties` beside it and every name with a capital, as the table has them."""
    whole = {**record, **mapping(record.get("properties"))}
    return {name[:1].upper() + name[1:]: value for name, value in whole.items()}


def _time(value: Any) -> int | None:
    found = timestamp_us(value)
    if found is None and isinstance(value, str):
        try:
            return timestamp_us(datetime.strptime(value, PORTAL_TIME))  # noqa: DTZ007 - the column says UTC
        except (ValueError, OverflowError):
            return None
    return found


def _flag(value: Any) -> bool | None:
    """A flag, which the portal's CSV may write as 0 or 1."""
    return {0: False, 1: True}.get(number) if (number := integer(value)) is not None else flag(value)


ADAPTER: Final = Adapter(
    name="azure-apim",
    title="Azure API Management: GatewayLlmLogs (Azure OpenAI's RequestResponse diagnostics are refused)",
    matches=is_azure,
    calls=calls_from_azure,
    needs=("PromptTokens", "CorrelationId", "SequenceNumber"),
)
