"""Where an operation is asked for: `servers` of 3.x, `schemes`, `host`, `basePath` of 2.0."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ...core import UsageError
from .document import Document


def server(document: Document, item: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
    """The first server of an operation, its path or the document, with variables' defaults.

    It may be relative, or empty: then the user has to give a base.

    Raises:
        UsageError: a variable has no default.
    """
    if document.version == "2.0":
        return _of_2(document.content)
    for owner in (operation, item, document.content):
        listed = owner.get("servers")
        if isinstance(listed, list) and listed and isinstance(listed[0], Mapping):
            return _filled(listed[0])
    return "/"


def based(said: str, base: str) -> str:
    """The URL that paths are appended to.

    Args:
        said: by the document: an absolute URL, or a relative one.
        base: by the user: replaces what the document says; but a base without a path goes
            before a relative one. Empty for none.

    Raises:
        UsageError: neither names a host.
    """
    if base:
        given = urlsplit(base)
        if (
            given.scheme not in ("http", "https")
            or not given.netloc
            or given.query
            or given.fragment
        ):
            raise UsageError(f"base={base!r}: write it as https://host/path")
        if "@" in given.netloc:
            raise UsageError("base=..: a user or password in it would show; leave it out")
        relative = "" if urlsplit(said).netloc else said.strip("/")
        if given.path.strip("/") or "." in relative.partition("/")[0]:
            return base.rstrip("/")
        return f"{base.rstrip('/')}/{relative}".rstrip("/")
    whole = f"https:{said}" if said.startswith("//") else said
    parts = urlsplit(whole)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(
            f"its server {said!r} names no host; say base=https://HOST/PATH, as in "
            f"openapi:FILE,base=https://api.example.com"
        )
    if "@" in parts.netloc:
        raise UsageError("its server has a user or a password in the URL; say base=https://HOST")
    return whole.partition("#")[0].partition("?")[0].rstrip("/")


def _filled(server: Mapping[str, Any]) -> str:
    variables = server.get("variables")
    url = str(server.get("url") or "/")

    def value(match: re.Match[str]) -> str:
        about = variables.get(match[1]) if isinstance(variables, Mapping) else None
        if isinstance(about, Mapping):
            choices = about.get("enum")
            if "default" in about:
                return str(about["default"])
            if isinstance(choices, list) and choices:
                return str(choices[0])
        raise UsageError(f"its server {url!r} has no default for {{{match[1]}}}; say base=URL")

    return re.sub(r"\{([^{}]*)\}", value, url)


def _of_2(content: Mapping[str, Any]) -> str:
    path = str(content.get("basePath") or "").strip("/")
    host = str(content.get("host") or "")
    if not host:
        return f"/{path}"
    listed = content.get("schemes")
    schemes = [s for s in listed if s in ("https", "http")] if isinstance(listed, list) else []
    scheme = "https" if "https" in schemes or not schemes else schemes[0]
    return f"{scheme}://{host}/{path}".rstrip("/")
