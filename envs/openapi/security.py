"""Keys for a document's services, from the environment and nowhere else.

A variable is called ``TOOLGROVE_<TITLE>_<SCHEME>`` after the document's title (or the world's
``name``) and the security scheme, in capitals, with ``_`` for anything else. What it holds is said
at the end, unless the scheme's name says it: ``_KEY`` for an API key, ``_TOKEN`` for bearer,
OAuth 2 and OpenID Connect, ``_USER`` and ``_PASSWORD`` for basic. So the scheme ``api_key`` of a
document with the title "TMDB" is ``TOOLGROVE_TMDB_API_KEY``.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ...core import UsageError
from .document import Document

Kind = Literal["key", "basic", "bearer", "other"]
ENDINGS: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD")


@dataclass(frozen=True)
class Scheme:
    """A way to say who asks.

    Attributes:
        name: in the document.
        kind: ``other`` for what is not supported (digest, mutual TLS ..).
        where: of an API key: header, query or cookie.
        parameter: of an API key: the header's name ..
        variables: the environment variables that hold it.
    """

    name: str
    kind: Kind
    where: str = ""
    parameter: str = ""
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Credentials:
    """What is added to a request, and the texts that must not show anywhere."""

    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Credentials(..)"


Alternatives = tuple[tuple[str, ...], ...]


def schemes(document: Document, name: str = "") -> dict[str, Scheme]:
    """The schemes that a document declares, by name.

    Args:
        document: the document.
        name: stands in the variables instead of its title.
    """
    if document.version == "2.0":
        declared = document.content.get("securityDefinitions")
    else:
        components = document.content.get("components")
        declared = components.get("securitySchemes") if isinstance(components, Mapping) else None
    found: dict[str, Scheme] = {}
    for key, node in declared.items() if isinstance(declared, Mapping) else ():
        node, _ = document.place.settle(node)
        if isinstance(node, Mapping):
            found[key] = _scheme(key, node, name or document.title)
    return found


def alternatives(
    document: Document, operation: Mapping[str, Any], there: Collection[str]
) -> Alternatives:
    """The ways to be let in: any one of them, all schemes of it together; () needs nothing.

    Where neither the operation nor the document says which of its schemes are needed, any is
    sent for which there is a variable.
    """
    said = operation.get("security", document.content.get("security"))
    if not isinstance(said, list):
        return (*((name,) for name in there), ())
    found = [tuple(str(name) for name in each) for each in said if isinstance(each, Mapping)]
    return tuple(found) or ((),)


def carriers(known: Mapping[str, Scheme], ways: Alternatives) -> set[tuple[str, str]]:
    """(place, name) of the parameters that carry a key of these; a header's in lower case."""
    used = [known[name] for way in ways for name in way if name in known]
    return {
        (s.where, s.parameter.lower() if s.where == "header" else s.parameter)
        for s in used
        if s.kind == "key"
    }


def credentials(
    known: Mapping[str, Scheme], ways: Alternatives, environment: Mapping[str, str] | None = None
) -> Credentials:
    """What a request needs, by the first way whose variables are all set.

    Raises:
        UsageError: there is none; the text names the variables.
    """
    there = os.environ if environment is None else environment
    for way in ways:
        chosen = [known[name] for name in way if name in known]
        if way and len(chosen) == len(way) and all(_set(scheme, there) for scheme in chosen):
            return _made(chosen, there)
    if not ways or () in ways:
        return Credentials()
    able = [
        [known[name] for name in way]
        for way in ways
        if all(name in known and known[name].kind != "other" for name in way)
    ]
    if not able:
        names = ", ".join(sorted({name for way in ways for name in way}))
        raise UsageError(f"this call needs {names}, which is no scheme supported here")
    said = " or ".join(" and ".join(v for scheme in way for v in scheme.variables) for way in able)
    raise UsageError(f"this call needs a key: set the environment variable {said}")


def needed(
    document: Document, name: str = "", environment: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """One row for each scheme: its name and kind, its variables, and whether they are set."""
    there = os.environ if environment is None else environment
    return [
        {
            "scheme": scheme.name,
            "kind": scheme.kind,
            "variables": list(scheme.variables),
            "set": _set(scheme, there),
        }
        for scheme in schemes(document, name).values()
    ]


def slug(text: str) -> str:
    """A text as a part of a variable's name."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^A-Za-z0-9]+", "_", split).strip("_").upper()


def _scheme(key: str, node: Mapping[str, Any], title: str) -> Scheme:
    kind = str(node.get("type", ""))
    way = str(node.get("scheme", "")).lower()
    base = "_".join(part for part in ("TOOLGROVE", slug(title), slug(key)) if part)
    if kind == "apiKey":
        where, parameter = str(node.get("in", "")), str(node.get("name", ""))
        fits = where in ("header", "query", "cookie") and parameter
        if fits and (where == "query" or re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", parameter)):
            return Scheme(key, "key", where, parameter, (_ended(base, "KEY"),))
    if kind == "basic" or (kind == "http" and way == "basic"):
        return Scheme(key, "basic", variables=(f"{base}_USER", f"{base}_PASSWORD"))
    if kind in ("oauth2", "openIdConnect") or (kind == "http" and way == "bearer"):
        return Scheme(key, "bearer", variables=(_ended(base, "TOKEN"),))
    return Scheme(key, "other")


def _ended(base: str, ending: str) -> str:
    return base if base.endswith(ENDINGS) else f"{base}_{ending}"


def _set(scheme: Scheme, there: Mapping[str, str]) -> bool:
    return bool(scheme.variables) and all(there.get(v, "").strip() for v in scheme.variables)


def _made(chosen: list[Scheme], there: Mapping[str, str]) -> Credentials:
    query: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    cookies: dict[str, str] = {}
    secrets: list[str] = []
    for scheme in chosen:
        values = [there[v].strip() for v in scheme.variables]
        for variable, value in zip(scheme.variables, values, strict=True):
            if not re.fullmatch(r"[\x20-\x7e]*", value):
                raise UsageError(f"{variable} holds a character that no key can have")
        secrets.append(values[-1])
        if scheme.kind == "basic":
            pair = b64encode(":".join(values).encode()).decode()
            secrets.append(pair)
            headers["Authorization"] = f"Basic {pair}"
        elif scheme.kind == "bearer":
            headers["Authorization"] = f"Bearer {values[0]}"
        elif scheme.where == "query":
            query.append((scheme.parameter, values[0]))
        else:
            (headers if scheme.where == "header" else cookies)[scheme.parameter] = values[0]
    return Credentials(tuple(query), headers, cookies, tuple(secrets))
