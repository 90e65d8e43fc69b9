"""All that was sent with a request, as one text in the order in which providers cache it.

That is its tools, its system text and its turns. It is made to be hashed: two requests begin alike where
their texts do. Content that is no plain text is in it as JSON; what turns have beside their content is not. A
record that holds no conversation has its system text and its prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.schema import Call

_AFTER_ROLE: Final = "\x1f"
_AFTER_TURN: Final = "\x1e"

_encode = msgspec.json.Encoder(enc_hook=str).encode


def asked_with(body: Mapping[str, Any], turns: Iterable[Any]) -> str | None:
    """What a request body sends: its tools, its system text and its turns."""
    parts: list[tuple[Any, Any]] = [("tools", body.get("tools") or body.get("functions"))]
    parts += [("system", body.get(name)) for name in ("system", "instructions")]
    parts += [(turn.get("role"), turn.get("content")) for turn in turns if isinstance(turn, Mapping)]
    return "".join(_turn(role, content) for role, content in parts) or None


def asked_of(call: Call) -> str | None:
    """What was sent by a call whose record holds no conversation."""
    if (call.turns or 1) > 1:
        return None  # what stood between the two is not known
    return (_turn("system", call.system) + _turn("user", call.prompt)) or None


def _turn(role: Any, content: Any) -> str:
    text = content if isinstance(content, str) else _json(content) if content else ""
    return text and f"{role if isinstance(role, str) else ''}{_AFTER_ROLE}{text}{_AFTER_TURN}"


def _json(content: Any) -> str:
    try:
        return _encode(content).decode()
    except (msgspec.EncodeError, UnicodeEncodeError, OverflowError, RecursionError):
        return ""  # half a surrogate pair, a number without end: nothing that begins alike


# The same by columns


def asked_turns(messages: pa.Array, system: pa.Array | None) -> pa.Array:
    """What requests send, by lists of their turns and a system text beside them; null for none."""
    turns = messages.flatten()
    told = _turns(pc.struct_field(turns, "role").fill_null(""), pc.struct_field(turns, "content"))
    lengths = pc.list_value_length(messages).fill_null(0)
    offsets = pa.array(np.append(0, np.cumsum(lengths.to_numpy())).astype(np.int32))
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, told), "")
    if system is not None:
        joined = pc.binary_join_element_wise(_turns("system", system), joined, "")
    return _none_if_empty(pc.if_else(pc.greater(lengths, 0), joined, ""))


def asked_texts(system: pa.Array | None, prompt: pa.Array | None) -> pa.Array | None:
    """What requests without turns send, by their texts; null for none, None where there are none at all."""
    told = {"system": system, "user": prompt}
    parts = [_turns(role, texts) for role, texts in told.items() if texts is not None]
    return _none_if_empty(pc.binary_join_element_wise(*parts, "")) if parts else None


def _turns(role: str | pa.Array, texts: pa.Array) -> pa.Array:
    """Turns of texts, empty for texts that are none."""
    texts = texts.cast(pa.string()).fill_null("")
    told = pc.binary_join_element_wise(role, _AFTER_ROLE, texts, _AFTER_TURN, "")
    return pc.if_else(pc.equal(texts, ""), "", told)


def _none_if_empty(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
