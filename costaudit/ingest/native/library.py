"""The compiled reader of lines: found beside this file where it was built, and checked before it is used."""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from pathlib import Path
from typing import Final

ABI: Final = 2
"""What `lines.c` must say, so that a library of another version is never called."""

FILE = Path(__file__).with_name("lines.so")
"""Where it is, whatever the system calls such files."""

_P: Final = ctypes.c_void_p


class NativeColumn(ctypes.Structure):
    """`NativeColumn` of lines.c."""

    _fields_ = (
        ("values", _P), ("starts", _P), ("lengths", _P), ("codes", _P), ("word_starts", _P),
        ("word_lengths", _P), ("table", _P), ("bytes", ctypes.c_int64), ("words", ctypes.c_int32),
        ("most_words", ctypes.c_int32), ("mask", ctypes.c_int32), ("added_line", ctypes.c_int32),
        ("added_at", ctypes.c_int32), ("hard", ctypes.c_int32),
    )  # fmt: skip


class NativeBlock(ctypes.Structure):
    """`NativeBlock` of lines.c."""

    _fields_ = (
        ("data", ctypes.c_char_p), ("size", ctypes.c_int64), ("slots", _P), ("table", _P), ("columns", _P),
        ("seen", _P), ("row_lines", _P), ("left_lines", _P),
        *((name, ctypes.c_int32) for name in (
            "slot_count", "most_slots", "mask", "width", "rows", "left", "late", "full", "last", "line",
            "high", "most_lines",
        )),
    )  # fmt: skip


def library() -> ctypes.CDLL | None:
    """The compiled reader; None where there is none that fits, or it is switched off."""
    return None if _is_off() else _loaded(FILE)


def _is_off() -> bool:
    return os.environ.get("COSTAUDIT_NATIVE") == "0"


@lru_cache(maxsize=8)
def _loaded(file: Path) -> ctypes.CDLL | None:
    try:
        found = ctypes.CDLL(str(file))
        if found.costaudit_lines_abi() != ABI:
            return None
        found.costaudit_newlines.restype = ctypes.c_int64
        found.costaudit_newlines.argtypes = [ctypes.c_char_p, ctypes.c_int64]
        found.costaudit_lines.restype = None
        found.costaudit_lines.argtypes = [ctypes.POINTER(NativeBlock)]
        found.costaudit_texts.restype = None
        found.costaudit_texts.argtypes = [ctypes.c_char_p, _P, _P, ctypes.c_int64, _P, _P]
    except (OSError, AttributeError):
        return None
    return found


def state() -> str:
    """Whether it is used: "used", "absent" or "off"."""
    if _is_off():
        return "off"
    return "used" if library() is not None else "absent"
