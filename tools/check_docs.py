"""Check the documentation against the program and against itself. Standard library only.

1. Each ```console block of README.md and the pages of docs/: its `$ costaudit …` lines are run from the root
   of the repository and must print what the block shows. `...` alone on a line stands for any number of
   lines; `$ echo $?` shows the exit code of the command before it. Other commands are not run.
2. Relative links, and their anchors, resolve.
3. Every command that `costaudit --help` lists has a heading in docs/commands.md, subcommands included.
4. Every word of the vocabulary is explained in docs/glossary.md.

usage: python tools/check_docs.py [--fix]      (--fix rewrites the outputs that differ)
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from costaudit.writing import write_whole

ROOT = Path(__file__).resolve().parent.parent
ANY_LINES = "..."
EXIT_CODE = "echo $?"
NEVER_SHOWN = (3, 126, 127)
"""Exit codes of a bug in costaudit and of a shell that could not start it: never right in an example."""

VOCABULARY = (
    "request", "attempt", "usage", "price book", "rate", "list_usd", "reported_usd", "billed_usd", "markup",
    "tier", "policy", "projection", "driver", "lever", "finding", "coverage", "ledger",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a console block with the output shown under it."""

    command: str
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One console block of a file."""

    path: Path
    line: int
    """Line of the opening fence, counted from 1."""
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed, stdout and stderr as a terminal shows them, and its exit code."""

    lines: tuple[str, ...]
    code: int


def console_files(root: Path) -> list[Path]:
    """The files whose examples are run."""
    return [path for path in (root / "README.md", *sorted((root / "docs").rglob("*.md"))) if path.is_file()]


def linked_files(root: Path) -> list[Path]:
    """The files whose links are checked."""
    others = [
        root / "CONTRIBUTING.md",
        root / "CHANGELOG.md",
        root / "SECURITY.md",
        *sorted((root / "pricing").glob("*.md")),
    ]
    return console_files(root) + [path for path in others if path.is_file()]


# --- examples -------------------------------------------------------------------------------------


def parse_blocks(path: Path, text: str) -> list[Block]:
    """The console blocks of a Markdown text."""
    blocks, start, body = [], 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if start and line.strip() == "```":
            blocks.append(Block(path, start, tuple(_parse_steps(body))))
            start = 0
        elif start:
            body.append(line)
        elif line.strip() == "```console":
            start, body = number, []
    return blocks


def _parse_steps(body: list[str]) -> Iterator[Step]:
    command, shown = "", list[str]()
    for line in body:
        if line.startswith("$ "):
            if command:
                yield Step(command, tuple(shown))
            command, shown = line[2:], []
        elif command.endswith("\\"):
            command += "\n" + line
        elif command:
            shown.append(line)
    if command:
        yield Step(command, tuple(shown))


def is_run(command: str) -> bool:
    """True for a command of a console block that is executed."""
    return command == "costaudit" or command.startswith("costaudit ")


def run(command: str, root: Path, *, columns: int = 80) -> Outcome:
    """Run one command line in a shell at the root of the repository, without colour and without input."""
    hidden = ("FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "LINES", "CI")
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in hidden and not name.startswith("COSTAUDIT_")
    }
    env |= {
        "COLUMNS": str(columns),
        "NO_COLOR": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)]),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",  # keeps stdout and stderr in the order in which they were written
        "TERM": "dumb",
    }
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Outcome(tuple(line.rstrip() for line in done.stdout.rstrip("\n").splitlines()), done.returncode)


def run_all(blocks: list[Block], root: Path) -> dict[str, Outcome]:
    """Run each distinct command once, a few at a time."""
    commands = sorted({step.command for block in blocks for step in block.steps if is_run(step.command)})
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return dict(zip(commands, pool.map(lambda command: run(command, root), commands), strict=True))


def matches(shown: tuple[str, ...], printed: tuple[str, ...]) -> bool:
    """True when the shown output is the printed one, `...` standing for any number of lines.

    >>> matches(("a", "...", "z"), ("a", "b", "c", "z")), matches(("a",), ("a", "b"))
    (True, False)
    """
    parts = [".*" if line.strip() == ANY_LINES else re.escape(line.rstrip()) + "\n" for line in shown]
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in printed), re.DOTALL) is not None


def _outputs(
    block: Block, outcomes: dict[str, Outcome]
) -> Iterator[tuple[Step, tuple[str, ...], int | None]]:
    """Each step with the output that belongs under it and, for a command that was run, its exit code."""
    code: int | None = None
    for step in block.steps:
        if is_run(step.command):
            outcome = outcomes[step.command]
            code = outcome.code
            yield step, outcome.lines, code
        elif step.command == EXIT_CODE and code is not None:
            yield step, (str(code),), None
        else:
            yield step, step.shown, None


def find_wrong_examples(blocks: list[Block], outcomes: dict[str, Outcome], root: Path) -> list[str]:
    """The examples whose output differs, as diffs, and those that ended in a bug of costaudit."""
    problems = []
    for block in blocks:
        where = f"{block.path.relative_to(root).as_posix()}:{block.line}"
        for step, printed, code in _outputs(block, outcomes):
            if code in NEVER_SHOWN or "Traceback (most recent call last):" in printed:
                problems.append(
                    "\n".join([f"{where}: $ {step.command}: did not work, exit {code}", *printed])
                )
            elif not matches(step.shown, printed):
                diff = difflib.unified_diff(step.shown, printed, "shown", "printed", lineterm="", n=2)
                problems.append("\n".join([f"{where}: $ {step.command}: the output differs", *diff]))
    return problems


