"""Write the published JSON Schemas to docs/schema/; with --check only compare them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from costaudit import contracts
from costaudit.config import schema as files
from costaudit.prices import answers
from costaudit.questions.gates import answer as gates
from costaudit.writing import write_whole

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schema"


def main(argv: list[str]) -> int:
    """Returns 1 when --check finds a schema that is not the one of the code."""
    stale = []
    schemas = {
        **{kind: contracts.json_schema(kind) for kind in contracts.KINDS},
        **{kind: answers.json_schema(kind) for kind in answers.KINDS},
        **{kind: gates.json_schema(kind) for kind in gates.KINDS},
        **{kind: files.json_schema(kind) for kind in files.KINDS},
    }
    for kind, schema in schemas.items():
        path = FOLDER / f"{kind}.schema.json"
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in argv:
                write_whole(path, text.encode())
    for name in stale:
        sys.stdout.write(f"docs/schema/{name} {'is out of date' if '--check' in argv else 'written'}\n")
    return 1 if stale and "--check" in argv else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
