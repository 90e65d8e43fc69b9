"""The compiled reader of lines for tests: built from this checkout, into a folder of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest

from costaudit.ingest.native import library
from tools.build_native import NotBuiltError, build

FLAGS = tuple(os.environ.get("COSTAUDIT_TEST_CFLAGS", "").split())
"""For instance sanitizers; the test then has to be started with their library preloaded."""


@lru_cache(maxsize=4)
def _built(flags: tuple[str, ...]) -> Path | str:
    """The library, or why there is none."""
    folder = Path(tempfile.mkdtemp(prefix="costaudit-native-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        build(folder / "lines.so", (*FLAGS, *flags))
    except NotBuiltError as error:
        return str(error)
    return folder / "lines.so"


@contextmanager
def reading(*, compiled: bool, flags: tuple[str, ...] = ()) -> Iterator[None]:
    """Read lines by compiled code, or without; skips the test where it cannot be compiled."""
    built = _built(flags) if compiled else Path("absent")
    if isinstance(built, str):
        pytest.skip(f"THE COMPILED READER IS NOT TESTED: {built}")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COSTAUDIT_NATIVE", raising=False)
        patch.setattr(library, "FILE", built)
        assert (library.library() is not None) is compiled
        yield
