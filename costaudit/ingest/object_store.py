"""Logs in object stores, named by URL: `s3://bucket/logs/`, `gs://…`, `abfs://…`, through pyarrow.

Nothing here is imported or contacted unless a URL was given. Credentials are those of the environment, as
pyarrow finds them; options such as the region may stand in the URL's query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from costaudit.errors import InputError

SCHEMES: Final = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "file")

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_MAGIC: Final = re.compile(r"[*?\[]")


def is_url(path: str) -> bool:
    """Whether a path is a URL and not a file of this machine."""
    return _URL.match(path) is not None


def expand_url(
    url: str, is_log_name: Callable[[str], bool], suffixes: Sequence[str]
) -> Iterator[tuple[str, Path, Any]]:
    """The files that a URL stands for: name, path in the store and the store's filesystem.

    A URL names a file, a directory (searched recursively) or a pattern with `*`, `?` and `**` in its
    path. Raises InputError when there is nothing there or the store cannot be reached.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        known = " ".join(f"{s}://" for s in SCHEMES)
        raise InputError(f"URLs of kind {scheme}:// are not read", path=shown(url), hint=f"read are {known}")
    try:
        found = list(_found(url, is_log_name))
    except InputError:
        raise
    except Exception as error:  # pyarrow and its stores raise OSError, ArrowException and more
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the store cannot be read: {said[:200]}", path=shown(url)) from error
    if not found:
        raise InputError("no logs there", path=shown(url), hint="looked for " + " ".join(suffixes))
    yield from found


def shown(url: str) -> str:
    """The URL without credentials and options, as it may be printed."""
    scheme, _, rest = url.partition("://")
    place = rest.partition("?")[0]
    return f"{scheme}://{place.rpartition('@')[2]}"


def _found(url: str, is_log_name: Callable[[str], bool]) -> Iterator[tuple[str, Path, Any]]:
    from pyarrow import fs  # noqa: PLC0415 - only where a URL was given

    head, query, options = url.partition("?")
    if query and "=" not in options:  # a pattern's question mark
        head, query, options = url, "", ""
    fixed = re.split(_MAGIC, head, maxsplit=1)[0]
    fixed = head if fixed == head else fixed.rpartition("/")[0]
    scheme = "s3://" if fixed.startswith("s3a://") else ""
    store, base = fs.FileSystem.from_uri(scheme + fixed + query + options)
    prefix = shown(head)[: len(shown(fixed)) - len(base)] if shown(fixed).endswith(base) else ""
    info = store.get_file_info(base)
    if info.type == fs.FileType.File:
        yield prefix + base, Path(base), store
        return
    if info.type != fs.FileType.Directory:
        raise InputError("no such file or directory", path=shown(url))
    entries = store.get_file_info(fs.FileSelector(base, recursive=True))
    files = sorted((e for e in entries if e.type == fs.FileType.File), key=lambda e: e.path)
    if fixed == head:
        wanted = [is_log_name(entry.base_name) for entry in files]
    else:
        wanted = _fitting(base + head[len(fixed) :], [entry.path for entry in files])
    for entry, fits in zip(files, wanted, strict=True):
        hidden = any(part.startswith(".") for part in entry.path[len(base) :].split("/"))
        if fits and not hidden:
            yield prefix + entry.path, Path(entry.path), store


def _fitting(glob: str, paths: list[str]) -> list[bool]:
    """Which paths a glob means: `*` and `?` stay within a folder, `**` crosses them.

    RE2 decides, whose time does not explode with the number of stars.
    """
    import pyarrow as pa  # noqa: PLC0415 - only where a URL was given
    import pyarrow.compute as pc  # noqa: PLC0415

    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]+\])", glob)
    meaning = {"**/": r"(?:.*/)?", "*": r"[^/]*", "?": r"[^/]"}
    pattern = "".join(meaning.get(p, p if p.startswith("[") else re.escape(p)) for p in parts)
    found: list[bool] = pc.match_substring_regex(pa.array(paths, pa.string()), f"(?s)^{pattern}$").to_pylist()
    return found
