"""`costaudit doctor`: what to send along with a question or a report of a bug."""

from __future__ import annotations

import costaudit
from costaudit.cli import console, options


def doctor(
    format_: options.ListFormat = "text",
    prices: options.Prices = None,
    overlay: options.Overlays = None,
) -> None:
    """What support needs to know of this installation, without a secret: read it, then send it along.

    No names of users, hosts or directories, no values of settings, of variables only harmless values.

    \b
    costaudit doctor
    costaudit doctor --format json
    """
    screen = console.width(), console.color()
    console.answer(costaudit.doctor(prices=prices, overlays=overlay or (), screen=screen), format_)
