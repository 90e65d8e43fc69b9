"""Imports point one way, and the command line starts without the heavy libraries."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "costaudit"

LAYERS = (
    (
        "errors",
        "money",
        "times",
        "tokens",
        "stated",
        "schema",
        "outputs",
        "drafts",
        "writing",
        "textfile",
        "toml",
    ),
    ("prices",),
    ("ingest",),
    ("tiers",),
    ("tape",),
    ("routing", "stats"),
    ("engine",),
    ("render", "config"),
    ("questions.audit",),  # the room that the others build on
    (
        "questions",
        "questions.doctor",
        "questions.exports",
        "questions.fallback",
        "questions.formats",
        "questions.gates",
        "questions.levers",
        "questions.prices",
        "questions.settings",
        "questions.shadow",
        "questions.starter",
        "questions.tagging",
    ),
    ("front", "contracts"),  # the questions as functions; the schemas of all answers
    ("__init__",),  # the public names of the library
    ("cli",),
    ("__main__",),
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
WORDS = 0
"""The level whose parts may know each other. On the others neighbours are strangers."""

CALLED_BY_CLI = {"__init__", "front", "render", "errors", "outputs", "drafts", "writing", "cli"}
"""All that the command line imports: it asks the front, draws and writes.

How files are written, which of them are read (`outputs`, `drafts`), and the words of errors belong to the
outside, which is its business."""

HEAVY = {"numpy", "pandas", "pyarrow", "pydantic", "rich"}


def part_of(module: str) -> str:
    """The part that a dotted module name belongs to: `costaudit.prices.book` is in `prices`.

    Every room of `questions` is a part.
    """
    _, *names = module.split(".")
    return ".".join(names[: 2 if names[:1] == ["questions"] else 1]) or "__init__"


def imported(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a module imports from costaudit, wherever it does so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                keep = len(module.split(".")) - node.level + is_package
                base = ".".join([*module.split(".")[:keep], *filter(None, [base])])
            for alias in node.names:
                dunder = alias.name.startswith("__")  # __version__ belongs to nobody
                if base == "costaudit" and not dunder:
                    yield node.lineno, f"costaudit.{alias.name}" if alias.name in LEVEL else base
                elif base == "costaudit.questions":
                    yield node.lineno, f"{base}.{alias.name}"
                elif base != "costaudit":
                    yield node.lineno, base


def find_wrong_imports(package: Path) -> list[str]:
    """Every import that points upwards or sideways, and every part without a place in the order."""
    problems = []
    for path in sorted(package.rglob("*.py")):
        parts = ("costaudit", *path.relative_to(package).with_suffix("").parts)
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        part = part_of(module)
        if part not in LEVEL:
            problems.append(f"{module}: {part} has no place in LAYERS")
            continue
        tree = ast.parse(path.read_text("utf-8"), str(path))
        for line, name in imported(tree, module, is_package=path.name == "__init__.py"):
            if name.partition(".")[0] != "costaudit":
                continue
            other = part_of(name)
            fine = (
                other == part
                or LEVEL.get(other, 99) < LEVEL[part]
                or LEVEL[part] == LEVEL.get(other) == WORDS
            )
            if not fine:
                problems.append(f"{path.name}:{line}: {part} imports {other}")
    return problems


def find_shortcuts(package: Path) -> list[str]:
    """Every import by which the command line would answer a question itself."""
    problems = []
    for path in sorted((package / "cli").glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"), str(path))
        module = f"costaudit.cli.{path.stem}"
        for line, name in imported(tree, module, is_package=path.name == "__init__.py"):
            if name.partition(".")[0] == "costaudit" and part_of(name) not in CALLED_BY_CLI:
                problems.append(f"{path.name}:{line}: cli imports {part_of(name)}")
    return problems


def find_cycles(package: Path) -> list[list[str]]:
    """Modules that import each other, directly or by way of others, whenever they do so."""
    trees = {}
    for path in package.rglob("*.py"):
        parts = ("costaudit", *path.relative_to(package).with_suffix("").parts)
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[module] = ast.parse(path.read_text("utf-8"), str(path))
    graph = {}
    for module, tree in trees.items():
        froms = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module and not n.level]
        pairs = [
            (node.module or "", f"{node.module}.{a.name}")
            for node in froms
            for a in node.names
            if a.name[:2] != "__"
        ]
        graph[module] = {name if name in trees else base for base, name in pairs} & trees.keys()
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [error.args[1]]
    return []


def find_heavy_imports(path: Path) -> list[str]:
    """Heavy libraries that importing the module imports, be it in a class, under an if or a try."""

    def executed(nodes: Sequence[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield node
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                yield from executed(node.orelse)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for block in ("body", "orelse", "finalbody", "handlers"):
                    yield from executed(getattr(node, block, []))

    problems = []
    for node in executed(ast.parse(path.read_text("utf-8"), str(path)).body):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [] if node.level else [node.module or ""]
        found = {name.partition(".")[0] for name in names} & HEAVY
        problems += [f"{path.name}:{node.lineno}: imports {name} at the top" for name in sorted(found)]
    return problems


def write(package: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return package


def test_imports_point_one_way():
    assert find_wrong_imports(PACKAGE) == []


def test_the_command_line_asks_the_front_and_nobody_else():
    assert find_shortcuts(PACKAGE) == []


def test_a_planted_shortcut_is_found(tmp_path: Path):
    text = "def f():\n    from costaudit.prices.book import load_book\n    import costaudit\n"
    files = {"cli/pricing.py": text, "cli/main.py": "from costaudit.front import api"}
    assert find_shortcuts(write(tmp_path, files)) == ["pricing.py:2: cli imports prices"]


def test_no_modules_import_each_other():
    assert find_cycles(PACKAGE) == []


def test_no_name_of_a_class_has_two_meanings():
    where: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8"), str(path)).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, []).append(path.relative_to(PACKAGE).as_posix())
    assert {name: files for name, files in where.items() if len(files) > 1} == {}


def test_a_planted_cycle_is_found(tmp_path: Path):
    there = "if TYPE_CHECKING:\n    from costaudit.money import exact"
    files = {"money.py": "from costaudit.errors import UsageError", "errors.py": there}
    (cycle,) = find_cycles(write(tmp_path, files))
    assert set(cycle) == {"costaudit.money", "costaudit.errors"}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("ingest/files.py", "from costaudit.cli import main", "files.py:1: ingest imports cli"),
        ("ingest/files.py", "import costaudit.tiers.text", "files.py:1: ingest imports tiers"),
        ("ingest/files.py", "from costaudit import tiers", "files.py:1: ingest imports tiers"),
        ("ingest/adapters/flat.py", "from ...tiers import text", "flat.py:1: ingest imports tiers"),
        ("ingest/__init__.py", "from ..tiers import tagger", "__init__.py:1: ingest imports tiers"),
        (
            "prices/book.py",
            "def f():\n    from costaudit.ingest import files",
            "book.py:2: prices imports ingest",
        ),
        (
            "money.py",
            "from costaudit.questions.audit.result import Audit",
            "money.py:1: money imports questions.audit",
        ),
        (
            "questions/fallback/text.py",
            "from costaudit.questions import shadow",
            "text.py:1: questions.fallback imports questions.shadow",
        ),
        ("render/text.py", "from costaudit import audit", "text.py:1: render imports __init__"),
        ("__init__.py", "from costaudit.cli import main", "__init__.py:1: __init__ imports cli"),
        ("helpers.py", "", "costaudit.helpers: helpers has no place in LAYERS"),
    ],
)
def test_a_planted_import_is_found(tmp_path, name, text, problem):
    assert find_wrong_imports(write(tmp_path, {name: text})) == [problem]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("money.py", "from costaudit.errors import UsageError"),
        ("ingest/adapters/flat.py", "from ..fields import text\nfrom ...schema import Call"),
        ("engine/kernel.py", "import pyarrow\nfrom costaudit.tiers.tagger import tag_batch"),
        ("questions/audit/build.py", "from costaudit import __version__"),
        ("questions/gates/case.py", "from costaudit.questions.audit import result"),
        ("cli/main.py", "from costaudit import audit\nfrom . import analyze"),
        ("__main__.py", "from costaudit.cli.main import main"),
    ],
)
def test_an_import_of_a_lower_layer_is_fine(tmp_path, name, text):
    assert find_wrong_imports(write(tmp_path, {name: text})) == []


def test_the_command_line_starts_without_heavy_libraries():
    modules = [*sorted((PACKAGE / "cli").glob("*.py")), PACKAGE / "__init__.py"]
    assert [problem for path in modules if path.exists() for problem in find_heavy_imports(path)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import pandas as pd",
        "from pyarrow import parquet",
        "try:\n    import rich\nexcept ImportError:\n    pass",
    ],
)
def test_a_planted_heavy_import_is_found(tmp_path, text):
    assert find_heavy_imports(write(tmp_path, {"main.py": text}) / "main.py") != []


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    import pandas",
        "import typer",
        "if TYPE_CHECKING:\n    import pandas",
        "from . import rich",
    ],
)
def test_a_late_or_light_import_is_fine(tmp_path, text):
    assert find_heavy_imports(write(tmp_path, {"main.py": text}) / "main.py") == []
