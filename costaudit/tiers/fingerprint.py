"""Which requests are of one kind: fingerprints of endpoint, system prompt and template of the instruction.

A tier is a property of the kind of request more than of its words. A fingerprint is a hash: it tells kinds
apart and gives no text back. Two of them are made of every request. The narrow one also takes in how the
instruction begins, with digits, quotations and addresses masked; the wide one is the endpoint with its
system prompt, and there only where the log names either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow.compute as pc

from costaudit.ingest.hashes import Hashes, hash_texts, mixed

if TYPE_CHECKING:
    from costaudit.tiers.columns import BatchColumns

HEAD_CHARS: Final = 200
"""How much of a prompt a template is made of, at most."""

NO_PRINT: Final = np.uint64(0)
"""The fingerprint of a request that has none."""

_SALTS: Final = {"feature": 11, "system": 12, "prompt": 13, "call_id": 14, "response_id": 15}

_OPENING: Final = r"(?s)^\s*([^\n:]{0,160}[\n:]?).*$"
"""The first line, up to its first colon: what comes after it is mostly payload."""

_SHORTEST: Final = 12
"""Characters of an opening; a shorter one says too little, and the whole head stands for it."""

_MASKS: Final = (
    (r"\S+@\S+\.\S+|https?://\S+", "@"),
    (r"\"[^\"\n]*\"|“[^”\n]*”|`[^`\n]*`", '""'),
    (r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{16,}\b", "#"),
    (r"[0-9]+(?:[.,:/-][0-9]+)*", "0"),
    (r"\s+", " "),
)  # fmt: skip


class Prints(msgspec.Struct, frozen=True):
    """The fingerprints of a batch, one entry per row; NO_PRINT where a row has none."""

    narrow: Hashes
    wide: Hashes
    voter: Hashes
    """A hash of the call: records of one call have one vote."""


def fingerprints(columns: BatchColumns) -> Prints:
    """The fingerprints of the rows of a batch that has `costaudit.tiers.traits` in the place of texts."""
    feature, system = _hashed(columns, "feature"), _kept(columns, "text_system")
    template, voter = _kept(columns, "text_template"), _kept(columns, "text_voter")
    endpoint = mixed(feature, system)
    wide = np.where((feature == NO_PRINT) & (system == NO_PRINT), NO_PRINT, endpoint | np.uint64(1))
    own = mixed(template, endpoint) & ~np.uint64(1)
    return Prints(np.where(template == NO_PRINT, NO_PRINT, own), wide, voter)


def _kept(columns: BatchColumns, name: str) -> Hashes:
    if not columns.has(name):
        return np.zeros(columns.rows, np.uint64)
    return np.asarray(columns.plain(name, 0), np.uint64)


def system_hashes(columns: BatchColumns) -> Hashes:
    """A hash of the system text of every row; NO_PRINT where it has none."""
    return _hashed(columns, "system")


def hashed_templates(columns: BatchColumns) -> Hashes:
    """A hash of how the instruction of every row begins, its payload masked; NO_PRINT without one."""
    prompts = columns.long_text("prompt")
    if prompts is None:
        return np.zeros(columns.rows, np.uint64)
    of_values = hash_texts(_templates(prompts.values), np.uint64(_SALTS["prompt"]))
    return np.asarray(prompts.spread(of_values, NO_PRINT))


def _templates(prompts: Any) -> Any:
    heads = pc.utf8_slice_codeunits(prompts, 0, HEAD_CHARS)
    openings = pc.replace_substring_regex(heads, _OPENING, r"\1")
    short = pc.less(pc.utf8_length(openings), _SHORTEST)
    found = pc.utf8_lower(pc.if_else(short, heads, openings))
    for regex, mask in _MASKS:
        found = pc.replace_substring_regex(found, regex, mask)
    return found


def voters(columns: BatchColumns) -> Hashes:
    """The call's own id, else the provider's, else what the record says of it."""
    voter = _hashed(columns, "call_id")
    response = _hashed(columns, "response_id")
    voter = np.where(voter == NO_PRINT, response, voter)
    if (voter == NO_PRINT).any():
        voter = np.where(voter == NO_PRINT, _content(columns), voter)
    return voter


def _content(columns: BatchColumns) -> Hashes:
    prompt = columns.long_text("prompt")
    out = np.zeros(columns.rows, np.uint64)
    if prompt is not None:
        out = prompt.spread(hash_texts(prompt.values, np.uint64(_SALTS["prompt"])), NO_PRINT)
    for name in _COUNTED:
        number = np.broadcast_to(columns.number(name), out.shape).astype(np.int64).view(np.uint64)
        out = mixed(out, number)
    return out


_COUNTED: Final = ("ts", "input", "cache_read", "output")
"""What tells requests without an id apart."""


def _hashed(columns: BatchColumns, name: str) -> Hashes:
    """A hash per row of a text column; NO_PRINT where a row has none."""
    texts = columns.text(name)
    if texts is None:
        return np.zeros(columns.rows, np.uint64)
    return np.asarray(texts.spread(hash_texts(texts.values, np.uint64(_SALTS[name])), NO_PRINT))
