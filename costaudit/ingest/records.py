"""Reading record by record: values become calls, and what cannot be read is set aside by its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from costaudit.ingest.asked import asked_of
from costaudit.ingest.by_words import take_by_words
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.currency import foreign_currency
from costaudit.ingest.detect import matching
from costaudit.ingest.envelopes import fill, is_no_record, is_open, opened
from costaudit.ingest.extended_json import plain_types
from costaudit.ingest.format import Adapter, Record, Skip, around_of
from costaudit.ingest.pages import entries_of, page_records
from costaudit.ingest.pieces import stream_of, with_next
from costaudit.ingest.quarantine import Place
from costaudit.ingest.text_size import text_sizes
from costaudit.ingest.unclear import UnclearColumn, UnclearRecords
from costaudit.ingest.usage import is_counted, refuse_clocks
from costaudit.ingest.written_columns import NO_FILE, WrittenColumns
from costaudit.schema import Call

MOST_PIECES: Final = 64 << 20
"""Characters of a line that was cut, beyond which it is not put together."""


class RecordParser:
    """Takes the values of one block in their order and comes to what they hold."""

    def __init__(
        self,
        adapter: Adapter | None,
        adapters: Sequence[Adapter],
        columns: WrittenColumns = NO_FILE,
        *,
        forced: bool,
    ) -> None:
        """`columns` are those of the file, which tell what its dates and amounts mean."""
        self._adapters, self._columns = adapters, columns
        self._adapter = None if adapter is None else adapter.for_one_file()
        self._forced = forced
        self._others: dict[str, Adapter] = {}
        self._calls: list[Call] = []
        self._lines: list[int] = []
        self._around: list[Call] = []
        self._pieces: dict[str, tuple[Record, Place]] = {}
        """By stream, a line that was cut, as far as it has come, and where it began."""
        self._parsed = Parsed(batch_of([]), self._lines, 0)

    def take(self, value: Any, place: Place) -> None:
        """One decoded value: a record, or an array or page of records, each counted as one."""
        if value == []:
            self.set_aside(Skip("not_object", "the value is an empty JSON array"), place)
        for entry in entries_of(value):
            self._take(entry, place, page=True)

    def set_aside(self, skip: Skip, place: Place) -> None:
        """Count a record that cannot be read."""
        self._parsed.records += 1
        self._parsed.quarantine.add(skip.reason, replace(place, detail=skip.detail))

    def ignore(self) -> None:
        """Count a record that is not a call."""
        self._parsed.records += 1
        self._parsed.ignored += 1

    def done(self) -> Parsed:
        """What all values came to."""
        for _, first in self._pieces.values():
            self.set_aside(Skip("unrecognised", "the last piece of the line is missing"), first)
        self._pieces = {}
        self._parsed.batch = batch_of(self._calls)
        self._parsed.around = batch_of(self._around) if self._around else None
        return self._parsed

    def _take(self, entry: Any, place: Place, *, page: bool) -> None:
        if not isinstance(entry, Mapping):
            self.set_aside(not_object(entry), place)
            return
        entry = plain_types(entry)
        adapter = self._adapter_of(entry)
        if page and (adapter is None or (self._forced and not adapter.matches(entry))):
            inner = page_records(entry)
            for record in inner:
                self._take(record, place, page=False)
            if inner:
                return
        held = self._opened(entry, adapter)
        if held is not None:
            entry, adapter = held, self._adapter_of(held)
        if adapter is None and is_no_record(entry):
            self.ignore()
        elif adapter is None and self._is_piece(entry, place):
            return
        elif adapter is None:
            self.set_aside(Skip("unrecognised"), place)
        else:
            self._take_record(adapter, entry, place)
            for record in [] if adapter.holds is None else adapter.holds(entry):
                self._take(record, place, page=False)

    def _is_piece(self, record: Record, place: Place) -> bool:
        """Whether a record is a piece of a line; the last stands for all, at the place of the first."""
        stream = record.get("stream")
        begun = self._pieces.pop(stream, None) if isinstance(stream, str) and "log" in record else None
        whole, first = (record, place) if begun is None else (with_next(begun[0], record), begun[1])
        if stream_of(record) is not None and len(whole["log"]) <= MOST_PIECES:
            self._pieces[whole["stream"]] = whole, first
            return True
        if begun is not None:
            held = opened(whole, self._adapters)
            adapter = None if held is None else self._adapter_of(held)
            if held is None or adapter is None:
                self.set_aside(Skip("unrecognised"), first)
            else:
                self._take_record(adapter, held, first)
        return begun is not None

    def _opened(self, record: Record, adapter: Adapter | None) -> Record | None:
        """The record in an envelope, where the format of a record is not known for certain."""
        if adapter is None or is_open(record, adapter):
            return opened(record, self._adapters)
        if self._forced and not adapter.matches(record):
            return opened(record, (adapter,))
        return None

    def _take_record(self, adapter: Adapter, entry: Record, place: Place) -> None:
        around = around_of(entry)
        entry = self._plain(entry, place)
        try:
            found = self._calls_in(adapter, entry)
        except Skip as skip:
            self.set_aside(skip, place)
            return
        for call in found if around else ():
            fill(call, around)
        self._parsed.records += 1
        self._leave_foreign_costs(found, entry)
        if len(found) == 1 and not is_counted(found[0]):
            _measure_text(found[0], entry)
        if found:
            self._parsed.formats[adapter.name] += 1
        else:
            self._parsed.ignored += 1
        self._keep(found, place.line)

    def _calls_in(self, adapter: Adapter, record: Record) -> list[Call]:
        """The calls of a record; spans that are none are noted."""
        found = _read(adapter, record)
        if adapter.traced is None:
            return found
        calls = [call for call in found if call.span is None or call.span.is_call]
        if len(calls) < len(found):
            self._around += [call for call in found if call.span is not None and not call.span.is_call]
        return calls

    def _plain(self, record: Record, place: Place) -> Record:
        """A record whose dates and amounts leave no question, as far as its file tells."""
        record, unclear = self._columns.plain(record)
        for name, reason in unclear:
            self._parsed.unclear.add(UnclearColumn(place.file, name, reason), UnclearRecords(1, place.line))
        return record

    def _leave_foreign_costs(self, calls: Sequence[Call], record: Record) -> None:
        """Costs in another currency than the dollar are told as numbers that nobody reads."""
        if all(call.reported_picousd is None for call in calls):
            return
        currency = foreign_currency(record)
        if currency is None:
            return
        for call in calls:
            if call.reported_picousd:
                amount = Decimal(f"{Decimal(call.reported_picousd).scaleb(-12).normalize():f}")
                self._parsed.unused.add(f"cost in {currency}", amount)
            call.reported_picousd = None

    def _keep(self, calls: Sequence[Call], line: int) -> None:
        for call in calls:
            if call.stated is not None and call.stated.unused is not None:
                self._parsed.unused.take(call.stated.unused)
            call.asked = call.asked or asked_of(call)
        self._calls += calls
        self._lines += [line] * len(calls)

    def _adapter_of(self, record: Record) -> Adapter | None:
        adapter = self._adapter
        if adapter is not None and (self._forced or adapter.matches(record)):
            return adapter
        other = matching(record, self._adapters)
        if other is None or other.session is None:
            return other
        return self._others.setdefault(other.name, other.for_one_file())


def _read(adapter: Adapter, record: Record) -> list[Call]:
    found = (adapter.traced or adapter.calls)(record)
    for call in found:
        if call.stated is not None and call.stated.unused is not None:
            take_by_words(call.stated)
        refuse_clocks(call)
    return found


def _measure_text(call: Call, record: Record) -> None:
    """Note how much text a record holds whose tokens nobody counted."""
    asked, answered = text_sizes(record)
    call.asked_bytes = asked if call.asked_bytes is None else call.asked_bytes
    call.answered_bytes = answered if call.answered_bytes is None else call.answered_bytes


def records_in(value: Any, adapters: Sequence[Adapter]) -> Iterator[Record | Skip]:
    """The records of a value as `RecordParser.take` reads them; Skip for what is none."""
    for entry in entries_of(value):
        records = _or_page(entry, adapters) if isinstance(entry, Mapping) else [entry]
        for record in records:
            yield record if isinstance(record, Mapping) else not_object(record)


def _or_page(record: Record, adapters: Sequence[Adapter]) -> list[Any]:
    record = plain_types(record)
    adapter = matching(record, adapters)
    page = page_records(record) if adapter is None else None
    if not page:
        return [_or_held(record, adapter, adapters)]
    return [_plain_or_held(one, adapters) if isinstance(one, Mapping) else one for one in page]


def _plain_or_held(record: Record, adapters: Sequence[Adapter]) -> Record:
    record = plain_types(record)
    return _or_held(record, matching(record, adapters), adapters)


def _or_held(record: Record, adapter: Adapter | None, adapters: Sequence[Adapter]) -> Record:
    """A record of that format, or the one that it is the envelope of."""
    held = opened(record, adapters) if adapter is None or is_open(record, adapter) else None
    return record if held is None else held


_JSON_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a truth value",
    int: "a number",
    float: "a number",
    str: "text",
    list: "an array",
}


def not_object(value: Any) -> Skip:
    """Why a value that is no object is no record."""
    return Skip("not_object", f"the value is {_JSON_NAMES.get(type(value), 'of no JSON type')}")
