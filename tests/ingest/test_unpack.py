"""Packed files give their bytes, in small pieces, up to where they are damaged."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable, Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.unpack import PIECE_BYTES, BrokenError, gunzip, unzstd

WINDOW = 128 << 20
SKIPPABLE = b"\x5f\x2a\x4d\x18\x03\x00\x00\x00abc"

UNPACK: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": lambda data: gunzip(io.BytesIO(data)),
    "zstd": lambda data: unzstd(io.BytesIO(data), WINDOW),
}
PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}


def readable(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """What can be read, and whether it ends in damage."""
    found = bytearray()
    try:
        for piece in pieces:
            found += piece
    except BrokenError:
        return bytes(found), True
    return bytes(found), False


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311 - bytes that do not compress


@pytest.mark.parametrize("kind", PACK)
@given(parts=st.lists(st.binary(max_size=300), max_size=4))
def test_members_and_frames_after_each_other_are_one_text(kind: str, parts: list[bytes]):
    packed = b"".join(PACK[kind](part) for part in parts)
    assert readable(UNPACK[kind](packed)) == (b"".join(parts), False)


@pytest.mark.parametrize("size", [0, 1, 300, 70_000, 400_000])
@pytest.mark.parametrize(
    "options", [{}, {"write_checksum": True}, {"write_content_size": False}, {"level": 19}]
)
def test_zstd_of_every_kind_of_block_and_header(size: int, options: dict[str, int]):
    pack = zstandard.ZstdCompressor(**options).compress
    for text in (noise(size), b"a" * size, b"abc" * (size // 3)):  # blocks that are raw, of one byte, packed
        assert readable(UNPACK["zstd"](SKIPPABLE + pack(text) + SKIPPABLE)) == (text, False)


def test_zstd_that_is_written_as_it_comes():
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    parts = [packer.compress(noise(1000)), packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK), packer.flush()]
    assert readable(UNPACK["zstd"](b"".join(parts))) == (noise(1000), False)


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_comes_in_small_pieces(kind: str):
    packed = PACK[kind](b"\0" * (200 << 20))
    assert len(packed) < 300_000
    sizes = [len(piece) for piece in UNPACK[kind](packed)]
    assert (sum(sizes), max(sizes) <= PIECE_BYTES) == (200 << 20, True)


@pytest.mark.parametrize("kind", PACK)
def test_damage_anywhere_leaves_what_came_before(kind: str):
    text = noise(150_000) + b"x" * 150_000
    packed = PACK[kind](text)
    for cut in (1, 3, 5, 12, len(packed) // 3, len(packed) - 9, len(packed) - 1):
        found, broken = readable(UNPACK[kind](packed[:cut]))
        assert broken, cut
        assert text.startswith(found)
    found, broken = readable(UNPACK[kind](packed + b"and what does not belong there"))
    assert (found, broken) == (text, True)


def test_a_window_beyond_the_limit_is_not_unpacked():
    options = zstandard.ZstdCompressionParameters(window_log=28, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=options)
    packed = b"".join(packer.read_to_iter(io.BytesIO(b"text")))
    assert readable(UNPACK["zstd"](packed)) == (b"", True)
    assert readable(unzstd(io.BytesIO(packed), 1 << 28)) == (b"text", False)
