"""Invented logs as teams write them: the same calls under other names, with what they put beside them.

Every style is a function from a call to its record; `sums` lets it keep running sums.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

Style = Callable[[Mapping[str, Any], dict[str, Any]], dict[str, Any]]

PER_MTOK: Final = {
    "gpt-4o": (Decimal("2.5"), Decimal("1.25"), Decimal(10)),
    "gpt-4o-mini": (Decimal("0.15"), Decimal("0.075"), Decimal("0.6")),
}
"""Dollars per million tokens of input, cached input and output, as OpenAI listed them in June 2025."""


def calls(number: int = 30, seed: int = 7) -> list[dict[str, Any]]:
    """Some calls: model, tokens, the list price, and what else a log may say of them."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    found = []
    for n in range(number):
        name = draw.choice(list(PER_MTOK))
        asked, answered = draw.randint(200, 3000), draw.randint(10, 500)
        fresh, _, out = PER_MTOK[name]
        at = datetime(2025, 6, 1, 9, tzinfo=UTC) + timedelta(minutes=3 * n)
        found.append({
            "n": n, "model": name, "in": asked, "out": answered,
            "usd": float((fresh * asked + out * answered) / 10**6),
            "ts": at.isoformat(), "ms": draw.randint(300, 9000), "session": f"s{n % 4}",
            "user": f"u{n % 5}", "id": f"r-{n:04}",
        })  # fmt: skip
    return found


def records(style: Style, number: int = 30) -> list[dict[str, Any]]:
    """The calls in a style."""
    sums: dict[str, Any] = {}
    return [style(call, sums) for call in calls(number)]


def so_far(sums: dict[str, Any], name: str, number: float) -> float:
    """A running sum."""
    sums[name] = sums.get(name, 0) + number
    return float(sums[name]) if isinstance(number, float) else int(sums[name])


def _base(c: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"mdl": c["model"], "zeit": c["ts"], "tok_in": c["in"], "tok_out": c["out"], **more}


BASE: Final = {"model": "mdl", "timestamp": "zeit", "input_tokens": "tok_in", "output_tokens": "tok_out"}

