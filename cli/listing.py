"""``toolgrove list`` and ``toolgrove doctor``: what there is, and what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..core import UsageError
from ..core.registry import KINDS, names
from .app import app

EXTRAS = {"gym": ("gymnasium",)}
KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "RAPIDAPI_KEY")


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(help=", ".join(KINDS))],
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """List the components of a kind, with the package each comes from."""
    if kind not in KINDS:
        raise UsageError(f"no kind {kind!r}; there are: {', '.join(KINDS)}")
    rows = names(kind)
    if as_json:
        for name, package in rows.items():
            print(json.dumps({"name": name, "package": package}))
        return
    table = Table(kind[:-1] if not kind.endswith("ies") else "policy", "package")
    for name, package in rows.items():
        table.add_row(name, package)
    Console(highlight=False).print(table)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Say what is installed, what is missing and how to get it. Keys are masked."""
    rows: list[tuple[str, str, str]] = [
        ("toolgrove", importlib.metadata.version("toolgrove"), ""),
        ("python", platform.python_version(), ""),
        ("platform", platform.platform(), ""),
        ("disk", f"{shutil.disk_usage('.').free / 2**30:.1f} GiB free here", ""),
    ]
    for extra, modules in EXTRAS.items():
        missing = [m for m in modules if importlib.util.find_spec(m) is None]
        advice = f"pip install 'toolgrove[{extra}]'" if missing else ""
        rows.append((f"extra {extra}", "missing" if missing else "installed", advice))
    for name in KEYS:
        value = os.environ.get(name)
        says = "not set" if not value else value if name.endswith("_URL") else mask(value)
        rows.append((name, says, "" if value else f"export {name}=.. (only for live services)"))
    if as_json:
        for what, found, advice in rows:
            print(json.dumps({"what": what, "found": found, "advice": advice}))
        return
    table = Table("what", "found", "what to do")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def mask(secret: str) -> str:
    """Enough of a key to recognise it, and no more."""
    return f"{secret[:3]}…{secret[-2:]} ({len(secret)} characters)" if len(secret) > 12 else "set"
