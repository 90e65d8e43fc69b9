"""What the words of a key speak of, in the languages in which teams name their columns.

A word is looked up without its accents; one that is written together (`tokensin`, `modelname`) is taken apart
where all of its parts are known. Chinese, Japanese and Korean have no blanks: the longest known parts count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from costaudit.toml.load import parse_toml

_ALSO: Final = {
    "token": ("ptok", "ptoks", "itok", "itoks", "intok", "ctok", "ctoks", "otok", "otoks", "outtok", "ktok",
              "ktoks", "ktokens", "mtok", "mtoks", "mtokens"),
    "usd": ("microusd", "microdollar", "microdollars", "nanousd", "nanodollar", "nanodollars", "millidollar",
            "millidollars"),
}  # fmt: skip
"""Words that speak of two things at once."""


def plain(word: str) -> str:
    """A word in lower case, without accents."""
    parts = unicodedata.normalize("NFKD", word.casefold())
    return unicodedata.normalize("NFKC", "".join(c for c in parts if not unicodedata.combining(c)))


@lru_cache(maxsize=1)
def _lexicon() -> Mapping[str, frozenset[str]]:
    """What each known word speaks of."""
    path = Path(__file__).with_name("words.toml")
    found: dict[str, set[str]] = {}
    for concept, words in [*parse_toml(path.read_text("utf-8"), path.name).table.items(), *_ALSO.items()]:
        for word in words:
            for form in (word, plain(word)):
                found.setdefault(form, set()).add(concept)
    return {word: frozenset(concepts) for word, concepts in found.items()}


_WORD: Final = re.compile(
    r"us\$|[$€£¥₹₩₽%µ]|[A-ZÀ-ÖØ-Þ]+(?![a-zà-öø-ÿ])|[A-ZÀ-ÖØ-Þ]?[a-zà-öø-ÿ]+|[\u0400-\u04ff]+"
    r"|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\d+",
)
_EAST: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SHORTEST, _LONGEST_NAME = 4, 100
_MOST_EAST: Final = 6


class KeyWords(msgspec.Struct, frozen=True):
    """What a key speaks of."""

    known: frozenset[str]
    """Concepts of the lexicon."""
    others: tuple[str, ...]
    """KeyWords that nobody knows, in lower case."""
    plain: tuple[str, ...]
    """All words, in lower case and in order."""

    def __contains__(self, concept: object) -> bool:
        return concept in self.known


@lru_cache(maxsize=1 << 12)
def words_in(name: str) -> KeyWords:
    """What a key speaks of.

    >>> sorted(words_in("Eingabe-Token").known), sorted(words_in("tokensOut").known)
    (['in', 'token'], ['out', 'token'])
    >>> sorted(words_in("入力トークン数").known), words_in("tok_in_raw").others
    (['in', 'token'], ('raw',))
    """
    known: set[str] = set()
    others: list[str] = []
    all_: list[str] = []
    for word in _split(name[:_LONGEST_NAME]):
        all_.append(word)
        found = _concepts_of(word)
        if found is None:
            others.append(word)
        else:
            known |= found
    return KeyWords(frozenset(known), tuple(others), tuple(all_))


def _split(name: str) -> list[str]:
    found = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", name)):
        if _EAST.match(word):
            found += _parts_east(word)
        else:
            found.append(plain(word))
    return found


def _concepts_of(word: str) -> frozenset[str] | None:
    """The concepts of a word, or of the words of which it is put together; None for one that is not known."""
    if word.isdecimal():
        return frozenset()
    if word in _lexicon():
        return _lexicon()[word]
    parts = _parts(word) if len(word) >= _SHORTEST and word.isalpha() else None
    return None if parts is None else frozenset().union(*(_lexicon()[part] for part in parts))


@lru_cache(maxsize=1 << 12)
def _parts(word: str) -> tuple[str, ...] | None:
    """The fewest known words of at least two letters, one of them of three, that make a word."""
    best: list[tuple[str, ...] | None] = [()]
    for end in range(1, len(word) + 1):
        found = [
            (*before, word[start:end])
            for start in range(end - 1)
            if (before := best[start]) is not None and word[start:end] in _lexicon()
        ]
        best.append(min(found, key=len) if found else None)
    parts = best[-1]
    return parts if parts and any(len(part) > 2 for part in parts) else None


def _parts_east(word: str) -> list[str]:
    """The longest known words in a text without blanks; what is between them is a word, too."""
    found, at, unknown = [], 0, ""
    while at < len(word):
        length = next(
            (n for n in range(min(_MOST_EAST, len(word) - at), 0, -1) if word[at : at + n] in _lexicon()), 0
        )
        if not length:
            unknown, at = unknown + word[at], at + 1
            continue
        if unknown:
            found.append(unknown)
        found.append(word[at : at + length])
        unknown, at = "", at + length
    return [*found, unknown] if unknown else found
