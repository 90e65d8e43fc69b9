"""An auditor for each case, and the cases that are known to fail."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.auditor import Auditor
from tests.catalogue.known_failures import KNOWN_FAILURES
from tests.warm import Warm

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            reason = KNOWN_FAILURES.get(item.nodeid.partition("tests/catalogue/")[2])
            if reason is not None:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture
def audit(warm: Warm) -> Iterator[Auditor]:
    """costaudit in a folder of its own. Unlike those of tmp_path, other users may enter it."""
    with tempfile.TemporaryDirectory(prefix="costaudit-") as place:
        Path(place).chmod(0o755)
        yield Auditor(warm, Path(place))
