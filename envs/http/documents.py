"""Tool documents in ToolBench's form as live HTTP tools.

A document has what a request needs: a URL (which may hold ``{name}``), a method, and parameters.
What stands in the URL's braces goes there, percent-encoded; the rest goes into the query of GET,
HEAD and DELETE, and into a JSON body of the others, as ToolBench's wrappers do.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote, urljoin

from ...core import API, BadArguments, CallWorld, Step, UsageError
from ...core.contracts import Fork
from ...core.world import fork_of
from ..toolbench import free_name, identifier, parse_api
from .client import HTTPClient, HTTPRequest, host_of

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
IN_QUERY: Final = READING | {"DELETE"}
_METHOD: Final = re.compile(r"[A-Z]{1,16}")
_BRACES: Final = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Endpoint:
    """One API of a tool document.

    Attributes:
        api: as it is offered to the model.
        method: in capitals.
        url: as the document writes it; may hold ``{name}`` and be relative.
        names: the provider's name of each parameter, by the name that the model uses.
        defaults: of required parameters that the model leaves out, by the provider's name.
    """

    api: API
    method: str
    url: str
    names: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


class HTTPWorld(CallWorld):
    """The APIs of tool documents, called live.

    Args:
        documents: a tool's JSON, a folder of them, or JSON lines of API documents.
        base: where relative URLs begin; with it, absolute ones are asked there, too.
        token: the environment's variable with a bearer token, if the service wants one.
        hosts: hosts that may be asked, by ``;``; those of the documents if not given.
        private: also loopback and private addresses. A ``base`` that is ``localhost`` or an address
            written out is allowed anyway, if only such hosts may be asked.
        timeout, attempts, patience, largest: as :class:`HTTPClient` has them.
        fork: ``auto`` takes ``free`` if all APIs only read, else ``never``.

    Raises:
        UsageError: a document cannot be read, or describes no request.
    """

    main = "documents"
    rapidapi = False

    def __init__(
        self,
        documents: Path,
        base: str = "",
        token: str = "",
        hosts: str = "",
        private: bool = False,
        timeout: float = 30.0,
        attempts: int = 3,
        patience: float = 60.0,
        largest: int = 4_000_000,
        fork: Literal["auto", "free", "replay", "never"] = "auto",
    ) -> None:
        self.endpoints = {e.api.name: e for e in read_documents(Path(documents), base)}
        self.apis = tuple([endpoint.api for endpoint in self.endpoints.values()])
        self.fork: Fork = fork_of(self.apis, fork)
        self.base, self.token = base, token
        named = [h.strip() for h in hosts.split(";") if h.strip()]
        allowed = named if named or base else self.own_hosts()
        if base and host_of(base) not in allowed:
            allowed.append(host_of(base))
        near = local(base) and all(is_local(host) for host in allowed)
        self.client = HTTPClient(
            hosts=allowed, private=private or near, timeout=timeout, attempts=attempts,
            patience=patience, largest=largest, rapidapi=self.rapidapi,
        )  # fmt: skip

    def own_hosts(self) -> list[str]:
        """The hosts that the documents name."""
        return sorted({host_of(endpoint.url) for endpoint in self.endpoints.values()})

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        """Make one call."""
        endpoint = self.endpoints.get(api.name)
        if endpoint is None:
            raise BadArguments(f"no document describes {api.name}")
        request = request_of(endpoint, arguments)
        headers, secrets = self.credentials(request.url)
        return await self.client.send(
            replace(request, headers={**request.headers, **headers}, secrets=secrets)
        )

    def credentials(self, url: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """The headers that say who asks, and the secrets in them."""
        if not self.token:
            return {}, ()
        secret = variable(self.token, "a bearer token")
        return {"authorization": f"Bearer {secret}"}, (secret,)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()


def variable(name: str, what: str) -> str:
    """A secret from the environment.

    Raises:
        UsageError: it is not set.
    """
    value = os.environ.get(name, "")
    if not value:
        raise UsageError(f"{what} is needed: export {name}=..")
    return value


def local(url: str) -> bool:
    """Whether a URL that the user gave names an address, which then needs no more leave."""
    return bool(url) and is_local(host_of(url))


def is_local(host: str) -> bool:
    """Whether a host is this machine, or an address written out: no name server has a say."""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def request_of(endpoint: Endpoint, arguments: Mapping[str, Any]) -> HTTPRequest:
    """The request that a call is.

    Raises:
        BadArguments: one that the URL needs is missing, or an argument is unknown.
    """
    properties = endpoint.api.parameters.get("properties") or {}
    given = dict(endpoint.defaults)
    for name, value in arguments.items():
        if name not in properties:
            known = ", ".join(properties) or "none"
            raise BadArguments(f"{endpoint.api.name} has no argument {name!r}; it takes: {known}")
        given[endpoint.names.get(name, name)] = value

    def filled(found: re.Match[str]) -> str:
        alike = (name for name in given if identifier(name) == identifier(found[1]))
        name = found[1] if found[1] in given else next(alike, None)
        if name is None:
            raise BadArguments(f"{endpoint.api.name} needs {identifier(found[1])!r}")
        value = written(given.pop(name))
        if value in (".", ".."):  # percent-encoded or not, it would lead to another path
            raise BadArguments(f"{identifier(found[1])}={value!r} cannot stand in a path")
        return quote(value.encode("utf-8", "replace"), safe="")

    url = _BRACES.sub(filled, endpoint.url)
    plain = [(name, value) for name, value in given.items() if value is not None]
    reads = endpoint.method in READING
    if endpoint.method in IN_QUERY:
        return HTTPRequest(endpoint.method, url, tuple(pairs(plain)), read_only=reads)
    body = json.dumps(dict(plain), ensure_ascii=False).encode("utf-8", "replace")
    return HTTPRequest(endpoint.method, url, body=body, media="application/json", read_only=reads)


def pairs(given: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    """Names and values for a query; a list gives its name several times."""
    for name, value in given:
        for each in value if isinstance(value, list) else [value]:
            yield name, written(each)


def written(value: Any) -> str:
    """A value as a URL writes it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def read_documents(path: Path, base: str = "") -> list[Endpoint]:
    """The endpoints of a file or folder; of equal function names the later ones get ``_2``, ``_3``.

    Raises:
        UsageError: it cannot be read, or an entry describes no request.
    """
    found: dict[str, Endpoint] = {}
    for where, doc in _documents(path):
        try:
            endpoint = endpoint_of(doc, base)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise UsageError(f"{where} describes no API: {error!r}") from error
        name = free_name(endpoint.api.name, found)
        found[name] = replace(endpoint, api=replace(endpoint.api, name=name))
    if not found:
        raise UsageError(f"{path} has no API documents")
    return list(found.values())


