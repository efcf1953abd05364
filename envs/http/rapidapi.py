"""RapidAPI's APIs, called directly with a key of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from .documents import HTTPWorld, variable

KEY = "RAPIDAPI_KEY"
RAPIDAPI = "*.rapidapi.com"


class RapidAPIWorld(HTTPWorld):
    """ToolBench's tool documents against RapidAPI itself: ``rapidapi:TOOLS``.

    The key comes from the variable ``RAPIDAPI_KEY``; each request names the API's own host. It is
    sent to RapidAPI's hosts alone, unless ``base`` or ``hosts`` name others. A 403 says that the
    key is not subscribed to the API. Parameters as :class:`HTTPWorld` has them.

    Raises:
        UsageError: at the first call, if the key is not set.
    """

    rapidapi = True

    def own_hosts(self) -> list[str]:
        """RapidAPI's own hosts: a document that names another one gets no key for it."""
        rapid = [host for host in super().own_hosts() if host.endswith(".rapidapi.com")]
        return rapid or [RAPIDAPI]  # never an empty list, which would allow every host

    def credentials(self, url: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """The key, and the host that it is for."""
        secret = variable(KEY, "RapidAPI's key")
        host = urlsplit(url).netloc
        return {"x-rapidapi-key": secret, "x-rapidapi-host": host}, (secret,)
