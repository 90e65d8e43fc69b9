"""Files of unknown format: which there are, what their keys are taken for, and what reads them so.

Files whose records have most keys in common are one log, and are looked at together: what one of them shows
(ids that repeat, sums that never fall) holds for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec
from msgspec.structs import replace

from costaudit.errors import InputError
from costaudit.ingest.adapters import flat
from costaudit.ingest.adapters.mapped import mapped_adapter
from costaudit.ingest.detect import SAMPLE, matching
from costaudit.ingest.extended_json import plain_types
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.guess.count_names import INPUT, OUTPUT, TOTAL
from costaudit.ingest.guess.decide import guess_of
from costaudit.ingest.guess.prices import KnownPrices
from costaudit.ingest.guess.result import Guess
from costaudit.ingest.guess.survey import Survey
from costaudit.ingest.logfile import Container, LogFile
from costaudit.ingest.mapping import parse_format
from costaudit.ingest.reader import FileReader, open_log
from costaudit.schema import Call, Quality
from costaudit.toml.load import parse_toml

NAME: Final = "guess"
"""What a guessed format is called."""
MOST_ADVISED: Final = 2_000
"""Records that are looked at for what is only told."""
MOST_FILES_ADVISED: Final = 20
WEIGHTY: Final = (INPUT, OUTPUT, TOTAL, "cost_usd")
"""Fields that come to money."""
_HALF: Final = 2
_ALIKE: Final = 20
"""Records after which others with the same keys are taken to be alike."""


class Guessing(msgspec.Struct, frozen=True):
    """Whether unknown logs are read by a guess, and the prices by which it is made."""

    prices: Callable[[], KnownPrices]
    use: bool = False
    """Read by it; else it is only told."""


class Guessed(msgspec.Struct, frozen=True):
    """What the unknown among some files are taken for."""

    guesses: Sequence[Guess] = ()
    adapters: Mapping[str, Sequence[Adapter]] = {}
    """By the name of a file, what reads its unknown records."""


class _Table(msgspec.Struct, frozen=True):
    """A file, or a table of a database, with the unknown records in it."""

    name: str
    file: LogFile
    adapters: Sequence[Adapter]
    table: str | None = None

    def unknown(self) -> Iterator[Record | None]:
        """The records in their order; None for one that is read without a guess."""
        reader = self._reader()
        read = ReadWithoutGuess(self.adapters)
        for _, record in reader.records():
            if not isinstance(record, Skip):
                yield None if read(record) else reader.written.plain(plain_types(record))[0]

    def _reader(self) -> FileReader:
        if self.table is None:
            return open_log(self.file, None, self.adapters)
        from costaudit.ingest.sqlite import SqliteReader  # noqa: PLC0415 - start-up

        return SqliteReader(self.file, None, False, [(self.table, None)], self.adapters)


class ReadWithoutGuess:
    """Whether records are read without a guess: those with the same keys are alike once some of them were."""

    def __init__(self, adapters: Sequence[Adapter]) -> None:
        self._adapters = adapters
        self._verdicts: dict[tuple[str, ...], list[bool]] = {}

    def __call__(self, record: Record) -> bool:
        """May be called from several threads at once: each verdict is right by itself."""
        seen = self._verdicts.setdefault(tuple(record), [])
        if len(seen) >= _ALIKE and len(set(seen)) == 1:
            return seen[0]
        verdict = is_read(record, self._adapters)
        if len(seen) < _ALIKE:
            seen.append(verdict)
        return verdict


def is_read(record: Record, adapters: Sequence[Adapter]) -> bool:
    """Whether a record is read without a guess: a flat one only if it states both sides."""
    adapter = matching(record, adapters)
    if adapter is None:
        return False
    return adapter.name != flat.ADAPTER.name or _states_both(record)


def _states_both(record: Record) -> bool:
    try:
        calls = flat.calls(record)
    except Skip:
        return True
    stated = [call.stated for call in calls if call.stated is not None]
    return any(one.prompt is not None and one.completion is not None for one in stated)


def guesses_for(
    files: Sequence[LogFile], adapters: Sequence[Adapter], prices: KnownPrices, most: int | None = None
) -> Guessed:
    """What the unknown among some files are taken for; `most` limits the records that are looked at."""
    tables = [table for file in files for table in _tables(file, adapters)]
    guesses: list[Guess] = []
    by_file: dict[str, list[Adapter]] = {}
    for family in _families(tables):
        guess = _of_family(family, adapters, prices, most)
        if guess is None or not _is_telling(guess):
            continue
        guesses.append(guess)
        if guess.has_mapping:
            used = sum(one.has_mapping for one in guesses)
            adapter = adapter_of(guess, NAME if used == 1 else f"{NAME}-{used}", adapters)
            for table in family:
                by_file.setdefault(table.file.name, []).append(adapter)
    return Guessed(_without_rivals(guesses, by_file), by_file)


def _is_telling(guess: Guess) -> bool:
    """Whether something speaks for it that the records are calls of models."""
    return guess.has_mapping or any(one.field in (*WEIGHTY, "model") for one in guess.taken)


def _without_rivals(guesses: Sequence[Guess], by_file: dict[str, list[Adapter]]) -> list[Guess]:
    """A database of which several tables may be the log is not read: nothing tells which one is."""
    several = {name for name, adapters in by_file.items() if len(adapters) > 1}
    for name in several:
        del by_file[name]
    told = []
    for guess in guesses:
        files = [one for one in guess.files if one.partition("#")[0] in several]
        why = f"several tables of {files[0].partition('#')[0]} may be the log" if files else None
        told.append(replace(guess, refused=guess.refused or why))
    return told


def _tables(file: LogFile, adapters: Sequence[Adapter]) -> Iterator[_Table]:
    """What of a file is to be looked at: of a database the tables, one by one."""
    if file.container is Container.TAPE:
        return
    if file.container is not Container.SQLITE:
        yield _Table(file.name, file, adapters)
        return
    from costaudit.ingest.sqlite import table_names  # noqa: PLC0415 - start-up

    try:
        if _reads_some(file, adapters):
            return
        for name in table_names(file):
            yield _Table(f"{file.name}#{name}", file, adapters, name)
    except InputError:
        return  # reading it says so


def _reads_some(file: LogFile, adapters: Sequence[Adapter]) -> bool:
    """Whether a table of a database is read without a guess."""
    try:
        reader = open_log(file, None, adapters)
    except InputError:
        return False
    return any(
        is_read(record, adapters)
        for _, record in islice(reader.records(), SAMPLE)
        if not isinstance(record, Skip)
    )


def _families(tables: Sequence[_Table]) -> list[list[_Table]]:
    """Tables with unknown records, together where they have most keys in common."""
    families: list[tuple[frozenset[str], list[_Table]]] = []
    for table in tables:
        try:
            head = [record for record in islice(table.unknown(), SAMPLE) if record is not None]
        except InputError:
            continue  # reading it says so
        if not head:
            continue
        keys = frozenset(key for record in head for key in record)
        for place, (known, members) in enumerate(families):
            if _HALF * len(known & keys) > len(known | keys) and table.file not in [m.file for m in members]:
                members.append(table)
                families[place] = known | keys, members
                break
        else:
            families.append((keys, [table]))
    return [members for _, members in families]


def _of_family(
    family: Sequence[_Table], adapters: Sequence[Adapter], prices: KnownPrices, most: int | None
) -> Guess | None:
    """What the unknown records of some tables are taken for; None where it is no more than is read anyway."""
    survey = Survey()
    any_unknown = False
    share = None if most is None else max(most // len(family), 1)
    for table in family:
        survey.begin_file()
        for record in islice(table.unknown(), share):
            if record is None:
                continue
            if survey.is_full:
                survey.is_whole = False
                break
            any_unknown |= survey.records < SAMPLE and matching(record, adapters) is None
            survey.add(record)
    guess = guess_of(survey, prices, [table.name for table in family])
    if any_unknown or _says_more(guess):
        return guess
    return None


def _says_more(guess: Guess) -> bool:
    """Whether a guess takes something for a count or a cost that a flat record would not."""
    weighty = [one for one in guess.taken if one.field in WEIGHTY]
    probe: dict[str, object] = {"model": "m"}
    for one in weighty:
        if "." in one.key:
            return True
        probe[one.key.strip('"')] = 1
    found = flat.calls(probe)[0] if flat.matches(probe) else Call()
    stated = found.stated
    read = {
        INPUT: stated is not None and stated.prompt is not None,
        OUTPUT: stated is not None and stated.completion is not None,
        TOTAL: stated is not None and stated.total is not None,
        "cost_usd": found.reported_picousd is not None,
    }
    return any(not read[one.field] for one in weighty)


def adapter_of(guess: Guess, name: str, adapters: Sequence[Adapter]) -> Adapter:
    """What reads records by a guess, and leaves those alone that are read without one."""
    table = parse_toml(guess.mapping(name), "the guess").table["formats"][name]
    inner, read = mapped_adapter(parse_format(name, table, "the guess")), ReadWithoutGuess(adapters)

    def matches(record: Record) -> bool:
        return inner.matches(record) and not read(record)

    def calls(record: Record) -> list[Call]:
        return [_doubted(call) for call in inner.calls(record)]

    return Adapter(
        name=name,
        title="keys that were guessed",
        matches=matches,
        calls=calls,
        needs=inner.needs,
        told=guess.mapping(name),
        counts=inner.counts,
    )


def _doubted(call: Call) -> Call:
    """A call whose counts are taken to be such, and not known to be."""
    if call.stated is not None:
        call.stated.doubt_from, call.stated.doubt = 0, Quality.GUESSED.value
    return call
