"""Prompts of a support product, put together from templates.toml."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from .chance import Dice

_SLOT: Final = re.compile(r"(?<!\$)\{(\w+)\}")
_LABELS: Final = {"billing": 28, "bug": 24, "account": 18, "shipping": 20, "feature_request": 6, "other": 4}
INTENTS: Final = {
    "billing": "ask_refund",
    "bug": "report_problem",
    "account": "change_data",
    "shipping": "ask_status",
    "feature_request": "other",
    "other": "praise",
}
Given = dict[str, str]


class Writer:
    """Puts prompts together from templates.toml."""

    def __init__(self, dice: Dice, templates: Mapping[str, Any]) -> None:
        self._dice = dice
        self._texts = templates
        self._slots: dict[str, Callable[[], str]] = {
            "n": lambda: str(dice.between(3, 30)),
            "code": lambda: str(dice.between(11, 599)),
            "order": lambda: f"T-{dice.between(10_000, 99_999)}",
            "amount": lambda: f"{dice.lognormal(40, 0.9)}.{dice.pick(('00', '50', '90', '95'))}",
        }
        self.kinds: dict[str, Callable[[], Given]] = {
            "ticket": lambda: self._ticket(dice.between(1, 2), min(9, dice.lognormal(2, 0.7))),
            "short_ticket": lambda: self._ticket(1, dice.between(0, 1)),
            "thread": self._thread,
            "conversation": dict,
            "article": self._article,
            "sql": lambda: {"schema": self._one("sql", "schemas"), "sql_ask": self._one("sql", "asks")},
            "debug": self._debug,
            "refund": self._refund,
            "legal": lambda: self._case("legal"),
            "medical": lambda: self._case("medical"),
            "contract": self._contract,
        }

    def fill(self, text: str, given: Mapping[str, str]) -> str:
        """The text with its slots filled, those of the filling included."""

        def slot(match: re.Match[str]) -> str:
            name = match[1]
            if name in given:
                return self.fill(given[name], given)
            if name in self._slots:
                return self._slots[name]()
            lines = self._texts["slots"].get(name)
            return self.fill(self._dice.pick(lines), given) if lines else match[0]

        return _SLOT.sub(slot, text)

    def turns(self) -> list[dict[str, str]]:
        """A conversation between a customer and an agent that ends with the customer."""
        messages = [{"role": "user", "content": self.fill(self._ticket(1, 2)["ticket"], {})}]
        for agent, customer in self._talk(min(4, self._dice.lognormal(1.4, 0.6)) - 1):
            messages.append({"role": "assistant", "content": self.fill(agent, {})})
            messages.append({"role": "user", "content": self.fill(customer, {})})
        return messages

    def _one(self, table: str, key: str) -> str:
        lines: list[str] = self._texts[table][key]
        return self._dice.pick(lines)

    def _some(self, lines: Sequence[str], count: int) -> list[str]:
        return [lines[i] for i in self._dice.sample(min(count, len(lines)), len(lines))]

    def _talk(self, rounds: int) -> Iterator[tuple[str, str]]:
        """What an agent and a customer say in turn; nobody says the same thing twice."""
        texts = self._texts["thread"]
        return zip(self._deal(texts["agent"], rounds), self._deal(texts["customer"], rounds), strict=True)

    def _deal(self, lines: Sequence[str], count: int) -> list[str]:
        left = list(lines)
        return [left.pop(self._dice.between(0, len(left) - 1)) for _ in range(count)]

    def _ticket(self, issues: int, details: int) -> Given:
        texts = self._texts["ticket"]
        label = self._dice.by_share(_LABELS)
        lines = [self._dice.pick(texts["openings"])] if details else []
        lines += self._some(texts["issues"][label], issues) + self._some(texts["details"], details)
        if details > 1:
            lines.append(self._dice.pick(texts["closings"]))
        return {"ticket": " ".join(lines), "label": label}

    def _thread(self) -> Given:
        lines = [f"Customer: {self._ticket(1, 2)['ticket']}"]
        for agent, customer in self._talk(min(9, self._dice.lognormal(3, 0.6))):
            lines += [f"Agent: {agent}", f"Customer: {customer}"]
        return {"thread": "\n\n".join(lines)}

    def _article(self) -> Given:
        articles: list[dict[str, Any]] = self._texts["article"]
        article = self._dice.weighted(articles, list(accumulate(1 / (i + 1) for i in range(len(articles)))))
        question = self._dice.weighted(article["questions"], (8, 12, 14, 15))
        return {
            "title": article["title"],
            "passage": article["text"],
            "question": question,
            "answer": article["answers"][article["questions"].index(question) % 2],
            "house_style": "\n".join(self._texts["house_style"]["paragraphs"]),
        }

    def _debug(self) -> Given:
        texts = self._texts["debug"]
        at = self._dice.between(0, len(texts["snippets"]) - 1)
        return {
            "debug_ask": self._dice.pick(texts["asks"]),
            "code_block": texts["snippets"][at],
            "trace": texts["traces"][at],
            "service": self._one("slots", "service"),
        }

    def _refund(self) -> Given:
        texts = self._texts["refund_policy"]
        return {
            "refund_ask": self._dice.pick(texts["asks"]),
            "case": " ".join(self._some(texts["facts"], self._dice.between(4, 8))),
            "refund_policy": "\n".join(texts["paragraphs"]),
        }

    def _case(self, kind: str) -> Given:
        return {f"{kind}_ask": self._one(kind, "asks"), "case": self._one(kind, "cases")}

    def _contract(self) -> Given:
        clauses = self._some(self._texts["contract"]["clauses"], self._dice.between(5, 12))
        return {"contract_ask": self._one("contract", "asks"), "clauses": "\n".join(clauses)}


def tokens_in(text: str) -> int:
    """About four characters to a token."""
    return -(-len(text) // 4)


def to_json(value: Any) -> str:
    """One line of JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
