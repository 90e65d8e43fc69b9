"""Honest work on price tables: none of it may be reported."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.prices.mutations.desk import Desk, NotHere, find
from tests.prices.mutations.shelf import plain

D = Decimal
UPDATES: list[Callable[[Desk], None]] = []


def update(make: Callable[[Desk], None]) -> Callable[[Desk], None]:
    UPDATES.append(make)
    return make


FACTORS = ("0.25", "0.4", "0.5", "0.6", "0.75", "0.8", "0.9", "1.1", "1.2", "1.25", "1.5", "2", "3")
SUCCESSORS = ("0.4", "0.5", "0.75", "0.9", "1.2", "1.5")
"""Prices of a new model, in times of those of a known one."""


@update
def new_model(desk: Desk) -> None:
    desk.new_model(desk.random.choice(SUCCESSORS))


@update
def new_model_at_the_price_of_its_predecessor(desk: Desk) -> None:
    desk.new_model("1")


@update
def new_model_with_an_alias(desk: Desk) -> None:
    name, _ = desk.new_model(desk.random.choice(SUCCESSORS))
    row = desk.draw(desk.shelf.aliases)
    new = {"alias": f"{name}-latest", "model": name, "valid_from": desk.day(), "valid_to": ""}
    desk.shelf.aliases.append({**row, **new, "recorded_on": desk.day()})


@update
def price_change(desk: Desk) -> None:
    desk.change(desk.random.choice(FACTORS), valid_from=desk.day(-desk.random.randint(0, 10)))


@update
def announced_change(desk: Desk) -> None:
    day = desk.day(desk.random.randint(1, 200))
    desk.change(desk.random.choice(FACTORS), valid_from=day, status="scheduled")


@update
def steep_cut_with_a_note(desk: Desk) -> None:
    desk.change("0.15", note="The launch price was halved twice; announced on the provider's blog.")


@update
def change_found_late(desk: Desk) -> None:
    note = "In force since then by the provider's changelog, which was read late."
    desk.change(desk.random.choice(FACTORS), valid_from=desk.day(-desk.random.randint(20, 35)), note=note)


@update
def correction_with_a_reason(desk: Desk) -> None:
    model = desk.steady()
    factor = D(desk.random.choice(("0.9", "1.1", "0.5")))
    rows = [
        desk.row(
            row, valid_from=row["valid_from"], usd=plain(D(row["usd"]) * factor, 9), status="correction",
            note="Recorded from a table of another region; the page has this price.",
        )
        for row in desk.current(model)
    ]  # fmt: skip
    if len({row["valid_from"] for row in desk.rows_of(model)}) > 1:
        raise NotHere  # a history of several prices takes several corrections
    desk.shelf.add(*rows)


@update
def announced_change_called_off(desk: Desk) -> None:
    planned = [
        row for row in desk.shelf.prices if row["status"] == "scheduled" and row["valid_from"] > desk.day()
    ]
    model = desk.draw(planned)["model"]
    gone = [
        desk.row(
            row, valid_from=row["valid_from"], usd="", status="correction", note="The provider called it off."
        )
        for row in planned
        if row["model"] == model
    ]
    desk.shelf.add(*gone)


@update
def new_alias(desk: Desk) -> None:
    row, model = desk.draw(desk.shelf.aliases), desk.steady()
    new = {"alias": f"{model}@prod", "model": model, "valid_from": "", "valid_to": ""}
    desk.shelf.aliases.append({**row, **new, "recorded_on": desk.day()})


@update
def alias_that_moves(desk: Desk) -> None:
    row = desk.draw([r for r in desk.shelf.aliases if not r["valid_to"] and r["valid_from"] < desk.day(-30)])
    others = [r for r in desk.past() if r["model"] != row["model"] and r["class"] == "input"]
    target, day = desk.draw(others)["model"], desk.day(-desk.random.randint(0, 5))
    row["valid_to"] = day
    place = desk.shelf.aliases.index(row) + 1
    new = {"model": target, "valid_from": day, "valid_to": "", "recorded_on": desk.day()}
    desk.shelf.aliases.insert(place, {**row, **new})


@update
def retirement(desk: Desk) -> None:
    row = desk.draw([r for r in desk.shelf.models if not r["retired_on"]])
    row["retired_on"] = desk.day(desk.random.randint(0, 120))


@update
def model_that_ends(desk: Desk) -> None:
    model = desk.steady()
    desk.shelf.add(*(desk.row(row, usd="", status="ended") for row in desk.current(model)))


@update
def prices_checked_again(desk: Desk) -> None:
    for row in desk.shelf.prices:
        row["checked_on"] = desk.day()


@update
def better_source_and_note(desk: Desk) -> None:
    row = desk.draw(desk.past())
    row["source"], row["confidence"] = "recalled", "high"
    row["note"] = f"{row['note']} Confirmed by an invoice.".strip()


@update
def batch_prices_at_half(desk: Desk) -> None:
    model = desk.steady(plain_only=True)
    rows = [row for row in desk.current(model) if row["class"] not in ("web_search", "request")]
    desk.shelf.add(*(desk.row(r, usd=plain(D(r["usd"]) / 2, 9), when="tier=batch") for r in rows))


@update
def long_context_at_double(desk: Desk) -> None:
    model = desk.steady(plain_only=True)
    rows = [row for row in desk.current(model) if row["class"] not in ("web_search", "request")]
    desk.shelf.add(*(desk.row(r, usd=plain(D(r["usd"]) * 2, 9), when="context>200000") for r in rows))


@update
def free_model_that_says_so(desk: Desk) -> None:
    _, rows = desk.new_model("0")
    for row in rows:
        row["note"] = "Free of charge during the preview, with rate limits."


@update
def facts_of_a_model(desk: Desk) -> None:
    row = desk.draw([r for r in desk.shelf.models if r["context_window"]])
    row["context_window"] = str(int(row["context_window"]) * 2)


@update
def new_fee_of_a_gateway(desk: Desk) -> None:
    fee = (
        f'\n[[openrouter.fees]]\nkind = "credit_purchase_percent"\nvalue = "5"\nvalid_from = "{desk.day()}"\n'
    )
    desk.shelf.files["gateways.toml"] += (fee + 'source = "openrouter-faq"\n').encode()


@update
def holidays_of_next_year(desk: Desk) -> None:
    future = desk.day(200)
    desk.shelf.replace("windows.csv", "2026-10-07,", f"2026-10-07;{future},")


@update
def new_source(desk: Desk) -> None:
    desk.shelf.files["sources.csv"] += b"acme-invoice,An invoice,,facts only,2026-11-20\n"
    rows = desk.change("0.9", source="acme-invoice")
    assert find(rows, "input")
