"""Which column says what became of a call, in the words of several languages."""

from __future__ import annotations

import re
from typing import Final

from costaudit.ingest.adapters.flat_fields import (
    CACHE_WORDS,
    CANCEL_WORDS,
    ERROR_WORDS,
    SUPERSEDED_WORDS,
)
from costaudit.ingest.adapters.mapped import TARGETS
from costaudit.ingest.guess.survey import LONG, LogColumn
from costaudit.ingest.guess.words import plain
from costaudit.ingest.guess.work import Work, alike, named

_MEANS: Final = {
    "ok": "ok okay success succeeded successful complete completed done finished fine 1_ok erfolg erfolgreich"
    " reussi succes exito exitoso correcto riuscito 成功 正常 完了 成功しました 完成",
    "error": "err failed_request fehler fehlgeschlagen gescheitert erreur echec error fallo fallido errore"
    " ошибка 失敗 失败 エラー 错误 錯誤",
    "cancelled": "cancelled_by_user abgebrochen annule cancelado annullato отменено キャンセル 取消 中断",
}
_WORDS: Final = {word: means for means, words in _MEANS.items() for word in words.split()}
_KNOWN: Final = frozenset(
    {"ok", "success", "succeeded", "completed", "done"}
    | ERROR_WORDS
    | CANCEL_WORDS
    | CACHE_WORDS
    | SUPERSEDED_WORDS
)
"""Words that a flat record's status is read by."""
_CODE: Final = re.compile(r"[1-5]\d\d")
_LABEL: Final = re.compile(r"[A-Za-z][\w.\-]{0,40}")


def find_status(work: Work) -> None:
    """Take the column of the outcome, if all of its words are known."""
    found = []
    for column in work.columns:
        words = column.words
        is_named = "status" in words and words.known <= {
            "status",
            "response",
            "request",
            "name",
            "count",
            "error",
        }
        if (is_named and not words.others and "error" not in words) or TARGETS.get(column.key) == "status":
            means = _meanings(column)
            if means is None:
                work.leave(column, "not all of its values are known for what became of a call")
            else:
                found.append((column, means))
    if len(found) == 1:
        column, means = found[0]
        work.take("status", column, "its values say what became of the call", None, **means)
    elif found:
        columns = [c for c, _ in found]
        work.leave(columns, f"{named(columns)} are equally good for the status: none is taken")
    _find_error(work)


def _find_error(work: Work) -> None:
    columns = [
        c
        for c in work.columns
        if "error" in c.words and c.words.known <= {"error", "status", "id", "name", "count"}
    ]
    columns = [c for c in columns if TARGETS.get(c.key) == "error"][:1] or columns
    if len(columns) > 1 and not alike(columns):
        work.leave(columns, f"{named(columns)} are equally good for errors, and differ: none is taken")
        return
    if not columns or ("status" in work.taken and columns[0].is_flag):
        return
    column = columns[0]
    if column.is_flag and "status" not in work.taken and not column.words.others:
        work.take("status", column, "true means that the call failed", None, true="error", false="ok")
    elif column.is_text and not column.words.others and all(_LABEL.fullmatch(t) for t in set(column.texts)):
        work.take("error", column, "its values are codes of errors")
    elif column.is_text:
        work.leave(column, "its values are no codes of errors, and may quote what was asked")


def _meanings(column: LogColumn) -> dict[str, str] | None:
    """The values that mean something in other words, with what they mean; None where one is not known."""
    if column.is_flag:
        if {"ok", "success", "erfolg", "erfolgreich"} & set(column.words.plain):
            return {"true": "ok", "false": "error"}
        return None
    means = {}
    for value in {str(v) for v in column.values if not isinstance(v, bool)}:
        word = value.strip().lower()
        if value == LONG:
            return None
        if _CODE.fullmatch(word.removesuffix(".0")) or word in _KNOWN:
            continue
        if plain(word) not in _WORDS:
            return None
        means[value] = _WORDS[plain(word)]
    return dict(sorted(means.items())) if any(not isinstance(v, bool) for v in column.values) else None
