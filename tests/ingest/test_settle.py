"""The one rule of what token counts mean: held to a plain reading of one record, and to vendors' examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.meaning import includes
from costaudit.ingest.settle import settled
from costaudit.schema import TOKEN_CLASSES, Call
from costaudit.stated import Includes, Stated
from tests.often import repeated

SUMS = ("prompt", "completion", "cache_read", "write_5m", "write_1h", "written", "reasoning", "total")
MEDIA = (
    "input_audio", "output_audio", "input_image", "output_image", "cache_read_audio", "cache_read_image",
)  # fmt: skip
OTHERS = ("input_other", "output_other")


@dataclass
class Plain:
    """One record, read in the order in which one would read it with a pencil."""

    stated: Stated
    quality: str = "exact"
    reading: str = "inclusive"
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*TOKEN_CLASSES, "reasoning"), 0))

    def read(self) -> Plain:
        s = self.stated
        if s.prompt is None and s.completion is None:
            self.quality = "none"
            return self
        inside = {"cache": s.includes.cache, "think": s.includes.reasoning, "media": s.includes.media}
        prompt, completion, guess = s.prompt, s.completion, False
        if s.as_one:
            untimed = max((s.written or 0) - (s.write_5m or 0) - (s.write_1h or 0), 0)
            parts_in = [
                s.cache_read, s.write_5m, s.write_1h, untimed, s.input_audio, s.input_image, s.input_other,
            ]  # fmt: skip
            parts_out = [s.reasoning, s.output_audio, s.output_image, s.output_other]
            asked, answered = (sum(p or 0 for p in parts) for parts in (parts_in, parts_out))
            whole = (prompt or 0) + (completion or 0) + asked + answered
            if asked + answered and s.total in (None, whole):
                prompt = (prompt or 0) + (s.input_other or 0)
                completion = (completion or 0) + (s.output_other or 0)
                guess = s.total is None and asked <= (s.prompt or 0)
            else:
                inside = {"cache": True, "think": True, "media": True}
        p, c = prompt or 0, completion or 0
        if not inside["media"]:
            p += 0 if prompt is None else (s.input_audio or 0) + (s.input_image or 0)
            c += 0 if completion is None else (s.output_audio or 0) + (s.output_image or 0)
        self._read_sides(prompt, completion, p, c, inside)
        if guess:
            self.reading = "ambiguous"
        unclear = self.reading == "ambiguous" and self.quality != "none"
        if s.zeros_are_nothing and not sum(self.tokens[n] for n in TOKEN_CLASSES):
            self.quality = "none"
        if s.doubt_from is not None and self.quality == "exact" and self.tokens["input"] >= s.doubt_from:
            self.quality = s.doubt
        if s.wants_output and self.quality == "exact" and not self.tokens["output"]:
            self.quality = "partial"
        if unclear and self.quality == "exact":
            self.quality = "ambiguous"
        return self

    def _read_sides(
        self, prompt: int | None, completion: int | None, p: int, c: int, inside: dict[str, bool]
    ) -> None:
        s = self.stated
        if prompt is None or completion is None:
            input_only = completion is None and s.total == p  # without a total only models that write nothing
            self.quality = "exact" if input_only else "partial"
        read, hour = s.cache_read or 0, s.write_1h or 0
        short = max(s.write_5m or 0, (s.written or 0) - hour)
        if inside["cache"] and s.total == p + c and read <= p and short + hour <= p < read + short + hour:
            twice = read + short + hour - p  # both written and read: it counts as read
            from_short = min(twice, short)
            short, hour = short - from_short, hour - (twice - from_short)
        cached, think = read + short + hour, s.reasoning or 0

        def total_of(cache: bool, thought: bool) -> int:
            return p + c + (0 if cache else cached) + (0 if thought else think)

        default = inside["cache"] and cached <= p, inside["think"] and think <= c
        chosen, hidden = default, 0
        if s.total is not None and s.total != total_of(*default):
            cache, thought = default
            others = [(not cache, thought), (cache, not thought), (not cache, not thought)]
            fitting = [o for o in others if total_of(*o) == s.total and (cached <= p or not o[0])]
            allowed = [
                (a, b)
                for a, b in fitting
                if (a == cache or not s.includes.cache_settled)
                and (b == thought or not s.includes.reasoning_settled)
            ]
            asked = p if cache else p + cached
            cut_off = inside["think"] and 0 < think - c <= 8 and s.total == asked + think and not fitting
            c, allowed = (think, [(cache, True)]) if cut_off else (c, allowed)
            if allowed:
                chosen = allowed[0]
            elif (
                not fitting
                and s.reasoning is None
                and None not in (prompt, completion)
                and 0 < s.total - total_of(*default) <= 131_072
                and s.may_think
            ):
                hidden = s.total - total_of(*default)
            elif (not fitting and None not in (prompt, completion) and s.total > total_of(*default)) or (
                (fitting or cached) and not (cached > p and s.total == p + c)
            ):
                self.reading = "ambiguous"
        if self.reading != "ambiguous":
            self.reading = "inclusive" if chosen[0] else "exclusive"
        self._divide(p - cached if chosen[0] else p, c + hidden + (0 if chosen[1] else think), chosen[0])
        self.tokens |= {"cache_write_5m": short, "cache_write_1h": hour}
        self.tokens["reasoning"] = min(think + hidden, self.tokens["output"])

    def _divide(self, fresh: int, said: int, cache_inside: bool) -> None:
        """Sound first, then images; what finds no room in a side is not believed."""
        s, read = self.stated, self.stated.cache_read or 0
        for kind in ("audio", "image"):
            cached = getattr(s, f"cache_read_{kind}") or 0
            asked = (getattr(s, f"input_{kind}") or 0) - (cached if cache_inside else 0)
            asked = min(max(asked, 0), fresh)
            fresh -= asked
            answered = min(getattr(s, f"output_{kind}") or 0, said)
            said -= answered
            held = min(cached, read)
            read -= held
            self.tokens |= {f"input_{kind}": asked, f"output_{kind}": answered, f"cache_read_{kind}": held}
        self.tokens |= {"input": fresh, "cache_read": read, "output": said}


def plainly(call: Call) -> dict[str, Any]:
    return {n: getattr(call, n) for n in (*TOKEN_CLASSES, "reasoning", "quality", "reading")}


small = st.sampled_from([None, None, 0, 1, 2, 3, 5, 8, 13, 20])
meanings = st.builds(
    Includes,
    cache=st.booleans(),
    reasoning=st.booleans(),
    media=st.booleans(),
    cache_settled=st.booleans(),
    reasoning_settled=st.booleans(),
)


@st.composite
def records(draw: st.DrawFn) -> Stated:
    """Small numbers, so that totals often fit one of the readings."""
    given_ = {name: draw(small) for name in SUMS}
    if draw(st.booleans()):
        given_ |= {name: draw(small) for name in MEDIA}
    as_one = draw(st.integers(0, 3)) == 0
    if as_one:
        given_ |= {name: draw(small) for name in OTHERS}
        if given_["written"]:
            given_ |= {"write_5m": None, "write_1h": None}  # a source states the one or the other
    skipped = {"total", "cache_read_audio", "cache_read_image"} | (set() if as_one else {"written"})
    counted = [n for n in given_ if n not in skipped]
    fitting = draw(st.sampled_from(["as drawn", "both sides", "everything"]))
    if fitting != "as drawn":
        sides = (given_["prompt"] or 0) + (given_["completion"] or 0)
        given_["total"] = sides if fitting == "both sides" else sum(given_[n] or 0 for n in counted)
    return Stated(
        **given_,
        includes=Includes(cache=False, reasoning=False, media=False) if as_one else draw(meanings),
        as_one=as_one,
        zeros_are_nothing=draw(st.booleans()),
        wants_output=draw(st.booleans()),
        may_think=draw(st.booleans()),
        doubt_from=draw(st.sampled_from([None, None, 0, 4])),
        doubt=draw(st.sampled_from(["partial", "estimated"])),
    )


@repeated(40, 800)
@given(st.lists(records(), min_size=50, max_size=90))
def test_columns_are_read_as_one_reads_a_record(block: list[Stated]):
    expected = [Plain(stated).read() for stated in block]
    calls = settled([Call(stated=stated) for stated in block])
    for call, plain in zip(calls, expected, strict=True):
        assert plainly(call) == {**plain.tokens, "quality": plain.quality, "reading": plain.reading}, plain
        assert call.stated is None


@repeated(20, 400)
@given(st.lists(records(), min_size=1, max_size=40))
def test_what_is_asked_of_raw_counts_is_what_settled_ones_say(block: list[Stated]):
    asked = [(stated.has_tokens, stated.says_nothing) for stated in block]
    for call, stated, (some, nothing) in zip(
        settled([Call(stated=s) for s in block]), block, asked, strict=True
    ):
        if sum(getattr(call, n) for n in TOKEN_CLASSES):
            assert some
        if nothing:
            assert call.quality == "none"
        elif not (stated.zeros_are_nothing and not sum(getattr(call, n) for n in TOKEN_CLASSES)):
            assert call.quality != "none"


def test_settled_calls_stay_as_they_are():
    call = Call(input=3, cache_read=2, quality="partial", reading="exclusive")
    assert settled([call, Call(stated=Stated(prompt=1, completion=1))])[0] == Call(
        input=3, cache_read=2, quality="partial", reading="exclusive"
    )


def classes(stated: Stated) -> dict[str, int]:
    (call,) = settled([Call(stated=stated)])
    return {n: v for n in (*TOKEN_CLASSES, "reasoning") if (v := getattr(call, n))}


def test_the_realtime_api_counts_cached_sound_inside_of_both():
    # OpenAI, "Managing costs" of the Realtime API, response.done: input_tokens 132 = text 119 + audio 13, of
    # which cached 64; were 8 of these sound, 13 - 8 = 5 are heard anew, 64 - 8 = 56 of text are read, and
    # 132 - 64 - 5 = 63 of text are new. output 121 = text 30 + audio 91.
    stated = Stated(
        prompt=132, completion=121, total=253, cache_read=64, input_audio=13, cache_read_audio=8,
        output_audio=91, includes=includes("openai", "chat"),
    )  # fmt: skip
    assert classes(stated) == {
        "input": 63, "cache_read": 56, "cache_read_audio": 8, "input_audio": 5,
        "output": 30, "output_audio": 91,
    }  # fmt: skip


def test_gemini_draws_an_image_beside_its_thoughts():
    # Google, "Image generation": an image of up to 1024 x 1024 is 1290 tokens. Prompt 9 + candidates 1290.
    stated = Stated(
        prompt=9, completion=1290, total=1299, output_image=1290, includes=includes("google", "gemini")
    )
    assert classes(stated) == {"input": 9, "output_image": 1290}


@pytest.mark.parametrize(
    ("model", "stated", "expected", "quality"),
    [
        # OpenAI's image endpoints state no parts of the output: all of it is the image.
        ("gpt-image-1", {"prompt": 150, "completion": 8000, "total": 8150},
         {"input": 150, "output_image": 8000}, "exact"),
        ("openai/gpt-image-1.5-2025-12-16", {"prompt": 27, "completion": 1056, "output_image": 1000},
         {"input": 27, "output": 56, "output_image": 1000}, "exact"),
        # Gemini writes, thinks and draws: an image has 747 tokens at least; nobody said that it is one.
        ("gemini-2.5-flash-image", {"prompt": 9, "completion": 1290},
         {"input": 9, "output_image": 1290}, "partial"),
        ("google/gemini-3-pro-image", {"prompt": 9, "completion": 1500, "reasoning": 300},
         {"input": 9, "output": 300, "output_image": 1200, "reasoning": 300}, "partial"),
        ("gemini-2.5-flash-image", {"prompt": 9, "completion": 60}, {"input": 9, "output": 60}, "partial"),
        ("gemini-2.5-flash-image", {"prompt": 9, "completion": 60, "output_image": 0},
         {"input": 9, "output": 60}, "exact"),
        ("gemini-2.5-flash", {"prompt": 9, "completion": 1290}, {"input": 9, "output": 1290}, "exact"),
    ],
)  # fmt: skip
def test_what_a_model_that_draws_has_written(
    model: str, stated: dict[str, int], expected: dict[str, int], quality: str
):
    (call,) = settled([Call(model=model, stated=Stated(**stated))])  # type: ignore[arg-type]
    found = {n: v for n in (*TOKEN_CLASSES, "reasoning") if (v := getattr(call, n))}
    assert (found, call.quality) == (expected, quality)


def test_gemini_counts_thoughts_beside_the_candidates():
    # Gemini API, "Thinking": the price of a response is that of its output and its thoughts: 120 + 340 = 460.
    stated = Stated(
        prompt=5000, completion=120, reasoning=340, total=5460, cache_read=3000,
        includes=includes("google", "gemini"),
    )  # fmt: skip
    assert classes(stated) == {"input": 2000, "cache_read": 3000, "output": 460, "reasoning": 340}


def test_anthropic_counts_cached_tokens_beside_the_input():
    # Anthropic, "Prompt caching": total input = cache_read 100000 + cache_creation 0 + input_tokens 50.
    stated = Stated(prompt=50, completion=8, cache_read=100_000, includes=includes("anthropic", "messages"))
    assert classes(stated) == {"input": 50, "cache_read": 100_000, "output": 8}


def test_writes_are_split_by_lifetime():
    # Anthropic, "Prompt caching", 1-hour cache: cache_creation_input_tokens is 5m 456 + 1h 100 = 556.
    stated = Stated(
        prompt=2048, completion=503, cache_read=1800, written=556, write_5m=456, write_1h=100,
        includes=includes("anthropic", "messages"),
    )  # fmt: skip
    assert classes(stated) == {
        "input": 2048, "cache_read": 1800, "cache_write_5m": 456, "cache_write_1h": 100, "output": 503,
    }  # fmt: skip
    # Without the split, what the log does not name of 556 lives 5 minutes.
    assert classes(Stated(prompt=600, completion=1, written=556))["cache_write_5m"] == 556


@pytest.mark.parametrize("name", ["grok-4", "grok-3-mini"])
def test_xai_leaves_reasoning_out_of_the_completion(name: str):
    # xAI, "Reasoning": completion 9, reasoning 194, total 12 + 9 + 194 = 215.
    from costaudit.ingest.adapters.openai_chat import ADAPTER  # noqa: PLC0415 - the one test of an adapter here

    usage = {
        "prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 215,
        "completion_tokens_details": {"reasoning_tokens": 194},
    }  # fmt: skip
    (call,) = settled(ADAPTER.calls({"object": "chat.completion", "model": name, "usage": usage}))
    assert (call.input, call.output, call.reasoning) == (12, 203, 194)


@pytest.mark.parametrize(
    ("prompt", "cached", "reading"),
    [(9844, 9842, "ambiguous"), (17_903, 17_817, "ambiguous"), (9842, 9842, "ambiguous"),
     (9841, 9842, "exclusive"), (12_000, 9842, "exclusive"), (500, 490, "exclusive")],
)  # fmt: skip
def test_an_input_hardly_larger_than_what_was_cached_is_told(prompt: int, cached: int, reading: str):
    beside = Includes(cache=False, reasoning=False, media=False)
    total = prompt + cached + 120  # made by adding up what was sent
    stated = Stated(
        prompt=prompt, cache_read=cached, completion=120, total=total, includes=beside, as_one=True
    )
    (call,) = settled([Call(stated=stated)])
    assert (call.reading, call.input) == (reading, prompt)


@pytest.mark.parametrize(
    ("stated", "output"),
    [
        # Baseten: 951 + 6001 = 6952, the completion is one short of its own reasoning (vercel/ai PR 18614).
        ({"prompt": 951, "cache_read": 60, "completion": 6000, "reasoning": 6001, "total": 6952}, 6001),
        # OpenRouter: 11 of 10, and the total leaves no more than 10.
        ({"prompt": 20, "completion": 10, "reasoning": 11, "total": 30}, 10),
        # Beside it: 20 + 10 + 11 = 41.
        ({"prompt": 20, "completion": 10, "reasoning": 11, "total": 41}, 21),
        # Much more than the completion can only be beside it.
        ({"prompt": 20, "completion": 10, "reasoning": 900, "total": 920}, 910),
    ],
)
def test_a_completion_may_be_short_of_its_own_reasoning(stated: dict[str, int], output: int):
    (call,) = settled([Call(stated=Stated(**stated))])  # type: ignore[arg-type]
    assert call.output == output


@pytest.mark.parametrize(
    ("quality", "stated", "expected"),
    [
        ("none", {"prompt": 3, "completion": 4}, "none"),
        ("partial", {"prompt": 3, "completion": 4}, "partial"),
        ("partial", {"prompt": 3, "total": 3}, "exact"),  # an input that is all
        ("exact", {"prompt": 3}, "partial"),
        ("exact", {"prompt": 3, "completion": 4, "lacks": True}, "partial"),
        ("partial", {"prompt": 3, "total": 9}, "partial"),
        ("exact", {"completion": 4}, "partial"),
        ("exact", {}, "none"),
    ],
)
def test_what_the_adapter_knows_of_the_quality(quality: str, stated: dict[str, int], expected: str):
    (call,) = settled([Call(quality=quality, stated=Stated(**stated))])  # type: ignore[arg-type]
    assert call.quality == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [("text-embedding-3-small", "exact"), ("cohere/rerank-v3.5", "exact"), ("BAAI/bge-m3", "exact"),
     ("omni-moderation-latest", "exact"), ("gpt-4o", "partial"), (None, "partial")],
)  # fmt: skip
def test_an_input_alone_is_all_where_a_model_writes_nothing(model: str | None, expected: str):
    (call,) = settled([Call(model=model, stated=Stated(prompt=3))])
    assert call.quality == expected


def test_a_settled_meaning_is_not_overruled():
    # total = prompt + completion + cached: the cache is beside; but the mapping says that it is inside.
    settled_meaning = Includes(cache_settled=True)
    (call,) = settled([Call(stated=Stated(
        prompt=100, completion=10, cache_read=40, total=150, includes=settled_meaning,
    ))])  # fmt: skip
    assert (call.input, call.cache_read, call.reading) == (60, 40, "ambiguous")


def test_helicone_counts_sound_beside_both_sides():
    # Helicone's columns are disjoint: 100 new text + 20 sound + 50 read; 30 text + 7 sound + 5 thoughts.
    stated = Stated(
        prompt=100, completion=30, cache_read=50, reasoning=5, input_audio=20, output_audio=7,
        includes=includes(None, "helicone"),
    )  # fmt: skip
    assert classes(stated) == {
        "input": 100, "input_audio": 20, "cache_read": 50, "output": 35, "output_audio": 7, "reasoning": 5,
    }  # fmt: skip


def test_a_flavour_that_no_row_knows_is_a_mistake_of_the_adapter():
    with pytest.raises(KeyError):
        includes("openai", "carrier-pigeon")