STYLES: Final[dict[str, tuple[Style, dict[str, str], tuple[str, ...]]]] = {
    # style, what is taken (field: key), keys of which it is said that they are not
    "plain": (lambda c, _: _base(c), BASE, ()),
    "euros": (
        lambda c, _: _base(c, kosten_eur=c["usd"] * 0.92), BASE, ("kosten_eur",)),
    "euros by a neighbour": (
        lambda c, _: _base(c, kosten=c["usd"] * 0.92, waehrung="EUR"), BASE, ("kosten",)),
    "euros beside dollars": (
        lambda c, _: _base(c, cost_eur=c["usd"] * 0.92, cost_dollar=c["usd"]),
        {**BASE, "cost_usd": "cost_dollar"}, ("cost_eur",)),
    "euro signs": (
        lambda c, _: _base(c, preis=f"{c['usd'] * 0.92:.6f} €"), BASE, ("preis",)),
    "dollar signs": (
        lambda c, _: _base(c, amt=f"${c['usd'] * 1.09:.6f}", amt_b=f"{c['usd']:.6f} £"),
        {**BASE, "cost_usd": "amt"}, ("amt_b",)),
    "no currency, no proof": (
        lambda c, _: _base(c, price=c["usd"] * 1.09), BASE, ("price",)),
    "no currency, at list": (
        lambda c, _: _base(c, price=c["usd"]), {**BASE, "cost_usd": "price"}, ()),
    "cents by proof": (
        lambda c, _: _base(c, cents=c["usd"] * 100), {**BASE, "cost_usd": "cents cents"}, ()),
    "millionths by name": (
        lambda c, _: _base(c, cost_micro_usd=round(c["usd"] * 1e6)),
        {**BASE, "cost_usd": "cost_micro_usd micro_usd"}, ()),
    "cents called dollars": (
        lambda c, _: _base(c, cost_usd=c["usd"] * 100), BASE, ("cost_usd",)),
    "a price per token": (
        lambda c, _: _base(c, usd_each=2.5 if c["model"] == "gpt-4o" else 0.15), BASE, ("usd_each",)),
    "running sums beside": (
        lambda c, s: _base(c, tok_stand=so_far(s, "t", c["in"]), usd_sum=so_far(s, "u", c["usd"])),
        BASE, ("tok_stand", "usd_sum")),
    "running sums only": (
        lambda c, s: {"mdl": c["model"], "tok_in": so_far(s, "i", c["in"]),
                      "tok_out": so_far(s, "o", c["out"])},
        {}, ("tok_in", "tok_out")),
    "running sums per session": (
        lambda c, s: {"mdl": c["model"], "sitzung": c["session"],
                      "tok_in": so_far(s, "i" + c["session"], c["in"]),
                      "tok_out": so_far(s, "o" + c["session"], c["out"])},
        {}, ("tok_in", "tok_out")),
    "conversations that grow": (
        lambda c, s: {**_base(c), "conv": c["session"], "tok_in": so_far(s, c["session"], c["in"])},
        {**BASE, "session": "conv"}, ()),
    "asked for and served": (
        lambda c, _: {**_base(c), "mdl": "gpt-4o", "mdl_served": c["model"]},
        {**BASE, "response_model": "mdl_served"}, ()),
    "two models": (
        lambda c, _: {**_base(c), "mdl": "gpt-4o", "mdl_b": c["model"]}, {}, ("mdl", "mdl_b")),
    "a fallback": (lambda c, _: _base(c, fallback_mdl="gpt-4o"), BASE, ("fallback_mdl",)),
    "times as tokens": (
        lambda c, _: _base(c, tok_time=c["ms"], tok_out_ms=c["ms"], ttft_tok=c["ms"]),
        BASE, ("tok_time", "tok_out_ms", "ttft_tok")),
    "shares and limits": (
        lambda c, _: _base(c, tok_pct=c["in"] % 100, tok_score=c["n"] % 7, max_tok=4096),
        BASE, ("tok_pct", "tok_score", "max_tok")),
    "text as input": (
        lambda c, _: {"input": "CANARY of a prompt", **_base(c, question="CANARY")}, BASE, ("input",)),
    "counts as text": (
        lambda c, _: {**_base(c), "tok_in": str(c["in"]), "tok_out": str(c["out"])}, BASE, ()),
    "groups of thousands": (
        lambda c, _: {**_base(c), "tok_in": f"{c['in']:,}", "tok_out": f"{c['out']:,}"}, BASE, ()),
    "thousands": (
        lambda c, _: {"mdl": c["model"], "ktok_in": c["in"] / 1000, "ktok_out": c["out"] / 1000},
        {"model": "mdl", "input_tokens": "ktok_in thousand", "output_tokens": "ktok_out thousand"}, ()),
    "rounded thousands": (
        lambda c, _: {"mdl": c["model"], "ktok_in": round(c["in"] / 1000, 1), "ktok_out": 0.1},
        {}, ("ktok_in", "ktok_out")),
    "characters": (
        lambda c, _: {"mdl": c["model"], "in_chars": c["in"], "out_chars": c["out"]},
        {}, ("in_chars", "out_chars")),
    "characters that a cost gives away": (
        lambda c, _: {"mdl": c["model"], "in": c["in"] * 50, "out": c["out"] * 50, "cost_usd": c["usd"]},
        {"model": "mdl", "cost_usd": "cost_usd"}, ("in", "out")),
    "a total called output": (
        lambda c, _: {"mdl": c["model"], "tok_in": c["in"], "tok_out": c["in"] + c["out"],
                      "tok_gen": c["out"]},
        {"model": "mdl", "input_tokens": "tok_in", "output_tokens": "tok_gen",
         "total_tokens": "tok_out"}, ()),
    "a total decides": (
        lambda c, _: _base(c, tok_prompt=c["in"] + 7, tok=c["in"] + c["out"]),
        {**BASE, "total_tokens": "tok"}, ("tok_prompt",)),
    "two inputs": (
        lambda c, _: _base(c, tok_prompt=c["in"] + 7),
        {k: v for k, v in BASE.items() if k != "input_tokens"}, ("tok_in", "tok_prompt")),
    "a total alone": (
        lambda c, _: {"mdl": c["model"], "tok": c["in"] + c["out"], "a": c["in"], "b": c["out"]},
        {}, ("tok", "a", "b")),
    "traces and sessions": (
        lambda c, _: _base(c, trace_id=c["id"], sess_id=c["session"], uid=c["user"]),
        {**BASE, "session": "sess_id", "user": "uid"}, ("trace_id",)),
    "an id that repeats": (
        lambda c, _: _base(c, anfrage_id=f"q{c['n'] // 2}"), BASE, ("anfrage_id",)),
    "an id": (lambda c, _: _base(c, anfrage_id=c["id"]), {**BASE, "request_id": "anfrage_id"}, ()),
    "nested": (
        lambda c, _: {"evt": {"llm": {"mdl": c["model"], "tok": {"in": c["in"], "out": c["out"]}}},
                      "ctx": {"user.id": c["user"]}},
        {"model": "evt.llm.mdl", "input_tokens": "evt.llm.tok.in", "output_tokens": "evt.llm.tok.out",
         "user": 'ctx."user.id"'}, ()),
    "german": (
        lambda c, _: {"Modell": c["model"], "Zeitpunkt": c["ts"], "Eingabetoken": c["in"],
                      "Ausgabetoken": c["out"], "Dauer (s)": c["ms"] / 1000, "Benutzer": c["user"],
                      "Vorgangs-ID": c["id"], "Status": "Fehler" if c["n"] == 3 else "OK"},
        {"model": "Modell", "timestamp": "Zeitpunkt", "input_tokens": "Eingabetoken", "user": "Benutzer",
         "output_tokens": "Ausgabetoken", "latency_ms": "Dauer (s) s", "request_id": "Vorgangs-ID",
         "status": "Status"}, ()),
    "french": (
        lambda c, _: {"modèle": c["model"], "horodatage": c["ts"], "jetons_entrée": c["in"],
                      "jetons_sortie": c["out"], "coût_usd": c["usd"], "durée_ms": c["ms"]},
        {"model": "modèle", "timestamp": "horodatage", "input_tokens": "jetons_entrée",
         "output_tokens": "jetons_sortie", "cost_usd": "coût_usd", "latency_ms": "durée_ms"}, ()),
    "spanish": (
        lambda c, _: {"Modelo": c["model"], "Fecha": c["ts"], "Tokens de entrada": c["in"],
                      "Tokens de salida": c["out"], "Costo (EUR)": c["usd"], "Usuario": c["user"]},
        {"model": "Modelo", "timestamp": "Fecha", "input_tokens": "Tokens de entrada",
         "output_tokens": "Tokens de salida", "user": "Usuario"}, ("Costo (EUR)",)),
    "japanese": (
        lambda c, _: {"モデル名": c["model"], "日時": c["ts"], "入力トークン数": c["in"],
                      "出力トークン数": c["out"], "料金(円)": c["usd"] * 150, "リクエストID": c["id"]},
        {"model": "モデル名", "timestamp": "日時", "input_tokens": "入力トークン数",
         "output_tokens": "出力トークン数", "request_id": "リクエストID"}, ("料金(円)",)),
    "sums of requests": (lambda c, _: _base(c, anfragen=5), {}, ()),
}  # fmt: skip
