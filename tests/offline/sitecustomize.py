"""No sockets, but those of this machine's own file system: in the tests, and in every Python that they start.

Importing it is enough, and Python does so by itself where this folder is on PYTHONPATH.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_AF_UNIX = 1
_LIFTED = "COSTAUDIT_TESTS_MAY_CONNECT"
"""Set for the processes of a test that stands in for a server itself."""
_NAMES_ASKED = ("socket.getaddrinfo", "socket.gethostbyaddr", "socket.gethostbyname", "socket.getnameinfo")


@dataclass(slots=True)
class Ban:
    """Whether sockets are forbidden in this process, and who tried."""

    lifted: bool = _LIFTED in os.environ
    tried: list[str] = field(default_factory=list)

    def judge(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit hook: raises RuntimeError for a socket that leads off the machine."""
        opened = event == "socket.__new__" and args[1] != _AF_UNIX
        if (opened or event in _NAMES_ASKED) and not self.lifted:
            self.tried.append(f"{event}{args[1:]}")
            raise RuntimeError(f"a socket in a tool that works offline: {self.tried[-1]}")

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """For a test that is the server that its scripts talk to, on the loopback address."""
        self.lifted, os.environ[_LIFTED] = True, "1"
        try:
            yield
        finally:
            self.lifted = False
            del os.environ[_LIFTED]


BAN = Ban()
sys.addaudithook(BAN.judge)
