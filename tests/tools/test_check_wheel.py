"""The wheel check finds a price table that did not travel, or changed on the way."""

from __future__ import annotations

import zipfile

import pytest

from tools.check_wheel import find_problems


@pytest.mark.parametrize(
    ("held", "problems"),
    [
        ({"costaudit/pricing/a/prices.csv": "1"}, []),
        ({}, ["not in the wheel: costaudit/pricing/a/prices.csv"]),
        (
            {"costaudit/pricing/a/prices.csv": "2"},
            ["differs from the checkout: costaudit/pricing/a/prices.csv"],
        ),
        (
            {"costaudit/pricing/a/prices.csv": "1", "tests/x.py": ""},
            ["does not belong in the wheel: tests/x.py"],
        ),
    ],
)
def test_a_wheel_holds_every_price_table(tmp_path, held, problems):
    (tmp_path / "pricing" / "a").mkdir(parents=True)
    (tmp_path / "pricing" / "a" / "prices.csv").write_text("1")
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as wheel:
        for name, text in {"costaudit/py.typed": "", **held}.items():
            wheel.writestr(name, text)
    assert find_problems(tmp_path / "x.whl", tmp_path) == problems
