"""opencode: messages as files (`msg_*.json`), rows of `opencode.db` and exports, and the events of a run.

Every class of `tokens` stands apart: the cache is taken out of `input`, the reasoning out of `output`
(`getUsage` in `packages/opencode/src/session/session.ts`). Older versions state no `total` and left the
reasoning of some hosts inside of `output`: there nothing tells which holds, and the reading is ambiguous. A
fork of a session copies its messages under new ids, with their times: a finished message is known by its
model, its tokens and its times, which are in milliseconds, and not by its id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import set_usd
from costaudit.ingest.adapters.row_values import objects
from costaudit.ingest.adapters.working_folder import folder_name
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

FEATURE: Final = "opencode"
GATEWAYS: Final = ("openrouter", "vercel", "opencode", "github-copilot")
"""Providers of opencode that pass requests on; of these OpenRouter alone has prices of its own."""

ROLES: Final = ("user", "assistant")
KINDS: Final = (
    "user", "assistant", "system", "synthetic", "shell", "compaction", "agent-switched", "model-switched",
)  # fmt: skip
"""`type` of a row of the table `session_message`, which newer versions write."""

EVENTS: Final = ("step_start", "step_finish", "text", "reasoning", "tool_use", "error")
"""`type` of the lines of `opencode run --format json`."""

ABORTED: Final = "MessageAbortedError"

_KNOWN: Final = frozenset({"input", "output", "reasoning", "total", "read", "write"})
_OPENED: Final = re.compile("^cache$")
_BESIDE: Final = (
    frozenset({"id", "content", "status", "priority"}),
    frozenset({"file", "before", "after", "patch", "additions", "deletions", "status"}),
    frozenset({"id", "worktree", "vcs", "name", "icon", "sandboxes", "commands", "time"}),
)
"""Keys of what is kept beside messages: items to do, changes of files, projects."""

_MARKS: Final = (
    frozenset({"content", "priority"}),
    frozenset({"additions", "file"}),
    frozenset({"worktree", "time"}),
)


def is_opencode(record: Record) -> bool:
    """True for a message in any of its forms, and for what is kept beside messages."""
    return _is_message(record) or _is_row(record) or _is_kept_beside(record) or _is_event(record)


def calls_from_opencode(record: Record) -> list[Call]:
    """The calls of one record: the answers in it. Raises Skip for impossible usage."""
    if _is_event(record):
        return _calls_of_event(record)
    if _is_row(record):
        return _calls_of_row(record)
    found = [mapping(m.get("info")) for m in objects(record.get("messages"))] if "messages" in record else []
    alone = mapping(record.get("info")) if "info" in record else record
    return [_call(message) for message in found or [alone] if message.get("role") == "assistant"]


def _is_message(record: Record) -> bool:
    """A message, alone, with its parts, or in the export of a session."""
    if isinstance(record.get("info"), Mapping):
        inner = [mapping(m.get("info")) for m in objects(record.get("messages"))] or [record["info"]]
        return _is_message(inner[0]) and ("parts" in record or "messages" in record)
    named = isinstance(record.get("sessionID"), str)
    return named and record.get("role") in ROLES and "created" in mapping(record.get("time"))


def _is_row(record: Record) -> bool:
    """A row of `message`, `session_message`, `part` or `session`."""
    if not isinstance(record.get("id"), str) or "time_created" not in record:
        return False
    if "project_id" in record and "directory" in record:
        return True
    if not isinstance(record.get("session_id"), str):
        return False
    said = mapping(record.get("data"))
    return (
        said.get("role") in ROLES
        or record.get("type") in KINDS
        or ("message_id" in record and "type" in said)
    )


def _is_kept_beside(record: Record) -> bool:
    """A part of a message, a session, and the small files of a project."""
    if isinstance(record.get("messageID"), str) and isinstance(record.get("sessionID"), str):
        return "type" in record
    if isinstance(record.get("projectID"), str) and "directory" in record:
        return "time" in record
    return any(marks <= record.keys() <= keys for marks, keys in zip(_MARKS, _BESIDE, strict=True))


def _is_event(record: Record) -> bool:
    """A line of `opencode run --format json`."""
    if record.get("type") not in EVENTS or not isinstance(record.get("sessionID"), str):
        return False
    return "timestamp" in record and ("part" in record or "error" in record)


def _calls_of_row(row: Record) -> list[Call]:
    said = mapping(row.get("data"))
    if row.get("type") not in (None, "assistant") or "message_id" in row:
        return []
    if said.get("role", row.get("type")) != "assistant":
        return []
    beside = {"id": row["id"], "sessionID": row["session_id"], "time": {"created": row["time_created"]}}
    return [_call({**beside, **said})]


def _calls_of_event(event: Record) -> list[Call]:
    """The call of a step that ended: such a line names no model."""
    part = mapping(event.get("part"))
    if event.get("type") != "step_finish" or not isinstance(part.get("tokens"), Mapping):
        return []
    call = Call(
        ts=timestamp_us(event.get("timestamp")),
        response_id=text(part.get("messageID")),
        session=text(event.get("sessionID")),
        feature=FEATURE,
        final=True,
    )
    return [_with_usage(call, part)]


def _call(message: Mapping[str, Any]) -> Call:
    """The call of an answer."""
    model, time = mapping(message.get("model")), mapping(message.get("time"))
    provider = text(first(message, "providerID") or model.get("providerID"))
    call = Call(
        ts=timestamp_us(time.get("created")),
        provider=None if provider in GATEWAYS[1:] else provider,
        model=model_name(first(message, "modelID") or model.get("id")),
        gateway=provider if provider in GATEWAYS else None,
        session=text(message.get("sessionID")),
        feature=FEATURE,
        tags=_tags(message),
        final=True if "completed" in time or message.get("finish") else None,
    )
    call.response_id = _identity(message, call)
    if isinstance(message.get("tokens"), Mapping):
        _with_usage(call, message)
    else:
        call.quality = Quality.NONE.value
    _set_error(call, mapping(message.get("error")))
    return call


def _identity(message: Mapping[str, Any], call: Call) -> str | None:
    """What a finished message and its copies in other sessions have in common; the id of any other."""
    time = mapping(message.get("time"))
    created, completed = text(time.get("created")), text(time.get("completed"))
    if created is None or completed is None:
        return text(message.get("id"))
    tokens = mapping(message.get("tokens"))
    counted = ":".join(str(tokens.get(name)) for name in ("input", "output", "reasoning"))
    return f"opencode:{created}:{completed}:{call.gateway or call.provider}/{call.model}:{counted}"


def _with_usage(call: Call, said: Mapping[str, Any]) -> Call:
    """Note what a message or a step states of tokens and cost."""
    tokens = mapping(said.get("tokens"))
    cache = mapping(tokens.get("cache"))
    stated = Stated(
        prompt=count(tokens.get("input"), "input"),
        completion=count(tokens.get("output"), "output"),
        cache_read=count(cache.get("read"), "cache.read"),
        written=count(cache.get("write"), "cache.write"),
        reasoning=count(tokens.get("reasoning"), "reasoning"),
        total=count(tokens.get("total"), "total"),
        includes=includes(None, "agent"),
        unsure=bool(tokens.get("reasoning")) and tokens.get("total") is None,
        zeros_are_nothing=True,
        unused=unused_numbers(tokens, _KNOWN, "tokens.", _OPENED),
    )
    call.stated = stated
    set_usd(call, said.get("cost"))
    return call


def _tags(message: Mapping[str, Any]) -> str | None:
    """The agent that asked, the folder that it worked in, and whether it summed a session up."""
    agent = text(first(message, "agent", "mode"))
    folder = folder_name(text(mapping(message.get("path")).get("cwd")))
    tags = (
        f"agent:{agent}" if agent else "",
        f"project:{folder}" if folder else "",
        "compaction" if message.get("summary") is True else "",
    )
    return ",".join(tag.replace(",", " ") for tag in tags if tag) or None


def _set_error(call: Call, error: Mapping[str, Any]) -> None:
    """What became of a message that ended in an error; its name is the code, its text stays where it is."""
    if not error:
        return
    name = text(first(error, "name", "type"))
    call.status = (Status.CANCELLED if name in (ABORTED, "aborted") else Status.ERROR).value
    code = text(mapping(error.get("data")).get("statusCode"))
    call.error_code, call.final = code or name, True


ADAPTER: Final = Adapter(
    name="opencode",
    title="opencode: messages (files, opencode.db, exports), and events of a run",
    matches=is_opencode,
    calls=calls_from_opencode,
    needs=("sessionID", "role", "time", "tokens"),
)
