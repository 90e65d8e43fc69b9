"""What a tape is read from: files that are still to be parsed, and tapes that keep what was parsed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from costaudit.errors import InputError
from costaudit.ingest.bundle import bundles_of
from costaudit.ingest.format import Adapter
from costaudit.ingest.logfile import Container, LogFile
from costaudit.ingest.quarantine import Place
from costaudit.ingest.reader import Reader, open_some
from costaudit.tape.cache import Cache, Key
from costaudit.tape.tape import Found
from costaudit.tape.tapefile import TapeFile, open_tape


class Parsing(msgspec.Struct, frozen=True):
    """Files that are parsed."""

    reader: Reader
    names: Sequence[str]
    key: Key | None
    """Under which the cache is to keep what they come to."""


Source = Parsing | TapeFile


class Sources(msgspec.Struct, frozen=True):
    """Opens files."""

    forced: Adapter | None
    adapters: Sequence[Adapter]
    rules: str
    """By what texts are read: `Tagger.text_digest`."""
    cache: Cache | None
    guessed: Mapping[str, Sequence[Adapter]] = {}
    """By the name of a file, formats of it that were guessed."""

    def open(
        self, files: Sequence[LogFile], refused: Sequence[InputError], found: Found
    ) -> tuple[list[Source], list[tuple[str, int]]]:
        """The sources of the files that can be read; and names and bytes of all logs, those on tapes, too.

        What cannot be read goes into the quarantine, as do the files refused. Raises InputError with the
        first reason when there is no source.
        """
        sources: list[Source] = []
        errors = list(refused)
        logs = [(file.name, file.size) for file in files if file.container is not Container.TAPE]
        for some in bundles_of(files):
            try:
                if some[0].container is Container.TAPE:
                    tape = self._tape(some[0], {name for name, _ in logs})
                    logs += tape.files
                    sources.append(tape)
                else:
                    sources.append(self._source(some))
            except InputError as error:
                errors.append(error)
        if errors and not sources:
            raise errors[0]
        for trouble in errors:
            found.quarantine.add("unreadable_file", Place(trouble.path or "", 0, None, trouble.message))
        found.unread = frozenset(trouble.path or "" for trouble in errors)
        return sources, logs

    def _source(self, files: Sequence[LogFile]) -> Source:
        """The source of some files that are read together."""
        names = [file.name for file in files]
        key = None if self.cache is None else self.cache.key_of(files, self.rules)
        kept = None if self.cache is None or key is None else self.cache.get(key, names)
        return kept or Parsing(open_some(files, self.forced, self.adapters, self.guessed), names, key)

    def _tape(self, file: LogFile, taken: AbstractSet[str]) -> TapeFile:
        """A tape that the user named; names that other files have already are told apart."""
        try:
            tape = open_tape(file.path, shown=file.name)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=file.name) from error
        if tape.rules not in ("", self.rules):
            raise InputError(
                "the tape was made by other rules of tiers than those in use",
                path=file.name,
                hint="make it again",
            )
        return tape.renamed({name: f"{file.name}:{name}" for name in tape.names if name in taken})
