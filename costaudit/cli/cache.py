"""`costaudit cache`: what --cache keeps, and how to be rid of it."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from costaudit.cli import console, options
from costaudit.errors import one_of

app = typer.Typer(
    no_args_is_help=True,
    help="What --cache keeps of logs, and how to be rid of it.",
    rich_markup_mode=None,
)


@app.command()
def info(format_: options.ListFormat = "text") -> None:
    """Where it is kept, how much it is, and when it was last of use.

    \b
    costaudit cache info
    COSTAUDIT_CACHE_DIR=/data/costaudit costaudit cache info --format json
    """
    from costaudit.tape.cache import MOST_BYTES, cache_folder, entries_of  # noqa: PLC0415 - start-up

    folder = cache_folder()
    entries = entries_of(folder)
    size = sum(entry.size for entry in entries)
    used = sorted(datetime.fromtimestamp(entry.used, UTC) for entry in entries)
    if one_of(format_, ("text", "json"), "format") == "json":
        told = {
            "folder": str(folder),
            "entries": len(entries),
            "bytes": size,
            "most_bytes": MOST_BYTES,
            "first_used": used[0].isoformat(timespec="seconds") if used else None,
            "last_used": used[-1].isoformat(timespec="seconds") if used else None,
        }
        console.deliver(console.as_json(told))
        return
    last = f", last used {used[-1]:%Y-%m-%d %H:%M} UTC" if used else ""
    console.show(
        f"{folder}\n{_files(len(entries))}, {size / 1e6:,.1f} MB of {MOST_BYTES / 1e9:,.1f} GB{last}\n"
    )


@app.command()
def clear(quiet: options.Quiet = False) -> None:
    """Delete all of it: the next question reads the logs again.

    \b
    costaudit cache clear
    """
    from costaudit.tape.cache import cache_folder, clear_cache  # noqa: PLC0415 - start-up

    gone = clear_cache(cache_folder())
    console.say(f"deleted {_files(len(gone))}, {sum(e.size for e in gone) / 1e6:,.1f} MB", quiet=quiet)


def _files(number: int) -> str:
    return f"{number:,} tape" if number == 1 else f"{number:,} tapes"
