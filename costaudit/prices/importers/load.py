"""Reading a source: an installed package, a file, or a URL that the user names.

This is the only use of the network in the program, and only for a URL on the command line.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import msgspec

from costaudit.errors import TableError, UsageError, did_you_mean
from costaudit.outputs import reads
from costaudit.prices.importers.decode import decoded
from costaudit.prices.importers.observation import Observation, SkippedStatement, Windows
from costaudit.prices.importers.registry import IMPORTERS, Importer
from costaudit.prices.rows import read_cells

SOURCE_COLUMNS: Final = ("id", "title", "url", "licence", "retrieved_on")
"""Of sources.csv."""
LARGEST: Final = 64 * 2**20
"""Bytes of a source; the largest so far has 5 MB."""
TIMEOUT_S: Final = 30.0
_CHUNK: Final = 2**16


class PriceSource(msgspec.Struct, frozen=True):
    """A source that was read and recognised."""

    importer: Importer
    id: str
    """Its id for sources.csv: the kind, with the version of a package."""
    shown: str
    """Where it came from, for the eye; without the query of a URL."""
    data: Any

    def observations(self, windows: Windows | None = None) -> Iterator[Observation | SkippedStatement]:
        """What the source says, told in the time windows of a book."""
        return self.importer.parse(self.data, windows)


def load_source(name: str, kind: str | None = None) -> PriceSource:
    """Read an installed package, a file or an http(s) URL, and find out which importer fits.

    Raises UsageError for a source that is not there, TableError for one that cannot be read.
    """
    if kind is not None and kind not in _kinds():
        raise UsageError(
            f"unknown kind {kind!r}", hint=did_you_mean(kind, _kinds()) or f"one of {', '.join(_kinds())}"
        )
    packaged = next((i for i in IMPORTERS if i.package == name), None)
    version = ""
    if packaged is not None:
        raw, version = _load_package(packaged)
        shown = f"{name} {version}"
    elif name.lower().startswith(("http://", "https://")):
        shown = _presentable(name)
        raw = _load_url(name, shown)
    else:
        shown, raw = name, _load_file(name)
    try:
        data = decoded(raw)
    except TableError as error:
        raise TableError(error.message, hint=error.hint, path=shown) from error
    importer = _recognise(data, shown, kind)
    return PriceSource(importer, f"{importer.kind}-{version}" if version else importer.kind, shown, data)


def load_source_ids(directory: Path) -> frozenset[str]:
    """The ids of the sources.csv of a directory of tables; none when it has no such table."""
    path = directory / "sources.csv"
    if not path.is_file():
        return frozenset()
    return frozenset(
        cells["id"] for cells in read_cells(path, f"{directory.name}/sources.csv", SOURCE_COLUMNS)
    )


def _kinds() -> list[str]:
    return [importer.kind for importer in IMPORTERS]


def _recognise(data: Any, shown: str, kind: str | None) -> Importer:
    for importer in IMPORTERS:
        if importer.kind == kind or kind is None:
            if importer.fits(data):
                return importer
            if kind is not None:
                raise TableError(f"not in the shape of {importer.title}", path=shown)
    raise TableError("no importer knows this shape", path=shown, hint=f"known are {', '.join(_kinds())}")


def _load_package(importer: Importer) -> tuple[bytes, str]:
    package = str(importer.package)
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        hint = "install it beside costaudit, or name a file: ./" + package
        raise UsageError(f"the package {package} is not installed", hint=hint) from None
    # The file is read where it lies: importing litellm would download the prices of today.
    return _load_file(
        str(found.locate_file(importer.resource)), shown=f"{package} {found.version}"
    ), found.version


def _load_file(name: str, shown: str | None = None) -> bytes:
    reads(Path(name), shown or name)
    try:
        with Path(name).open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        known = [i.package for i in IMPORTERS if i.package]
        hint = did_you_mean(name, known) or f"a file, a URL, or an installed package: {' or '.join(known)}"
        raise UsageError(f"cannot be read: {error.strerror}", path=shown or name, hint=hint) from error
    return _limited(raw, shown or name)


def _limited(raw: bytes, shown: str) -> bytes:
    if len(raw) > LARGEST:
        raise TableError(f"larger than {LARGEST // 2**20} MiB", path=shown)
    return raw


def _load_url(url: str, shown: str) -> bytes:
    # No handlers but these: a redirect cannot lead to a local file or to FTP.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "costaudit"), ("Accept", "application/json")]
    raw = bytearray()
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            while len(raw) <= LARGEST and (chunk := answer.read(_CHUNK)):
                raw += chunk
    except urllib.error.HTTPError as error:
        error.close()
        raise UsageError(f"cannot be fetched: HTTP {error.code}", path=shown) from error
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise UsageError(f"cannot be fetched: {reason}", path=shown) from error
    return _limited(bytes(raw), shown)


def _presentable(url: str) -> str:
    """The URL without its query, which may hold a key; raises UsageError for one that is none."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise UsageError(f"the URL cannot be read: {error}") from error
    if "@" in parts.netloc:
        raise UsageError(
            "a URL with a user or a password cannot be fetched", hint="fetch it yourself and name the file"
        )
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
