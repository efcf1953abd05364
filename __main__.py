"""Command line: ``toolgrove`` or ``python -m toolgrove``."""

from .cli import main

if __name__ == "__main__":
    main()
