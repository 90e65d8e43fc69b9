"""The documentation check finds what is wrong in a small repository, and leaves alone what is right."""

from __future__ import annotations

import pytest

from tools import check_docs as docs


@pytest.fixture
def repo(tmp_path):
    """Write files into an empty repository and return its root."""

    def repo(**files):
        (tmp_path / "docs").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "docs" / f"{name}.md").write_text(text, "utf-8")
        return tmp_path

    return repo


def block(*lines):
    return "\n".join(["before", "```console", *lines, "```", "after", ""])


def check(root, text, outcomes):
    return docs.find_wrong_examples(docs.parse_blocks(root / "docs/x.md", text), outcomes, root)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ([], [], True),
        (["a"], ["a"], True),
        (["a"], ["a", "b"], False),
        (["a", "..."], ["a"], True),
        (["a", "..."], ["a", "b", "c"], True),
        (["...", "c"], ["a", "b", "c"], True),
        (["a", "...", "c"], ["a", "b"], False),
        (["a.c"], ["abc"], False),
        (["..."], [], True),
    ],
)
def test_dots_stand_for_any_number_of_lines(shown, printed, same):
    assert docs.matches(tuple(shown), tuple(printed)) is same


def test_only_costaudit_is_run():
    text = block("$ pip install x", "$ costaudit a |\\", "  head", "out", "$ costaudit b", "$ costauditor c")
    (found,) = docs.parse_blocks(docs.ROOT / "x.md", text)
    assert found.line == 2
    assert [docs.is_run(step.command) for step in found.steps] == [False, True, True, False]
    assert found.steps[1] == docs.Step("costaudit a |\\\n  head", ("out",))


def test_a_different_output_is_found_with_its_place(tmp_path):
    outcomes = {"costaudit a": docs.Outcome(("new",), 0)}
    assert check(tmp_path, block("$ costaudit a", "new"), outcomes) == []
    (problem,) = check(tmp_path, block("$ costaudit a", "old"), outcomes)
    assert problem.splitlines()[0] == "docs/x.md:2: $ costaudit a: the output differs"
    assert "-old" in problem
    assert "+new" in problem


def test_an_exit_code_can_be_shown(tmp_path):
    outcomes = {"costaudit a": docs.Outcome((), 1)}
    assert check(tmp_path, block("$ costaudit a", "$ echo $?", "1"), outcomes) == []
    assert len(check(tmp_path, block("$ costaudit a", "$ echo $?", "0"), outcomes)) == 1


@pytest.mark.parametrize("outcome", [docs.Outcome((), 3), docs.Outcome((), 127)])
def test_a_crash_is_never_right(tmp_path, outcome):
    assert len(check(tmp_path, block("$ costaudit a", "..."), {"costaudit a": outcome})) == 1


def test_fix_rewrites_only_what_differs(tmp_path):
    outcomes = {"costaudit a": docs.Outcome(("new",), 0), "costaudit b": docs.Outcome(("1", "2"), 1)}
    text = block("$ costaudit a", "old", "$ costaudit b", "...", "2", "$ echo $?", "0")
    right = block("$ costaudit a", "new", "$ costaudit b", "...", "2", "$ echo $?", "1")
    assert docs.fixed(tmp_path / "docs/x.md", text, outcomes) == right
    assert docs.fixed(tmp_path / "docs/x.md", right, outcomes) == right


@pytest.mark.parametrize("code", docs.NEVER_SHOWN)
def test_fix_does_not_write_down_a_crash(tmp_path, code):
    text = block("$ costaudit a", "old")
    assert docs.fixed(tmp_path / "docs/x.md", text, {"costaudit a": docs.Outcome(("bad",), code)}) == text


def test_broken_links_are_found(repo):
    root = repo(
        a="# One thing\n[b](b.md) [c](c.md#two) [self](#one-thing) [web](https://example.com) `[no](no.md)`\n"
        "```\n[no](no.md)\n```\n[lost](lost.md)\n[wrong](b.md#nowhere) [out](../../out.md)\n",
        b="# B",
        c="## Two",
    )
    assert docs.find_broken_links(root) == [
        "docs/a.md:6: no such file: lost.md",
        "docs/a.md:7: no such heading: b.md#nowhere",
        "docs/a.md:7: no such file: ../../out.md",
    ]


BOXED = """
╭─ Options ────────────╮
│ --help  Show this.   │
╰──────────────────────╯
╭─ Commands ───────────╮
│ analyze  Read logs   │
│          and price.  │
│ pricing  Tables.     │
╰──────────────────────╯
"""


def test_commands_are_read_from_a_boxed_help_page():
    assert docs.parse_commands(BOXED) == ["analyze", "pricing"]


def test_a_command_needs_a_heading_and_a_heading_a_command(repo, monkeypatch):
    monkeypatch.setattr(docs, "list_commands", lambda _: ["costaudit a", "costaudit a b"])
    root = repo(commands="# Commands\n## `costaudit a`\n### costaudit gone\n")
    assert docs.find_undocumented_commands(root) == [
        "docs/commands.md: no heading for: costaudit a b",
        "docs/commands.md: a heading for a command that does not exist: costaudit gone",
    ]


def test_a_word_needs_a_row_in_the_glossary(repo):
    rows = [f"| `{word}` | … |" for word in docs.VOCABULARY if word != "lever"]
    assert docs.find_missing_words(repo(glossary="\n".join(rows))) == [
        "docs/glossary.md: does not explain: lever"
    ]
