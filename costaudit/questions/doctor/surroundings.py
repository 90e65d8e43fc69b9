"""What support needs to know of the place where costaudit runs, and nothing that is a secret there.

Nothing here is taken over from outside as it is: of paths, only that of the settings, as seen from the
working directory; of variables, names, and values only where their form is known; of settings, the names of
keys that costaudit gives. So there is no name of a user or host, no home, no token and no address in it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, get_origin

from costaudit import __version__
from costaudit.drafts import temporary_folder
from costaudit.errors import CostauditError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from costaudit.config import Settings

_NUMBER: Final = r"\d{1,6}"
_LOCALE: Final = r"(C|POSIX|[a-z]{2,3}_[A-Z]{2})(\.(UTF-?8|utf-?8|ISO-?8859-\d{1,2}))?"
_ZONES: Final = "Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific"

VARIABLES: Final[Mapping[str, str | None]] = {
    "APPDATA": None,
    "ARROW_DEFAULT_MEMORY_POOL": "jemalloc|mimalloc|system",
    "ARROW_IO_THREADS": _NUMBER,
    "AWS_ACCESS_KEY_ID": None,
    "AWS_DEFAULT_REGION": None,
    "AWS_ENDPOINT_URL": None,
    "AWS_PROFILE": None,
    "AWS_REGION": None,
    "AWS_SECRET_ACCESS_KEY": None,
    "AWS_SESSION_TOKEN": None,
    "AZURE_STORAGE_ACCOUNT": None,
    "AZURE_STORAGE_KEY": None,
    "CI": "true|1",
    "CI_PROJECT_DIR": None,
    "CLAUDE_CONFIG_DIR": None,
    "CLINE_DATA_DIR": None,
    "CLINE_DIR": None,
    "CODEX_HOME": None,
    "COLUMNS": _NUMBER,
    "COPILOT_HOME": None,
    "COSTAUDIT_DEBUG": "1",
    "COSTAUDIT_NATIVE": "0|1",
    "GEMINI_CLI_HOME": None,
    "GITHUB_WORKSPACE": None,
    "GIT_DIR": None,
    "GIT_WORK_TREE": None,
    "GOOGLE_APPLICATION_CREDENTIALS": None,
    "HTTPS_PROXY": None,
    "HTTP_PROXY": None,
    "LANG": _LOCALE,
    "LC_ALL": _LOCALE,
    "LC_CTYPE": _LOCALE,
    "NO_COLOR": "1",
    "OMP_NUM_THREADS": _NUMBER,
    "OPENCODE_DB": None,
    "PYTHONHOME": None,
    "PYTHONIOENCODING": r"(utf-?8|ascii|latin-?1)(:[a-z]{5,18})?",
    "PYTHONPATH": None,
    "PYTHONUTF8": "0|1",
    "TEMP": None,
    "TERM": r"dumb|linux|ansi|vt\d{3}|(xterm|screen|tmux|rxvt)(-(16|88|256)?color)?",
    "TMP": None,
    "TMPDIR": None,
    "TZ": rf"UTC|GMT|({_ZONES})/[A-Z][A-Za-z]{{2,15}}",
    "VSCODE_APPDATA": None,
    "VSCODE_PORTABLE": None,
    "XDG_CONFIG_HOME": None,
    "XDG_DATA_HOME": None,
    "http_proxy": None,
    "https_proxy": None,
}
"""The variables that are read, by costaudit or its libraries: the form of a value that is shown, or None."""

_PUBLIC_PLACES: Final = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - only to be recognised
"""Directories for temporary files whose name says nothing of anybody."""
_UNLIMITED: Final = 1 << 60
"""From here on a limit of a cgroup means that there is none."""


def describe(
    settings: Callable[[], Settings | None], prices: dict[str, Any], screen: tuple[int | None, bool]
) -> dict[str, Any]:
    """Everything that support asks for; absent is None. Sizes are in bytes.

    `prices` is what is known of the price book, `screen` the columns of the terminal and whether it has
    colour.
    """
    return {
        "schema": "costaudit/doctor@1",
        "costaudit": _package(),
        "python": {
            "implementation": platform.python_implementation(),
            "version": platform.python_version(),
            "virtual_environment": sys.prefix != sys.base_prefix,
        },
        "platform": {
            "system": platform.system(),
            "machine": platform.machine(),
            "libc": " ".join(platform.libc_ver()).strip() or None,
        },
        "dependencies": _dependencies(),
        "features": _features(),
        "cores": _cores(),
        "memory": _memory(),
        "temporary": _temporary(),
        "stdout": _stdout(*screen),
        "settings": _settings(settings),
        "prices": prices,
        "variables": variables(os.environ),
    }


def _package() -> dict[str, Any]:
    """How costaudit was installed: index, archive, directory, editable, vcs; None when it was not."""
    try:
        found = metadata.distribution("costaudit")
    except metadata.PackageNotFoundError:
        return {"version": __version__, "installed": None, "installed_version": None}
    origin: dict[str, Any] = json.loads(found.read_text("direct_url.json") or "{}")
    kinds = ("archive", "vcs", "dir")
    kind = next((kind for kind in kinds if f"{kind}_info" in origin), "index")
    if kind == "dir":
        kind = "editable" if origin["dir_info"].get("editable") else "directory"
    return {"version": __version__, "installed": kind, "installed_version": found.version}


def _dependencies() -> list[dict[str, Any]]:
    """What costaudit requires: its version, and whether it can be imported."""
    try:
        required = metadata.requires("costaudit") or []
    except metadata.PackageNotFoundError:
        return []
    names = [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in required if "extra ==" not in text]
    return [{"name": name, "version": _version(name), "error": _import_error(name)} for name in sorted(names)]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _import_error(name: str) -> str | None:
    """The kind of error that importing a module ends in, also one that a command is spared."""
    finders = sys.meta_path[:]
    sys.meta_path[:] = [finder for finder in finders if not getattr(finder, "spares", False)]
    try:
        importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what support asks for
        return type(error).__name__
    finally:
        sys.meta_path[:] = finders
    return None


def _features() -> dict[str, Any]:
    """What is native, and what the libraries were built with; None for a library that cannot be imported."""
    import sqlite3  # noqa: PLC0415 - start-up
    import zlib  # noqa: PLC0415

    from costaudit.prices.trees import git_version  # noqa: PLC0415

    return {
        "msgspec": None if _import_error("msgspec._core") else "native",
        "zstandard": None if _import_error("zstandard") else importlib.import_module("zstandard").backend,
        "arrow": None if _import_error("pyarrow") else _arrow(),
        "sqlite": sqlite3.sqlite_version,
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "git": git_version(),
        "compiled_reader": _compiled_reader(),
    }


def _compiled_reader() -> str:
    """Whether JSON lines are read by compiled code: used, absent (or of another version), off."""
    from costaudit.ingest.native.library import state  # noqa: PLC0415 - start-up

    return state()


def _arrow() -> dict[str, Any]:
    import pyarrow as pa  # noqa: PLC0415 - start-up

    codecs = ("brotli", "gzip", "lz4", "snappy", "zstd")
    stores = {"s3": "_s3fs", "gs": "_gcsfs", "abfs": "_azurefs", "hdfs": "_hdfs"}
    return {
        "simd": pa.runtime_info().simd_level,
        "memory_pool": pa.default_memory_pool().backend_name,
        "codecs": [name for name in codecs if pa.Codec.is_available(name)],
        "stores": [name for name, module in stores.items() if importlib.util.find_spec(f"pyarrow.{module}")],
    }


def _cores() -> dict[str, Any]:
    from costaudit.tape.workers import default_threads  # noqa: PLC0415 - start-up

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "present": os.cpu_count(),
        "allowed": allowed,
        "quota": cgroup_cores(Path("/")),
        "threads": default_threads(),
    }


def _memory() -> dict[str, Any]:
    try:
        present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        present = None
    return {"present": present, "cgroup_limit": cgroup_memory(Path("/")), **_rlimits()}


def _rlimits() -> dict[str, int | None]:
    """The limits of this process; None for no limit, and where the system has no such thing."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return {"address_space_limit": None, "open_files_limit": None}
    limits = {"address_space_limit": resource.RLIMIT_AS, "open_files_limit": resource.RLIMIT_NOFILE}
    found = {name: resource.getrlimit(limit)[0] for name, limit in limits.items()}
    return {name: None if value == resource.RLIM_INFINITY else value for name, value in found.items()}


