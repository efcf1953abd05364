"""Environments of the operations of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from ...core import API, CallWorld, Step, ToolError, UsageError
from ...core.world import fork_of
from ..http.client import HTTPClient
from .document import load
from .operations import operations
from .requests import build
from .security import credentials, schemes
from .servers import based


class OpenAPIWorld(CallWorld):
    """Calls the operations of an OpenAPI document (3.0, 3.1, Swagger 2.0; JSON or YAML).

    Only the hosts of its servers are asked. Keys come from the environment: see ``security``.

    Args:
        file: the document; ``$ref`` into other files is followed in its folder and below.
        base: the URL that paths are appended to, instead of the document's server. One without
            a path goes before a server that is relative (``/v1``).
        only: tags, operationIds or ``METHOD /path``, separated by ``;``. Empty for all.
        name: of the tool, and in the names of the variables; else the document's title.
        root: a wider folder that ``$ref`` may read files from.
        timeout: seconds for one call.
        private: loopback and private addresses may be asked.
        fork: how environments go back. ``auto``: ``free`` where every operation only reads
            (GET, HEAD, OPTIONS), else ``never``.

    Raises:
        UsageError: the document cannot be read, or names no host.
    """

    main = "file"

    def __init__(
        self,
        file: Path,
        base: str = "",
        only: str = "",
        name: str = "",
        root: Path | None = None,
        timeout: float = 30.0,
        private: bool = False,
        fork: Literal["auto", "free", "replay", "never"] = "auto",
    ) -> None:
        self.document = load(file, root)
        wanted = [part.strip() for part in only.split(";") if part.strip()]
        found = operations(self.document, wanted, name)
        if not found:
            raise UsageError(
                f"{file} has no operations to call"
                + (": it describes webhooks only" if "webhooks" in self.document.content else "")
            )
        self._operations = {op.api.name: op for op in found}
        self.apis = tuple(op.api for op in found)
        try:
            self._bases = {op.api.name: based(op.server, base) for op in found}
        except UsageError as error:
            raise UsageError(f"{file}: {error}") from None
        self._schemes = schemes(self.document, name)
        self.fork = fork_of(self.apis, fork)
        hosts = {(urlsplit(url).hostname or "").lower() for url in self._bases.values()}
        self._client = HTTPClient(hosts=hosts, private=private, timeout=timeout)

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        """Make one call.

        Raises:
            ToolError: there is no such operation, or no answer.
            BadArguments: the arguments do not fit.
            UsageError: a key is needed that no variable holds.
        """
        operation = self._operations.get(api.name)
        if operation is None:
            raise ToolError(f"No such function name: {api.name}", "no_such_api")
        let_in = credentials(self._schemes, operation.security)
        request = build(operation, arguments, self._bases[api.name], let_in)
        return await self._client.send(request)

    def fingerprints(self) -> Mapping[str, str]:
        """The document, with the files that it refers to."""
        return {"openapi": self.document.fingerprint()}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
