"""Hatch's hook for wheels: with the compiled reader of lines where a compiler is there, pure where none is.

A wheel with it is for one platform, and for every Python 3, as it does not use Python's own interface.
COSTAUDIT_NATIVE=0 builds a pure one. Editable installations stay pure: `make native` builds it in a checkout.
"""

from __future__ import annotations

import os
import platform
import re
import runpy
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACE = "costaudit/ingest/native/lines.so"


class CompiledReader(BuildHookInterface[BuilderConfig]):
    """Compiles it before a wheel is put together."""

    _folder: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the library to a wheel, if it can be built here."""
        if version != "standard" or os.environ.get("COSTAUDIT_NATIVE") == "0":
            return
        tool = runpy.run_path(str(Path(self.root) / "tools" / "build_native.py"))
        self._folder = tempfile.TemporaryDirectory()
        library = Path(self._folder.name) / "lines.so"
        try:
            tool["build"](library)
        except tool["NotBuiltError"] as error:
            self.app.display_warning(f"no compiled reader, the wheel is pure: {error}")
            return
        build_data["force_include"][str(library)] = PLACE
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        """Remove what was compiled: it is in the wheel."""
        if self._folder is not None:
            self._folder.cleanup()


def _platform() -> str:
    """The tag of this platform; it is compiled for one machine also by a Python for two."""
    name = sysconfig.get_platform().replace("universal2", platform.machine())
    return re.sub(r"[^0-9a-zA-Z_]", "_", name)
