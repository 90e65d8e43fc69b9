"""Commands are built when they are asked for, and listed as what they say of themselves."""

from __future__ import annotations

from costaudit.cli import main


def test_the_list_of_commands_says_what_they_say_of_themselves():
    whole = main.command()
    stubs = dict(whole.commands.stubs())
    assert len(stubs) == len(whole.commands) > 10
    for name, command in whole.commands.items():
        assert command.name == name
        assert stubs[name].get_short_help_str(500) == command.get_short_help_str(500)
        for inner, below in getattr(command, "commands", {}).items():
            assert dict(command.commands.stubs())[inner].get_short_help_str(500) == below.get_short_help_str(
                500
            )


def test_a_command_is_built_once_and_alone(monkeypatch):
    built: list[str] = []
    of_main = main._built
    monkeypatch.setattr(main, "_built", lambda name: built.append(name) or of_main(name))
    main.command.cache_clear()
    try:
        whole = main.command()
        assert whole.commands["ledger"] is whole.commands["ledger"]
        assert built == ["ledger"]
    finally:
        main.command.cache_clear()
