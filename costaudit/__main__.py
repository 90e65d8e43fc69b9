"""`python -m costaudit`: the same as the `costaudit` command."""

from costaudit.cli.main import main

if __name__ == "__main__":
    main()
