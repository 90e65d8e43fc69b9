"""What a guess came to, as plain data: it travels with tapes and ledgers, and into every report."""

from __future__ import annotations

from typing import Final

import msgspec

ORDER: Final = (
    "timestamp", "request_id", "provider", "model", "response_model", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "total_tokens", "cost_usd", "latency_ms",
    "status", "error", "endpoint", "user", "session",
)  # fmt: skip
"""Fields in the order in which they are told; others follow."""


class Taken(msgspec.Struct, frozen=True):
    """A key that stands for a field of flat records."""

    key: str
    """Its path, as a mapping names it."""
    field: str
    why: str
    """One clause that gives no value but names of models in the price book, and numbers."""
    unit: str | None = None
    words: dict[str, str] = {}
    """What values mean, where they are in other words."""


class Left(msgspec.Struct, frozen=True):
    """A key that might be taken for a field, and is not."""

    key: str
    why: str


class Guess(msgspec.Struct, frozen=True):
    """What the keys of some files are taken for."""

    files: tuple[str, ...]
    records: int
    """Records that were looked at."""
    taken: tuple[Taken, ...]
    left: tuple[Left, ...]
    refused: str | None = None
    """Why no mapping comes of it; None where one does."""
    beside: bool = False
    """Whether the input leaves out what was read from the cache, as the numbers show."""
    is_used: bool = False
    """Whether the figures rest on it: the user has asked for that."""
    notes: tuple[str, ...] = ()
    """What the numbers prove, and what is only taken to be so."""

    @property
    def told(self) -> str:
        """The fields in one clause: `mdl → model, tok_in → input_tokens`."""
        return ", ".join(f"{one.key} → {one.field}" for one in self.taken)

    @property
    def has_mapping(self) -> bool:
        """Whether there is something to take."""
        return self.refused is None

    def mapping(self, name: str = "mine") -> str:
        """The table for costaudit.toml, a line per field with its reason."""
        lines = [f"[formats.{name}]", "# guessed from names and values: check every line"]
        width = max((len(_line(one)) for one in self.taken), default=0)
        width = min(width, 60)
        lines += [f"{_line(one):<{width}}  # {_comment(one.why)}" for one in self.taken]
        if self.beside:
            lines.append("input_includes_cache = false")
        return "\n".join(lines)


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _line(one: Taken) -> str:
    path = _quoted(one.key)
    parts = [f"path = {path}"]
    if one.unit is not None:
        parts.append(f'unit = "{one.unit}"')
    if one.words:
        words = ", ".join(f"{_quoted(word)} = {_quoted(means)}" for word, means in one.words.items())
        parts.append(f"map = {{ {words} }}")
    return f"{one.field} = {path}" if len(parts) == 1 else f"{one.field} = {{ {', '.join(parts)} }}"


def _quoted(text: str) -> str:
    """A text as TOML has it."""
    if '"' in text and "'" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
