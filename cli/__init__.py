"""The command line: one thin file a command group. ``toolgrove --help`` lists the commands."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit code 2."""
    from ..core import ToolgroveError
    from .app import app

    try:
        app()
    except ToolgroveError as error:
        print(f"toolgrove: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone (a pager, head): nothing is left to say
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
