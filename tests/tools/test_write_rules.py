"""The table of rules in the documentation is that of the code."""

from __future__ import annotations

from costaudit.prices.rules.registry import RULES
from tools import write_rules


def test_the_page_lists_every_rule_as_it_is():
    text = write_rules.PAGE.read_text("utf-8")
    assert write_rules.written(text) == text
    assert all(f"| {rule.code} | {rule.name}" in text for rule in RULES)


def test_what_stands_around_the_table_is_kept():
    page = f"# Title\n\n{write_rules.START}\na table of yore\n{write_rules.END}\n\nThe end.\n"
    new = write_rules.written(page)
    assert new.startswith("# Title\n\n")
    assert new.endswith("\n\nThe end.\n")
    assert "yore" not in new
    assert write_rules.written(new) == new
