"""The ban on sockets holds: here, and in a Python that a test starts."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.offline.sitecustomize import BAN


def test_a_socket_of_the_network_is_refused_and_noted():
    with pytest.raises(RuntimeError, match="offline"):
        socket.socket()
    with pytest.raises(RuntimeError, match="offline"):
        socket.getaddrinfo("example.org", 443)
    with pytest.raises(RuntimeError, match="offline"):
        urllib.request.urlopen("http://example.org")
    assert len(BAN.tried) == 3
    BAN.tried.clear()


def test_a_socket_of_the_file_system_is_not():
    with socket.socket(socket.AF_UNIX) as local:
        assert local.fileno() >= 0


def test_a_python_that_is_started_has_the_ban():
    done = subprocess.run(
        [sys.executable, "-c", "import socket; socket.socket()"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "a socket in a tool that works offline" in done.stderr
