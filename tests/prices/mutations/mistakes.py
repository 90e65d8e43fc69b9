"""Mistakes that people and programs make in price tables, most of them seen in public ones.

Each edits the tables of a provider; the codes are those of which one must be reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tests.prices.mutations.desk import Desk, NotHere, find
from tests.prices.mutations.shelf import plain

D = Decimal


@dataclass(frozen=True)
class Mistake:
    name: str
    codes: frozenset[str]
    make: Callable[[Desk], None]


MISTAKES: list[Mistake] = []


def mistake(*codes: str) -> Callable[[Callable[[Desk], None]], Callable[[Desk], None]]:
    def register(make: Callable[[Desk], None]) -> Callable[[Desk], None]:
        MISTAKES.append(Mistake(make.__name__.strip("_"), frozenset(codes), make))
        return make

    return register


# --- a new price of a known model ------------------------------------------------------------------


@mistake("CA303", "CA304", "CA306")
def change_typed_per_1k_as_if_per_1m(desk: Desk) -> None:
    desk.change("0.001")


@mistake("CA303", "CA304", "CA306")
def change_a_thousand_times_too_high(desk: Desk) -> None:
    desk.change("1000")


@mistake("CA303", "CA304")
def change_with_the_point_one_place_right(desk: Desk) -> None:
    desk.change("10")


@mistake("CA303")
def change_with_the_point_one_place_left(desk: Desk) -> None:
    desk.change("0.1")


@mistake("CA315")
def change_in_another_currency(desk: Desk) -> None:
    desk.change("7.1")


@mistake("CA302")
def change_with_input_and_output_swapped(desk: Desk) -> None:
    rows = desk.change("0.9")
    cheap, dear = find(rows, "input"), find(rows, "output")
    if D(dear["usd"]) <= D(cheap["usd"]) or D(dear["usd"]) >= D(cheap["usd"]) * 9:
        raise NotHere
    cheap["usd"], dear["usd"] = dear["usd"], cheap["usd"]


@mistake("CA301", "CA308", "CA303", "CA315", "CA309")
def change_with_cache_read_and_write_swapped(desk: Desk) -> None:
    rows = desk.change("0.9", "cache_read", "cache_write_5m")
    read, write = find(rows, "cache_read"), find(rows, "cache_write_5m")
    read["usd"], write["usd"] = write["usd"], read["usd"]


@mistake("CA215")
def change_to_the_same_price(desk: Desk) -> None:
    desk.change("1")


@mistake("CA207", "CA209")
def change_dated_a_year_too_early(desk: Desk) -> None:
    rows = desk.change("0.8", valid_from=desk.day(-365))
    first = min(
        row["valid_from"] for row in desk.rows_of(rows[0]["model"]) if row["valid_from"] != desk.day(-365)
    )
    if first > desk.day(-365) and not _is_dated(desk, rows[0]["model"]):
        raise NotHere  # no price was in force then, and nobody says when the model came: no rule sees it


def _is_dated(desk: Desk, model: str) -> bool:
    return any(row["model"] == model and row["released_on"] > desk.day(-365) for row in desk.shelf.models)


@mistake("CA208")
def change_dated_ten_years_too_late(desk: Desk) -> None:
    desk.change("0.8", valid_from=desk.day(3650))


@mistake("CA201")
def change_scheduled_for_a_day_that_has_passed(desk: Desk) -> None:
    desk.change("0.8", valid_from=desk.day(-3), status="scheduled")


@mistake("CA209")
def price_from_before_the_release(desk: Desk) -> None:
    name, rows = desk.new_model("0.9")
    for row in rows:
        row["valid_from"] = desk.day(-365)
    assert name


@mistake("CA401")
def change_without_a_source(desk: Desk) -> None:
    desk.change("0.8", source="")


@mistake("CA402")
def change_with_a_source_that_is_not_listed(desk: Desk) -> None:
    desk.change("0.8", source="openai-pricng")


@mistake("CA401")
def change_that_nobody_says_to_have_checked(desk: Desk) -> None:
    desk.change("0.8", checked_on="")


@mistake("CA101")
def change_with_a_currency_sign(desk: Desk) -> None:
    for row in desk.change("0.8"):
        row["usd"] = f"${row['usd']}"


@mistake("CA101")
def change_with_a_decimal_comma(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["usd"] = "2,50"


@mistake("CA101")
def negative_price(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["usd"] = "-1"


@mistake("CA101")
def price_in_scientific_notation(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["usd"] = "2.5e-06"


@mistake("CA101")
def price_with_the_error_of_a_float(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["usd"] = "0.30000000000000004"


@mistake("CA313")
def price_with_absurd_precision(desk: Desk) -> None:
    for row in desk.change("0.8"):
        row["usd"] = f"{(D(row['usd']) + D('0.123456789')).quantize(D('0.000000001')):f}"


@mistake("CA101")
def price_in_another_unit(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["per"] = "ktok"


@mistake("CA101")
def class_that_does_not_exist(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["class"] = "prompt"


@mistake("CA101")
def condition_with_a_typing_error(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["when"] = "tier=bach"


@mistake("CA101")
def date_in_another_notation(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["valid_from"] = "13/11/2026"


@mistake("CA101")
def time_without_a_zone(desk: Desk) -> None:
    find(desk.change("0.8"), "input")["valid_from"] = f"{desk.day()}T16:00"


@mistake("CA102")
def second_row_for_the_same_fact(desk: Desk) -> None:
    row = desk.draw(desk.past())
    desk.shelf.add(desk.row(row, valid_from=row["valid_from"], usd=plain(D(row["usd"]) * D("0.9"))))


@mistake("CA102")
def row_that_was_pasted_twice(desk: Desk) -> None:
    rows = desk.change("0.8")
    desk.shelf.add({**rows[0]})


@mistake("CA103")
def row_at_the_end_of_the_file(desk: Desk) -> None:
    rows = desk.change("0.8")
    first = find(rows, "input")
    if first is desk.shelf.prices[-1] or first["model"] == desk.shelf.prices[-1]["model"]:
        raise NotHere
    desk.shelf.prices.remove(first)
    desk.shelf.prices.append(first)


@mistake("CA210")
def recorded_on_a_day_to_come(desk: Desk) -> None:
    desk.change("0.8", recorded_on=desk.day(365))


@mistake("CA212")
def recorded_on_of_the_row_it_was_copied_from(desk: Desk) -> None:
    desk.change("0.8", recorded_on=desk.day(-90))


@mistake("CA311")
def two_models_get_the_price_of_one(desk: Desk) -> None:
    rows = desk.change("0.8", "input")
    other = desk.steady("input")
    theirs = find(desk.current(other), "input")
    mine = find(rows, "input")
    ratio = D(mine["usd"]) / D(theirs["usd"])
    if other == rows[0]["model"] or not D("0.2") < ratio < 5 or ratio * D("1.25") == 1:
        raise NotHere
    desk.shelf.add(desk.row(theirs, usd=mine["usd"]))


@mistake("CA104")
def model_id_with_a_typing_error(desk: Desk) -> None:
    for row in desk.change("0.8"):
        row["model"] = row["model"][:-1] + "qq"
    desk.shelf.sort()


@mistake("CA108")
def output_ends_and_input_goes_on(desk: Desk) -> None:
    model = desk.steady()
    row = find(desk.current(model), "output")
    desk.shelf.add(desk.row(row, usd="", status="ended"))


# --- history ---------------------------------------------------------------------------------------


@mistake("CA204")
def past_price_overwritten(desk: Desk) -> None:
    row = desk.draw(desk.past())
    row["usd"] = plain(D(row["usd"]) * D("0.8"), 9)


@mistake("CA204", "CA301", "CA308")
def past_cache_prices_swapped(desk: Desk) -> None:
    rows = desk.current(desk.steady("cache_read", "cache_write_5m"))
    read, write = find(rows, "cache_read"), find(rows, "cache_write_5m")
    read["usd"], write["usd"] = write["usd"], read["usd"]


@mistake("CA206")
def past_start_moved(desk: Desk) -> None:
    row = desk.draw([r for r in desk.past() if not r["when"]])
    row["valid_from"] = desk.day(-35)
    desk.shelf.sort()


@mistake("CA205")
def past_row_deleted(desk: Desk) -> None:
    desk.shelf.prices.remove(desk.draw(desk.past()))


@mistake("CA205")
def retired_model_pruned(desk: Desk) -> None:
    model = desk.draw(desk.past())["model"]
    desk.shelf.prices = [row for row in desk.shelf.prices if row["model"] != model]
    desk.shelf.models = [row for row in desk.shelf.models if row["model"] != model]
    desk.shelf.aliases = [row for row in desk.shelf.aliases if row["model"] != model]


@mistake("CA105")
def model_pruned_that_an_alias_stands_for(desk: Desk) -> None:
    model = desk.draw(desk.shelf.aliases)["model"]
    desk.shelf.prices = [row for row in desk.shelf.prices if row["model"] != model]


@mistake("CA205", "CA112")
def provider_left_out(desk: Desk) -> None:
    desk.shelf.files["providers.toml"] = b'[other]\nkind = "host"\n'


@mistake("CA203")
def correction_without_a_word(desk: Desk) -> None:
    row = desk.draw(desk.past())
    desk.shelf.add(
        desk.row(
            row, valid_from=row["valid_from"], usd=plain(D(row["usd"]) * D("0.9"), 9), status="correction"
        )
    )


@mistake("CA202")
def correction_of_another_day(desk: Desk) -> None:
    row = desk.draw([r for r in desk.past() if not r["when"]])
    taken = {r["valid_from"] for r in desk.rows_of(row["model"])}
    if desk.day(-39) in taken:
        raise NotHere
    usd = plain(D(row["usd"]) * D("0.9"), 9)
    desk.shelf.add(desk.row(row, valid_from=desk.day(-39), usd=usd, status="correction", note="Was wrong."))


@mistake("CA212")
def old_row_recorded_anew(desk: Desk) -> None:
    desk.draw(desk.past())["recorded_on"] = desk.day()


# --- a new model -----------------------------------------------------------------------------------


@mistake("CA305")
def launch_day_zeros(desk: Desk) -> None:
    desk.new_model("0")


@mistake("CA314", "CA305")
def output_left_at_zero(desk: Desk) -> None:
    _, rows = desk.new_model("0.9")
    find(rows, "output")["usd"] = "0"


@mistake("CA311")
def neighbour_copied_and_not_changed(desk: Desk) -> None:
    like = desk.steady()
    klass = desk.klass(like)
    if klass not in ("flagship", "mid", "economy"):
        raise NotHere
    desk.new_model("1", like=like)
    desk.shelf.models[-1]["class"] = "mid" if klass == "economy" else "economy"


@mistake("CA303", "CA304", "CA306")
def new_model_a_thousand_times_too_high(desk: Desk) -> None:
    desk.new_model("1000")


@mistake("CA304", "CA306")
def new_model_typed_per_1k(desk: Desk) -> None:
    desk.new_model("0.001")


@mistake("CA302")
def new_model_with_input_and_output_swapped(desk: Desk) -> None:
    _, rows = desk.new_model("0.9")
    cheap, dear = find(rows, "input"), find(rows, "output")
    if D(dear["usd"]) <= D(cheap["usd"]):
        raise NotHere
    cheap["usd"], dear["usd"] = dear["usd"], cheap["usd"]


@mistake("CA307", "CA306")
def new_model_with_output_ten_times_too_high(desk: Desk) -> None:
    _, rows = desk.new_model("0.9")
    cheap, dear = find(rows, "input"), find(rows, "output")
    if D(dear["usd"]) <= D(cheap["usd"]) * 2:
        raise NotHere
    dear["usd"] = plain(D(dear["usd"]) * 10)


@mistake("CA302")
def new_model_with_input_ten_times_too_high(desk: Desk) -> None:
    _, rows = desk.new_model("0.9")
    cheap, dear = find(rows, "input"), find(rows, "output")
    if D(dear["usd"]) >= D(cheap["usd"]) * 10:
        raise NotHere
    cheap["usd"] = plain(D(cheap["usd"]) * 10)


@mistake("CA301")
def new_model_with_cache_read_above_input(desk: Desk) -> None:
    _, rows = desk.new_model("0.9", "cache_read")
    base = D(find(rows, "input")["usd"])
    find(rows, "cache_read")["usd"] = plain(base * D("1.25"))


@mistake("CA301", "CA308")
def new_model_with_cache_read_and_write_swapped(desk: Desk) -> None:
    _, rows = desk.new_model("0.9", "cache_read", "cache_write_5m")
    read, write = find(rows, "cache_read"), find(rows, "cache_write_5m")
    read["usd"], write["usd"] = write["usd"], read["usd"]


@mistake("CA308", "CA309")
def cache_write_with_the_price_of_a_read(desk: Desk) -> None:
    _, rows = desk.new_model("0.9", "cache_read", "cache_write_5m")
    find(rows, "cache_write_5m")["usd"] = find(rows, "cache_read")["usd"]


@mistake("CA308")
def hour_of_cache_at_seven_times_input(desk: Desk) -> None:
    _, rows = desk.new_model("0.9", "cache_write_1h")
    find(rows, "cache_write_1h")["usd"] = plain(D(find(rows, "input")["usd"]) * D("7.5"))


@mistake("CA310")
def batch_doubled_instead_of_halved(desk: Desk) -> None:
    _, rows = desk.new_model("0.9")
    for klass in ("input", "output"):
        find(rows, klass, "tier=batch")["usd"] = plain(D(find(rows, klass)["usd"]) * 2)


@mistake("CA309")
def batch_at_the_standard_price(desk: Desk) -> None:
    if desk.shelf.provider not in ("openai", "anthropic", "google", "azure", "alibaba"):
        raise NotHere
    _, rows = desk.new_model("0.9")
    for klass in ("input", "output"):
        find(rows, klass, "tier=batch")["usd"] = find(rows, klass)["usd"]


@mistake("CA310", "CA309")
def priority_below_the_standard_price(desk: Desk) -> None:
    _, rows = desk.new_model("0.9")
    for klass in ("input", "output"):
        find(rows, klass, "tier=priority")["usd"] = plain(D(find(rows, klass)["usd"]) * D("0.5"))


@mistake("CA309")
def region_with_the_surcharge_as_the_price(desk: Desk) -> None:
    if desk.shelf.provider != "anthropic":
        raise NotHere
    _, rows = desk.new_model("0.9")
    for klass in ("input", "output"):
        find(rows, klass, "region=us")["usd"] = plain(D(find(rows, klass)["usd"]) * D("0.1"))


@mistake("CA104")
def new_model_without_facts(desk: Desk) -> None:
    desk.new_model("0.9")
    desk.shelf.models.pop()


@mistake("CA115")
def new_model_without_output(desk: Desk) -> None:
    name, rows = desk.new_model("0.9")
    if desk.klass(name) not in ("flagship", "mid", "economy"):
        raise NotHere
    gone = [row for row in rows if row["class"] == "output"]
    desk.shelf.prices = [row for row in desk.shelf.prices if not any(row is g for g in gone)]


@mistake("CA108")
def output_starts_after_input(desk: Desk) -> None:
    _, rows = desk.new_model("0.9")
    for row in rows:
        if row["class"] != "output":
            row["valid_from"] = desk.day(-3)
    desk.shelf.models[-1]["released_on"] = desk.day(-3)


@mistake("CA109")
def long_context_for_input_alone(desk: Desk) -> None:
    like = desk.steady(plain_only=True)
    _, rows = desk.new_model("0.9", like=like)
    row = find(rows, "input")
    desk.shelf.add({**row, "usd": plain(D(row["usd"]) * 2), "when": "context>272000"})


@mistake("CA108")
def price_under_a_condition_alone(desk: Desk) -> None:
    like = desk.steady(plain_only=True)
    _, rows = desk.new_model("0.9", like=like)
    for row in rows:
        row["when"] = "region=us"


@mistake("CA107")
def two_conditions_that_meet(desk: Desk) -> None:
    like = desk.steady(plain_only=True)
    _, rows = desk.new_model("0.9", like=like)
    doubled = [
        {**r, "usd": plain(D(r["usd"]) * 2), "when": w} for r in rows for w in ("context>200000", "region=us")
    ]
    desk.shelf.add(*doubled)


@mistake("CA106")
def window_with_a_typing_error(desk: Desk) -> None:
    like = desk.steady(plain_only=True)
    _, rows = desk.new_model("0.9", like=like)
    desk.shelf.add(*({**r, "usd": plain(D(r["usd"]) * 2), "when": "window=deepseek-peek"} for r in rows))


@mistake("CA304")
def web_search_priced_per_thousand(desk: Desk) -> None:
    _, rows = desk.new_model("0.9")
    find(rows, "web_search")["usd"] = "10"


@mistake("CA113")
def retired_before_its_release(desk: Desk) -> None:
    desk.new_model("0.9")
    desk.shelf.models[-1]["retired_on"] = desk.day(-200)


@mistake("CA113")
def model_listed_twice(desk: Desk) -> None:
    desk.shelf.models.append({**desk.draw(desk.shelf.models)})


# --- names, files, fees ----------------------------------------------------------------------------


@mistake("CA105")
def alias_to_nothing(desk: Desk) -> None:
    row = desk.draw(desk.shelf.aliases)
    desk.shelf.aliases.append(
        {**row, "alias": "brand-new", "model": f"{row['model']}x", "recorded_on": desk.day()}
    )


@mistake("CA105")
def alias_with_the_name_of_a_model(desk: Desk) -> None:
    row, model = desk.draw(desk.shelf.aliases), desk.draw(desk.shelf.models)["model"]
    desk.shelf.aliases.append({**row, "alias": model})


@mistake("CA105")
def alias_for_two_models_at_once(desk: Desk) -> None:
    row, model = desk.draw(desk.shelf.aliases), desk.draw(desk.shelf.models)["model"]
    desk.shelf.aliases.append({**row, "model": model})


@mistake("CA213")
def alias_pointed_elsewhere(desk: Desk) -> None:
    row = desk.draw([r for r in desk.shelf.aliases if not r["valid_to"]])
    others = [r for r in desk.shelf.models if r["model"] != row["model"]]
    row["model"] = desk.draw(others)["model"]


@mistake("CA213")
def alias_deleted(desk: Desk) -> None:
    desk.shelf.aliases.remove(desk.draw(desk.shelf.aliases))


@mistake("CA502")
def alias_older_than_its_model(desk: Desk) -> None:
    name, _ = desk.new_model("0.9")
    row = desk.draw(desk.shelf.aliases)
    new = {"alias": "brand-new", "model": name, "valid_from": desk.day(-100), "valid_to": ""}
    desk.shelf.aliases.append({**row, **new, "recorded_on": desk.day()})


@mistake("CA501")
def routed_model_renamed(desk: Desk) -> None:
    wanted = {"openai": "gpt-6.1-terra", "google": "gemini-2.5-pro", "anthropic": "claude-haiku-5-5"}
    name = wanted.get(desk.shelf.provider)
    if name is None:
        raise NotHere
    for rows in (desk.shelf.prices, desk.shelf.models, desk.shelf.aliases):
        for row in rows:
            if row["model"] == name:
                row["model"] = f"zz-{name}"
    desk.shelf.sort()


@mistake("CA216")
def hours_of_a_window_edited(desk: Desk) -> None:
    desk.shelf.replace("windows.csv", "16:30,00:30", "15:30,00:30")


@mistake("CA214")
def fee_of_the_past_edited(desk: Desk) -> None:
    desk.shelf.replace("gateways.toml", 'value = "5.5"', 'value = "5"')


@mistake("CA312")
def markup_as_a_fraction(desk: Desk) -> None:
    desk.shelf.replace("gateways.toml", 'value = "5.5"', 'value = "0.055"')


@mistake("CA312")
def markup_of_several_hundred_percent(desk: Desk) -> None:
    desk.shelf.replace("gateways.toml", 'value = "5.5"', 'value = "550"')


@mistake("CA110")
def semantics_of_a_provider_that_does_not_exist(desk: Desk) -> None:
    desk.shelf.files["semantics.csv"] += b"opnai,chat,cache_read,reasoning,s,\n"


@mistake("CA112")
def table_with_a_wrong_name(desk: Desk) -> None:
    desk.shelf.files[f"{desk.shelf.provider}/price.csv"] = b"model,class\n"


@mistake("CA101")
def conflict_left_in_a_table(desk: Desk) -> None:
    held = desk.shelf.held()
    table = f"{desk.shelf.provider}/aliases.csv"
    text = (held / table).read_bytes()
    desk.shelf.files["windows.csv"] += b"<<<<<<< HEAD\n"
    assert text


@mistake("CA101")
def column_renamed(desk: Desk) -> None:
    desk.shelf.heads = {**desk.shelf.heads, "prices.csv": ["usd", *desk.shelf.heads["prices.csv"][1:]]}