def cgroup_memory(root: Path) -> int | None:
    """The least memory, in bytes, that a cgroup of this process allows; None for no limit."""
    files = (*_cgroup_files(root, "", "memory.max"), *_cgroup_files(root, "memory", "memory.limit_in_bytes"))
    limits = [int(words[0]) for words in files if words and words[0].isdecimal()]
    return min((limit for limit in limits if limit < _UNLIMITED), default=None)


def cgroup_cores(root: Path) -> float | None:
    """The least share of cores that a cgroup of this process allows; None for no limit."""
    files = [words for words in _cgroup_files(root, "", "cpu.max") if len(words) == 2]
    return min((int(most) / int(per) for most, per in files if most.isdecimal()), default=None)


def _cgroup_files(root: Path, controller: str, name: str) -> Iterator[list[str]]:
    """The words of a file in the cgroup of this process, and in every one around it."""
    for line in _words(root / "proc/self/cgroup"):
        _, controllers, place = line.split(":", 2)
        if controller in controllers.split(","):
            inner = Path(place.lstrip("/"))
            for folder in (inner, *inner.parents):
                yield _words(root / "sys/fs/cgroup" / controller / folder / name)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split()
    except (OSError, ValueError):
        return []


def _temporary() -> dict[str, Any]:
    """Where temporary files go: the variable that says so, or a place that everybody has."""
    try:
        place = str(temporary_folder())
        free = shutil.disk_usage(place).free
    except OSError:
        return {"place": None, "free": None}
    variable = next((name for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name) == place), None)
    return {"place": place if place in _PUBLIC_PLACES else variable or "elsewhere", "free": free}


