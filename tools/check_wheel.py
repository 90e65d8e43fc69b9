"""Check that a wheel holds every price table of the checkout, and nothing that does not belong.

usage: python tools/check_wheel.py WHEEL
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

LIBRARY = "costaudit/ingest/native/lines.so"
"""What is compiled; a wheel with it is for one platform."""
ROOT = Path(__file__).resolve().parent.parent


def find_problems(wheel: Path, root: Path = ROOT) -> list[str]:
    """What is missing from the wheel, different in it, or should not be there; empty when all is well."""
    tables = {
        f"costaudit/pricing/{path.relative_to(root / 'pricing').as_posix()}": path.read_bytes()
        for path in sorted((root / "pricing").rglob("*"))
        if path.is_file()
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        problems = [f"not in the wheel: {name}" for name in tables if name not in names]
        problems += [
            f"differs from the checkout: {name}"
            for name, data in tables.items()
            if name in names and archive.read(name) != data
        ]
    if not tables:
        problems.append("pricing/ holds no files")
    if "costaudit/py.typed" not in names:
        problems.append("not in the wheel: costaudit/py.typed")
    if (LIBRARY in names) == wheel.name.endswith("-any.whl"):
        problems.append(f"{LIBRARY} and the tag of the platform do not belong together")
    allowed = ("costaudit/", "costaudit-")
    problems += [f"does not belong in the wheel: {n}" for n in sorted(names) if not n.startswith(allowed)]
    return problems


def main() -> int:
    """Print the problems of the wheel named on the command line; 1 if there are any."""
    wheel = Path(sys.argv[1])
    problems = find_problems(wheel)
    for problem in problems:
        print(f"{wheel.name}: {problem}", file=sys.stderr)
    if not problems:
        print(f"{wheel.name} holds every price table.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