def endpoint_of(doc: Mapping[str, Any], base: str = "") -> Endpoint:
    """The endpoint that a document describes.

    Raises:
        ValueError: it has no usable URL or method.
    """
    if not doc.get("api_name"):
        raise ValueError("it has no name")
    method = str(doc.get("method") or "GET").upper()
    if not _METHOD.fullmatch(method):
        raise ValueError(f"no method {method!r}")
    url = str(doc.get("url") or "")
    if base:
        path = re.sub(r"^https?://[^/]+", "", url).lstrip("/")
        url = urljoin(base.rstrip("/") + "/", f"./{path}")  # a colon in a path begins no scheme
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"no URL of its own ({url!r}), and no base= to begin it")
    api = parse_api(doc)
    names: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    for group in ("required", "optional"):
        for parameter in doc.get(f"{group}_parameters") or ():
            name = str(parameter["name"])
            names.setdefault(identifier(name), name)
            default = parameter.get("default")
            if group == "required" and default not in (None, ""):
                defaults[name] = default
    return Endpoint(replace(api, read_only=method in READING), method, url, names, defaults)


def _documents(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The API documents of a path, and where each stands."""
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield from _tool(file, _json(file), file.parent.name)
        return
    if path.suffix == ".jsonl":
        try:
            with path.open(encoding="utf-8") as lines:
                for number, text in enumerate(lines, 1):
                    if text.strip():
                        yield f"{path}:{number}", json.loads(text)
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read API documents from {path}: {error}") from error
        return
    yield from _tool(path, _json(path), path.parent.name)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read API documents from {path}: {error}") from error


def _tool(path: Path, tool: Any, category: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The API documents of one tool's JSON, in the form of ToolBench's ``api_list``."""
    if not isinstance(tool, dict) or not isinstance(tool.get("api_list"), list):
        raise UsageError(f"{path} is no tool's JSON: it has no api_list")
    name = tool.get("tool_name") or tool.get("name")
    for number, api in enumerate(tool["api_list"], 1):
        if not isinstance(api, dict):
            raise UsageError(f"{path}: API {number} is no object")
        doc = {"tool_name": name, "category_name": category, "host": tool.get("host"), **api}
        doc.setdefault("api_name", api.get("name"))
        doc.setdefault("api_description", api.get("description"))
        yield f"{path}: API {number}", doc
