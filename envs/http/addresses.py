"""Where a request may go: hosts by an allow-list, and addresses that are nobody's private ones.

A host is resolved once, all its addresses are checked, and the connection is made to an address
that was checked; so a name that answers otherwise the next time (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from ...core import ToolError

RESOLVING: Final = 10.0  # seconds
TRIED: Final = 4  # addresses of one host
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # IPv4 within IPv6 (RFC 6052)
LOCAL_NAT64: Final = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215


class Refused(ToolError):
    """A request that is not made: its host or its address is not allowed."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "http_error")


def checked_url(url: str, hosts: Collection[str]) -> tuple[str, str, int]:
    """The scheme, host and port of a URL that may be asked for.

    Args:
        url: absolute.
        hosts: those that may be asked; ``*.example.com`` allows all below it. Empty allows all.

    Raises:
        Refused: it is no http or https URL, holds a user or password, or its host is not allowed.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
        host = host.encode("idna").decode() if not host.isascii() else host
    except (ValueError, UnicodeError) as error:
        raise Refused(f"this is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Refused(f"only http and https URLs are asked for, not {parts.scheme or 'others'}:")
    if parts.username is not None or parts.password is not None:
        raise Refused("a URL with a user or a password in it is not asked for")
    if hosts and not any(_matches(host, each.lower()) for each in hosts):
        raise Refused(f"the host {host} is not one of those allowed ({_some(hosts)})")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


def _some(hosts: Collection[str]) -> str:
    shown = ", ".join(sorted(hosts)[:5])
    return shown if len(hosts) <= 5 else f"{shown} and {len(hosts) - 5} more"


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern


async def resolved(host: str, port: int, *, private: bool) -> list[str]:
    """The addresses of the host, at most so many as are worth trying, after all were checked.

    Raises:
        Refused: one of them is private, and that was not allowed.
        OSError: there is none.
    """
    loop = asyncio.get_running_loop()
    lookup = loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = await asyncio.wait_for(lookup, RESOLVING)
    addresses = list(dict.fromkeys(str(info[4][0]).partition("%")[0] for info in found))
    if not private:
        for address in addresses:
            if not public(address):
                raise Refused(
                    f"{host} is at {address}, which is no public address; private=yes allows it"
                )
    return addresses[:TRIED]


def public(address: str) -> bool:
    """Whether an IP address is one that anybody on the Internet can reach."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        within = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in NAT64:
            within = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if within is not None:
            return public(str(within))
        if found.is_site_local or found in LOCAL_NAT64:
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved)