def fixed(path: Path, text: str, outcomes: dict[str, Outcome]) -> str:
    """The text with the output of every example that differs replaced by what was printed."""
    lines = text.splitlines()
    for block in reversed(parse_blocks(path, text)):
        end = next(n for n in range(block.line, len(lines)) if lines[n].strip() == "```")
        body = list[str]()
        for step, printed, code in _outputs(block, outcomes):
            body += f"$ {step.command}".split("\n")
            body += step.shown if matches(step.shown, printed) or code in NEVER_SHOWN else printed
        lines[block.line : end] = body
    return "\n".join(lines) + "\n"


# --- links ----------------------------------------------------------------------------------------

_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)[^\n]*?\1")
_LINK = re.compile(r"(?<!\\)\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def headings(text: str) -> list[str]:
    """The headings of a Markdown text, without their marks; code fences are skipped."""
    return _HEADING.findall(_FENCE.sub(_blank, text))


def anchors(text: str) -> set[str]:
    r"""The anchors that a forge makes of the headings: lower case, spaces to dashes, repeats numbered.

    >>> sorted(anchors("# `list_usd`, exactly\n## Same\n## Same"))
    ['list_usd-exactly', 'same', 'same-1']
    """
    seen: dict[str, int] = {}
    found = set()
    for heading in headings(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return found


def find_broken_links(root: Path) -> list[str]:
    """The relative links whose file or anchor does not exist."""
    problems = []
    for path in linked_files(root):
        text = path.read_text("utf-8")
        prose = _CODE.sub(_blank, _FENCE.sub(_blank, text))
        for match in _LINK.finditer(prose):
            target = match.group(1)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            where = f"{path.relative_to(root).as_posix()}:{prose.count(chr(10), 0, match.start()) + 1}"
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            if not file.exists() or not file.is_relative_to(root):
                problems.append(f"{where}: no such file: {target}")
            elif anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text("utf-8"))):
                problems.append(f"{where}: no such heading: {target}")
    return problems


# --- commands and words ---------------------------------------------------------------------------


def parse_commands(help_text: str) -> list[str]:
    r"""The commands that a `--help` page lists, whether it is plain or drawn in boxes.

    >>> parse_commands("Usage: x\n\nCommands:\n  analyze  Read.\n           And price.\n  list\n")
    ['analyze', 'list']
    """
    names, inside, indent = list[str](), False, None
    for raw in help_text.splitlines():
        line = raw.strip("│|").rstrip()
        if re.match(r"\W*Commands\b", raw):
            inside, indent = True, None
        elif inside and (not line.strip() or raw.startswith(("╰", "└", "+-")) or not line.startswith(" ")):
            inside = False
        elif inside:
            depth = len(line) - len(line.lstrip())
            indent = depth if indent is None else indent
            if depth == indent:
                names.append(line.split()[0])
    return names


def list_commands(root: Path, prefix: str = "costaudit") -> list[str]:
    """Every command of the program with its parents: `costaudit pricing quote`.

    Raises RuntimeError when a help page cannot be printed.
    """
    outcome = run(f"{prefix} --help", root, columns=200)
    if outcome.code:
        raise RuntimeError("\n".join([f"$ {prefix} --help: exit {outcome.code}", *outcome.lines]))
    commands = [f"{prefix} {name}" for name in parse_commands("\n".join(outcome.lines))]
    return [deep for command in commands for deep in (command, *list_commands(root, command))]


def find_undocumented_commands(root: Path) -> list[str]:
    """The commands without a heading in docs/commands.md, and the headings without a command."""
    try:
        commands = list_commands(root)
    except RuntimeError as error:
        return [str(error)]
    if not commands:
        return ["costaudit --help: lists no commands"]
    page = root / "docs" / "commands.md"
    titles = [title.replace("`", "") for title in headings(page.read_text("utf-8"))] if page.is_file() else []
    missing = [f"docs/commands.md: no heading for: {c}" for c in commands if c not in titles]
    stale = [t for t in titles if t.startswith("costaudit ") and t not in commands]
    return missing + [f"docs/commands.md: a heading for a command that does not exist: {t}" for t in stale]


def find_missing_words(root: Path) -> list[str]:
    """The words of the vocabulary that docs/glossary.md does not explain in its table."""
    page = root / "docs" / "glossary.md"
    text = page.read_text("utf-8") if page.is_file() else ""
    explained = set(re.findall(r"^\|\s*`?([^|`]+?)`?\s*\|", text, re.MULTILINE))
    return [f"docs/glossary.md: does not explain: {word}" for word in VOCABULARY if word not in explained]


def main() -> int:
    """Check everything, or rewrite the outputs first; 1 when something is wrong."""
    parser = argparse.ArgumentParser(description="Check the documentation.")
    parser.add_argument("--fix", action="store_true", help="rewrite the outputs of the examples that differ")
    fix = parser.parse_args().fix

    texts = {path: path.read_text("utf-8") for path in console_files(ROOT)}
    blocks = [block for path, text in texts.items() for block in parse_blocks(path, text)]
    outcomes = run_all(blocks, ROOT)
    if fix:
        for path, text in texts.items():
            new = fixed(path, text, outcomes)
            if new != text:
                write_whole(path, new.encode())
                print(f"rewrote {path.relative_to(ROOT).as_posix()}")
        blocks = [block for path in texts for block in parse_blocks(path, path.read_text("utf-8"))]

    problems = [
        *find_wrong_examples(blocks, outcomes, ROOT),
        *find_broken_links(ROOT),
        *find_undocumented_commands(ROOT),
        *find_missing_words(ROOT),
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    ran = sum(is_run(step.command) for block in blocks for step in block.steps)
    verdict = f"{len(problems)} problems" if problems else "no problems"
    print(f"docs: {len(linked_files(ROOT))} files, {ran} examples run, {verdict}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
