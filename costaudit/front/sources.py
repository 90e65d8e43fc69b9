"""What programs ask about: paths, and tables that they have in memory."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costaudit.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa


@contextlib.contextmanager
def as_paths(logs: Sequence[Any]) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The paths of some sources, and what those of tables are called (`table 1`).

    A table becomes a file in a private folder, which is gone afterwards. Raises UsageError for anything that
    is no path, pandas frame, Arrow table, record batch or data set.
    """
    with contextlib.ExitStack() as stack:
        paths, called = list[str](), dict[str, str]()
        for number, log in enumerate(logs, 1):
            if isinstance(log, (str, Path)):
                paths.append(str(log))
                continue
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="costaudit-")))
            paths.append(str(_written(log, folder / f"table-{number}.parquet")))
            called[paths[-1]] = f"table {number}"
        yield paths, called


def _written(log: Any, path: Path) -> Path:
    import pyarrow.parquet as pq  # noqa: PLC0415 - start-up

    table = _table_of(log)
    pq.write_table(table, path, compression="lz4")
    return path


def _table_of(log: Any) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - start-up

    if isinstance(log, pa.Table):
        return log
    if isinstance(log, pa.RecordBatch):
        return pa.Table.from_batches([log])
    if type(log).__module__.partition(".")[0] == "pandas" and hasattr(log, "columns"):
        return pa.Table.from_pandas(log, preserve_index=False)
    if hasattr(log, "to_table"):  # a data set of Arrow
        found = log.to_table()
        if isinstance(found, pa.Table):
            return found
    raise UsageError(
        f"{type(log).__name__} is no log", hint="a path, a pandas frame, an Arrow table, batch or data set"
    )