def _stdout(columns: int | None, color: bool) -> dict[str, Any]:
    stdout: TextIO | None = sys.stdout  # None where it was closed before the start
    return {
        "encoding": None if stdout is None else stdout.encoding,
        "errors": None if stdout is None else stdout.errors,
        "files": sys.getfilesystemencoding(),
        "terminal": stdout is not None and stdout.isatty(),
        "columns": columns,
        "color": color,
    }


def _settings(in_force: Callable[[], Settings | None]) -> dict[str, Any] | None:
    """The settings file in force and the keys that it sets; None where there is none."""
    try:
        settings = in_force()
    except CostauditError as error:
        file = Path(os.path.relpath(error.path)).as_posix() if error.path else None
        return {"file": file, "readable": False, "line": error.line, "keys": []}
    except OSError:
        return {"file": None, "readable": False, "line": None, "keys": []}
    if settings is None:
        return None
    keys = list(_stated(settings.table, type(settings.config)))
    return {"file": settings.shown, "readable": True, "line": None, "keys": keys}


def _stated(table: Mapping[str, Any], model: type[BaseModel], above: str = "") -> Iterator[str]:
    """The keys of costaudit that a table sets; of names that the project chose, only how many there are."""
    from costaudit.config.read import model_in  # noqa: PLC0415 - start-up

    for name, field in model.model_fields.items():
        if name not in table:
            continue
        value, key, inner = table[name], f"{above}{name}", model_in(field.annotation)
        if isinstance(value, Mapping) and inner is not None and get_origin(field.annotation) is not dict:
            yield from _stated(value, inner, f"{key}.")
        else:
            yield f"{key} ({len(value)})" if isinstance(value, (Mapping, list)) else key


def variables(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every variable that is read: whether it is set, and its value where that can only be harmless."""
    return [
        {"name": name, "set": name in environ, "value": _harmless(environ.get(name), form)}
        for name, form in VARIABLES.items()
    ]


def _harmless(value: str | None, form: str | None) -> str | None:
    return value if value is not None and form is not None and re.fullmatch(form, value) else None
