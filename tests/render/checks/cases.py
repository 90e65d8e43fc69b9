"""Reports by hand, harmless and hostile."""

from __future__ import annotations

from costaudit.prices.rules.rule import Violation
from costaudit.prices.rules.suppressions import Suppressed, Suppression
from costaudit.render.checks import CheckReport

EDITED = Violation(
    "pricing/acme/prices.csv", 2, "CA204", "error", "acme/m/input@2026-01-01 was 2 and is 3 now",
    "acme/m/input@2026-01-01", "edited-in-place", "Past requests are priced anew.", "Put the row back.",
)  # fmt: skip
STALE = Violation(
    "pricing/acme/prices.csv", 7, "CA403", "warning", "acme/m was checked 400 days ago",
    "acme/m", "stale-price", "Prices change without notice.", "Compare with the page.",
)  # fmt: skip
WHOLE = Violation("pricing/stray.csv", 0, "CA112", "error", "is never read", "stray.csv", "stray-file")
NOTED = Violation("pricing/acme/prices.csv", 9, "scheduled", "note", "acme/m output from 2026-12-01: 8 → 9")

HIDDEN = Suppressed(
    Violation("pricing/acme/prices.csv", 4, "CA302", "error", "output is below input", "acme/m/output@2026"),
    Suppression(
        "CA302", "acme/m/output@*", "A classifier: the page says so.", "pricing/suppressions.toml", 3
    ),
)

FAILED = CheckReport("pricing check", (EDITED, WHOLE, STALE), (HIDDEN,), 1, ("explain CA204 says more",))
GREEN = CheckReport("pricing check", (), (HIDDEN,), green="the price tables are in order")
INVALID = CheckReport("pricing check", (WHOLE,), exit_code=2)

HOSTILE = (
    "\x1b[31mred\x1b[0m \x00 \x07 \x9b1m \u202e \ufffe \ud800",
    "a]]>b<![CDATA[c]]>",
    "x\n::error file=a::planted\n##[set-output name=a]b",
    "\r\n::stop-commands::x\r\n",
    "##[add-mask]x",
    "100% %0A::error::planted%25",
    "a,b:c::d",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "-->\n# heading\n| a | b |\n<!-- x -->",
    "[click](https://evil.example) ![](https://evil.example/x.png) {0} {{1}}",
    "@everyone #1 `code` **bold** ~~gone~~ https://evil.example www.evil.example $x$",
    "</details></summary>&amp;&#64;",
    '=HYPERLINK("https://evil.example")',
    "'\"\\",
    "Ünïcödé 价格 🪙",
)


def hostile(text: str) -> CheckReport:
    """A report all of whose words are one hostile text."""
    found = Violation(text, 3, "CA204", "error", text, text, text, text, text)
    other = Violation(text, 0, "CA114", "warning", text, text, text, text, text)
    note = Violation(text, 1, f"x{text}", "note", text, text, text, text, text)
    hidden = Suppressed(found, Suppression("CA204", text, text, text, 1))
    return CheckReport("pricing check", (found, other, note), (hidden,), 1, (text,), text)
