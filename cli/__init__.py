"""The command line: one thin file a command group. ``toolgrove --help`` lists the commands."""

from __future__ import annotations

import io
import os
import sys


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit code 2."""
    from ..core import ToolgroveError
    from .app import app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows ?
    try:
        try:
            app(prog_name="toolgrove")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone (a pager, head): nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (ToolgroveError, OSError) as error:
        print(f"toolgrove: {error}", file=sys.stderr)
        sys.exit(2)
