"""Blocks as HTML: every text is escaped, figures stand right, money over time is drawn."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser

from costaudit.render.blocks import Column, Days, Facts, Headline, Item, Items, Prose, Table
from costaudit.render.html import render_blocks

EVIL = '<script>alert("1")</script>&\x1b[31m'
HARMLESS = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;?"


class Tags(HTMLParser):
    """Counts what is opened and closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, *_attrs: object) -> None:
        self.seen.add(tag)
        if tag not in ("br", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag


def test_no_text_becomes_markup():
    columns = (Column(EVIL, (EVIL,), total=EVIL, number=False), Column("n", ("1",)))
    drawn = (
        Headline(EVIL),
        Facts(((EVIL, EVIL, EVIL),)),
        Table(EVIL, columns, under=Column("", (EVIL,)), notes=(EVIL,), bars=((Decimal(1), Decimal(2)),)),
        Items(EVIL, (Item(EVIL, EVIL, EVIL, (EVIL,)),), EVIL, (EVIL,)),
        Days(EVIL, EVIL, EVIL, (Decimal(1), None, ""), (EVIL,)),
        Prose(EVIL, (EVIL, EVIL)),
    )
    shown = render_blocks(drawn)
    tags = Tags(shown)
    assert tags.open == []
    assert "script" not in tags.seen
    assert shown.count("alert") == shown.count(HARMLESS) == 24


def test_a_day_is_as_tall_as_its_share_of_the_dearest():
    shown = render_blocks([Days("", "2026-05-01", "2026-05-02", (Decimal(3), Decimal("1.5")), ())])
    assert 'height="80.0"' in shown
    assert 'y="40.0" width="299.0" height="40.0"><title>$1.50</title>' in shown


def test_a_bar_spans_what_a_step_saves():
    table = Table(
        "", (Column("step", ("before", "saved")),), bars=((Decimal(0), Decimal(8)), (Decimal(8), Decimal(2)))
    )
    assert 'x="60.0" y="1" width="180.0"' in render_blocks([table])
