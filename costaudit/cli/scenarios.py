"""`costaudit scenarios`: the worked examples that come with costaudit."""

from __future__ import annotations

from costaudit.cli import console, options
from costaudit.errors import one_of


def scenarios(format_: options.ListFormat = "text") -> None:
    """The scenarios that simulate knows by name."""
    import json  # noqa: PLC0415 - start-up

    from costaudit.questions.audit.scenario.run import load_scenario, shipped_scenarios  # noqa: PLC0415

    loaded = [load_scenario(name) for name in shipped_scenarios()]
    if one_of(format_, ("text", "json"), "format") == "json":
        told = [
            {"name": s.name, "title": s.title, "requests": s.requests, "source": s.source} for s in loaded
        ]
        console.deliver(json.dumps(told, indent=2) + "\n")
        return
    wide = max(len(s.name) for s in loaded)
    console.show("".join(f"{s.name:<{wide}}  {s.title}\n" for s in loaded))
