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
    with zipfile.ZipFile(tmp_path / "x-any.whl", "w") as wheel:
        for name, text in {"costaudit/py.typed": "", **held}.items():
            wheel.writestr(name, text)
    assert find_problems(tmp_path / "x-any.whl", tmp_path) == problems


@pytest.mark.parametrize(
    ("tag", "is_compiled", "is_right"),
    [
        ("any", False, True),
        ("any", True, False),
        ("linux_x86_64", True, True),
        ("linux_x86_64", False, False),
    ],
)
def test_a_wheel_is_for_one_platform_where_something_is_compiled_in_it(tmp_path, tag, is_compiled, is_right):
    (tmp_path / "pricing").mkdir()
    (tmp_path / "pricing" / "prices.csv").write_text("1")
    with zipfile.ZipFile(tmp_path / f"x-{tag}.whl", "w") as wheel:
        names = ["py.typed", "pricing/prices.csv", *(["ingest/native/lines.so"] if is_compiled else [])]
        for name in names:
            wheel.writestr(f"costaudit/{name}", "1")
    assert (find_problems(tmp_path / f"x-{tag}.whl", tmp_path) == []) is is_right
