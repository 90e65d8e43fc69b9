"""Values of options that nobody means: a short answer or a short refusal, and nothing of a file is shown."""

from __future__ import annotations

import json

from tests.catalogue.auditor import Auditor
from tests.catalogue.cases import named
from tests.catalogue.logs import lines
from tests.warm import Ended

BINARY = "/bin/ls"


def is_short(ended: Ended) -> None:
    """Nothing in a message is a command for the terminal, private or endless."""
    assert "\x1b" not in ended.err
    assert "root:" not in ended.err
    assert len(ended.err) < 3000 or len("".join(ended.argv)) > 2000


ANALYZE: dict[str, list[str]] = {
    "prices-at nonsense": ["--prices-at", "soon"],
    "prices-at 9999": ["--prices-at", "9999-12-31"],
    "prices-at year 1": ["--prices-at", "0001-01-01"],
    "prices-at year 0": ["--prices-at", "0000-00-00"],
    "prices-at huge": ["--prices-at", "9" * 400],
    "known-on 0001": ["--known-on", "0001-01-01"],
    "map without =": ["--map", "x"],
    "map empty": ["--map", "="],
    "map to nothing": ["--map", "a=b/c"],
    "map with control characters": ["--map", "\x1b[31m=x/y"],
    "prices missing": ["--prices", "/nonexistent"],
    "prices a file": ["--prices", "/etc/passwd"],
    "overlay /proc": ["--overlay", "/proc/self"],
    "rules a directory": ["--rules", "/"],
    "policy a directory": ["--policy", "/"],
    "policy /etc/shadow": ["--policy", "/etc/shadow"],
    "calibration binary": ["--calibration", BINARY],
    "risk NaN": ["--risk", "nan"],
    "risk 1e400": ["--risk", "1e400"],
    "threads 0": ["--threads", "0"],
    "threads 10^30": ["--threads", "1" + "0" * 30],
    "input format unknown": ["--input-format", "x" * 5000],
    "compare-bill /dev/null": ["--compare-bill", "/dev/null"],
    "labels /etc/passwd": ["--labels", "/etc/passwd"],
    "cost-source odd": ["--cost-source", "\n"],
    "format odd": ["--format", "exe"],
}


@named(ANALYZE)
def test_options_of_analyze(audit: Auditor, case: list[str]):
    is_short(audit.run("analyze", audit.file("x.jsonl", lines(5)), *case, codes=(0, 2)))


SIMULATE = (
    "--markup nan%", "--markup 1e400%", "--markup -5%", "--markup 999999999999%", "--markup 0%-1000000%",
    "--markup inf", "--markup 5%+nan/month", "--break-even 5%", "--break-even x=inf/month",
    "--commit percent=200,monthly=1,months=1", "--commit percent=nan,monthly=nan,months=nan",
    "--commit monthly=1e400", "--commit months=99999999999", "--price-change */*",
    "--price-change openai/* -200%", "--price-change openai/* nan%", "--price-change openai/* +1e400%",
    "--price-change ** +5%", "--price-change openai/[ +5%", "--price-change openai/* +5% from 9999-99-99",
    "--quality-floor nan", "--evals /etc/passwd", "--scenario ../../etc/passwd", "--scenario /dev/null",
)  # fmt: skip


@named({words: words for words in SIMULATE})
def test_options_of_simulate(audit: Auditor, case: str):
    option, _, value = case.partition(" ")
    log = [] if option == "--scenario" else [audit.file("x.jsonl", lines(5))]
    other = ["--break-even", "mine=5/month"] if option == "--break-even" else []
    ended = audit.run("simulate", *log, option, value, *other, "--format", "json", codes=(0, 2))
    is_short(ended)
    assert not any(word in ended.out for word in (b"NaN", b"Infinity"))
    assert ended.code or json.loads(ended.out)


OTHER: dict[str, list[str]] = {
    "quote of 10^30 tokens": ["pricing", "quote", "gpt-4o", "--input", "1" + "0" * 30],
    "quote of 2^53": ["pricing", "quote", "gpt-4o", "--input", str(2**53)],
    "quote of a long name": ["pricing", "quote", "x" * 100_000],
    "quote of ANSI": ["pricing", "quote", "\x1b[31mx"],
    "quote at year 0": ["pricing", "quote", "gpt-4o", "--at", "0000-01-01"],
    "quote speed odd": ["pricing", "quote", "gpt-4o", "--speed", "\x01"],
    "label of 10^12": ["label", "x.jsonl", "--n", "1000000000000", "-o", "out.csv"],
    "label seed -1": ["label", "x.jsonl", "--seed", "-1", "-o", "out.csv"],
    "label read binary": ["label", "x.jsonl", "--read", BINARY],
    "label read /dev/null": ["label", "x.jsonl", "--read", "/dev/null"],
    "fallback outage odd": ["fallback", "x.jsonl", "--outage", "openai@1e400h"],
    "fallback chain odd": ["fallback", "x.jsonl", "--chain", ",,,"],
    "shadow plan drop 0": ["shadow", "plan", "--drop", "0"],
    "shadow plan drop NaN": ["shadow", "plan", "--drop", "nan"],
    "shadow plan power 1": ["shadow", "plan", "--power", "1"],
    "shadow plan alpha 0": ["shadow", "plan", "--alpha", "0"],
    "shadow plan rate 0": ["shadow", "plan", "--requests-per-day", "0"],
    "shadow plan tau 0": ["shadow", "plan", "--sequential", "--tau", "0"],
    "shadow plan drop 1e-9": ["shadow", "plan", "--drop", "0.000000001"],
    "shadow compare the same": ["shadow", "compare", "x.jsonl", "x.jsonl"],
    "tag explain odd": ["tag", "x.jsonl", "--explain", "\x1b[31m" * 100],
    "tag -o .exe": ["tag", "x.jsonl", "-o", "out.exe"],
    "ledger -o .txt": ["ledger", "x.jsonl", "-o", "out.txt"],
    "formats test line 10^9": ["formats", "test", "x.jsonl", "--line", "1000000000"],
    "pricing history since odd": ["pricing", "history", "--since", "x"],
    "policy export mix 0:0": ["policy", "export", "--to", "litellm", "--mix", "0:0"],
    "policy export mix NaN": ["policy", "export", "--to", "litellm", "--mix", "nan:1"],
    "check without settings": ["check", "x.jsonl"],
    "config init into a file": ["config", "init", "-d", "x.jsonl"],
    "config init nowhere": ["config", "init", "-d", "/proc/none"],
    "import a binary": ["pricing", "import", BINARY],
    "import a directory": ["pricing", "import", "/etc"],
    "import JSON null": ["pricing", "import", "null.json"],
    "import deep JSON": ["pricing", "import", "deep.json"],
}


@named(OTHER)
def test_other_commands(audit: Auditor, case: list[str]):
    audit.file("x.jsonl", lines(30))
    audit.file("null.json", b"null")
    audit.file("deep.json", b"[" * 100_000 + b"]" * 100_000)
    ended = audit.run(*case, codes=(0, 1, 2))
    is_short(ended)
    assert "\x1b" not in ended.text
