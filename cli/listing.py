"""``toolgrove list`` and ``toolgrove doctor``: what there is, and what is missing."""

from __future__ import annotations

import difflib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from .. import __version__
from ..core import UsageError
from ..core.registry import KINDS, names, singular
from .app import app

KEYS = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "RAPIDAPI_KEY",
    "TOOLBENCH_KEY",
    "TOOLGROVE_MCP_TOKEN",
    "TOOLGROVE_SERVE_TOKEN",
)
MANY = 8  # packages of an extra that are named one by one
_EXTRA = re.compile(r""";.*\bextra\s*==\s*['"]([\w.-]+)['"]""")


@app.command("list")
def list_(
    kind: Annotated[
        str | None, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS)}; else all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """List components by name, with the package each comes from."""
    if kind is not None and kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UsageError(f"no kind {kind!r}{hint}; there are: {', '.join(KINDS)}")
    rows = [(k, *row) for k in ([kind] if kind else KINDS) for row in names(k).items()]
    if as_json:
        for each, name, package in rows:
            print(json.dumps({"name": name, "package": package, "kind": singular(each)}))
        return
    from .tables import simple, stdout

    table = simple("kind", "name", "package")
    for each, name, package in rows:
        table.add_row(singular(each), name, package)
    stdout().print(table if rows else f"no {kind} yet")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Say what is installed, and what is missing and how to get it.

    Keys are masked.
    """
    rows = list(_findings())
    if as_json:
        for what, found, advice in rows:
            print(json.dumps({"what": what, "found": found, "advice": advice}))
        return
    from .tables import simple, stdout

    table = simple("what", "found", "what to do")
    for row in rows:
        table.add_row(*row)
    stdout().print(table)


def _findings() -> Iterator[tuple[str, str, str]]:
    """What was looked at, what was found, and advice where something is missing."""
    yield "toolgrove", __version__, ""
    yield "python", platform.python_version(), ""
    yield "platform", platform.platform(), ""
    yield "disk", f"{shutil.disk_usage('.').free / 2**30:.1f} GiB free here", ""
    here = _distribution()
    for extra, packages in _required(here).items():
        versions = {name: _version(name) for name in packages}
        missing = [name for name, version in versions.items() if version is None]
        found = [f"no {name}" for name in missing]
        there = [f"{name} {version}" for name, version in versions.items() if version]
        found += there if len(there) <= MANY else [f"{len(there)} packages"]
        advice = f"pip install {_named(here, extra)}" if missing else ""
        yield f"extra {extra}" if extra else "libraries", ", ".join(found), advice
    for name in KEYS:
        value = os.environ.get(name)
        says = "not set" if not value else _host(value) if name.endswith("_URL") else mask(value)
        yield name, says, "" if value else f"export {name}=.. (only for live services)"


def _distribution() -> Distribution | None:
    try:
        return Distribution.from_name("toolgrove")
    except PackageNotFoundError:
        return None


def _required(here: Distribution | None) -> dict[str, list[str]]:
    """The packages that each extra needs; those that toolgrove always needs under ""."""
    found: dict[str, list[str]] = {}
    for text in (here and here.requires) or ():
        extra, name = _EXTRA.search(text), re.match(r"[\w.-]+", text)
        if name is not None and name[0] != "toolgrove":  # an extra may take in another
            found.setdefault(extra[1] if extra else "", []).append(name[0])
    return found


def _version(package: str) -> str | None:
    try:
        return Distribution.from_name(package).version
    except PackageNotFoundError:
        return None


def _named(here: Distribution | None, extra: str) -> str:
    """What to tell pip: the clone that this is, or toolgrove from where packages come from."""
    origin = json.loads((here and here.read_text("direct_url.json")) or "{}")
    brackets = f"[{extra}]" if extra else ""
    if origin.get("dir_info", {}).get("editable"):
        return f"-e '{unquote(urlsplit(origin['url']).path)}{brackets}'"
    return f"'toolgrove{brackets}'"


def mask(secret: str) -> str:
    """Enough of a long key to recognise it, and nothing of a short one."""
    return f"{secret[:3]}…{secret[-2:]} ({len(secret)} characters)" if len(secret) > 20 else "set"


def _host(url: str) -> str:
    """The address without what may be secret in it: user, password, query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "set"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.hostname else "set"
