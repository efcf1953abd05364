"""Bodies of responses: unpacked within bounds, read as JSON, text or bytes, without secrets.

Nothing here raises for what a server may send, but :class:`Unreadable` for a packing that was not
asked for or is broken.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import zlib
from base64 import b64encode
from collections.abc import Collection
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, quote_plus

PACKINGS: Final = "gzip, deflate"  # what is asked for; each is unpacked piece by piece
SHOWN_BYTES: Final = 65_536  # of a binary body that stands in the response as base64
TEXTUAL: Final = ("text/", "json", "xml", "yaml", "csv", "javascript", "x-www-form-urlencoded")
# Python's own codecs that are no charsets, some of them slow or strict on hostile bytes.
NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}
)
_LONE = re.compile("[\ud800-\udfff]")


class Unreadable(ValueError):
    """A body that is not packed as was asked for."""


class Unpacker:
    """Unpacks a body piece by piece, each time into at most so many bytes (from 1).

    Several members of gzip one after another are one body. Several packings on top of each other
    are not unpacked: each would multiply what a few bytes can become.

    Args:
        packing: the Content-Encoding.
    """

    def __init__(self, packing: str) -> None:
        self.packing = packing.strip().lower()
        self._plain = self.packing in ("", "identity")
        self._gzip = self.packing in ("gzip", "x-gzip")
        self._started = False
        self._stream = self._new()

    def __call__(self, piece: bytes, room: int) -> bytes:
        """What a piece becomes.

        Raises:
            Unreadable: it is not packed as was said, or in a way that was not asked for.
        """
        if self._plain:
            return piece[:room]
        if not self._gzip and self.packing != "deflate":
            raise Unreadable(f"a body packed as {self.packing[:40]!r} was not asked for")
        out = self._unpacked(piece, room)
        while self._gzip and self._stream.eof and self._stream.unused_data and len(out) < room:
            rest, self._stream = self._stream.unused_data, self._new()
            if not rest.strip(b"\0"):
                break  # padding
            out += self._unpacked(rest, room - len(out))
        return out

    @property
    def ended(self) -> bool:
        """Whether the body ended where it says that it does."""
        return self._plain or not self._started or self._stream.eof

    def _new(self) -> Any:
        return zlib.decompressobj(16 + zlib.MAX_WBITS if self._gzip else zlib.MAX_WBITS)

    def _unpacked(self, piece: bytes, room: int) -> bytes:
        try:
            out: bytes = self._stream.decompress(piece, room)
        except zlib.error as error:
            if self._gzip or self._started:
                raise Unreadable(f"the body is no {self.packing}: {error}") from None
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)  # many send it without its head
            try:
                out = self._stream.decompress(piece, room)
            except zlib.error:
                raise Unreadable(f"the body is no {self.packing}: {error}") from None
        self._started = True
        return out


def enveloped(error: str, body: bytes, media: str, secrets: Collection[str] = ()) -> str:
    """ToolBench's envelope around a body: always valid JSON and valid Unicode."""
    try:
        response = without(body_of(body, media, secrets), secrets)
        text = json.dumps({"error": error, "response": response}, ensure_ascii=False)
    except RecursionError:  # nested too deeply to be handed on as a value
        response = blotted(body.decode("utf-8", "replace"), secrets)
        text = json.dumps({"error": error, "response": response}, ensure_ascii=False)
    return _LONE.sub("\ufffd", text)


def body_of(body: bytes, media: str, secrets: Collection[str] = ()) -> Any:
    """A body as JSON: its value, its text, or what is known of its bytes."""
    kind = media.partition(";")[0].strip().lower()
    if not body:
        return ""
    if kind and not any(mark in kind for mark in TEXTUAL):
        return _binary(body, kind, secrets)
    try:
        text = body.decode(_charset(media))
    except (LookupError, ValueError):
        text = body.decode("utf-8", "replace")
    if not kind and "\ufffd" in text:
        return _binary(body, kind, secrets)
    if "json" in kind or not kind:
        try:
            return json.loads(text, strict=False, parse_constant=str, parse_float=_finite)
        except (ValueError, RecursionError):
            return text
    return text


def _charset(media: str) -> str:
    """The codec that a content type names; UTF-8, with or without its mark, if it names none."""
    for part in media.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            try:
                found = codecs.lookup(value.strip().strip("\"'")).name
            except (LookupError, ValueError):
                return "utf-8-sig"
            known = found.replace("-", "_") not in NO_CHARSETS and found != "utf-8"
            return found if known else "utf-8-sig"
    return "utf-8-sig"


def _finite(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _binary(body: bytes, kind: str, secrets: Collection[str]) -> dict[str, Any]:
    for secret in filter(None, secrets):
        body = body.replace(secret.encode("utf-8", "replace"), b"<secret>")
    found: dict[str, Any] = {"media": kind or "application/octet-stream", "bytes": len(body)}
    found["sha256"] = sha256(body).hexdigest()
    if len(body) <= SHOWN_BYTES:
        found["base64"] = b64encode(body).decode()
    return found


def without(value: Any, secrets: Collection[str]) -> Any:
    """A JSON value without these secrets, in its texts and in its names."""
    if not secrets:
        return value
    if isinstance(value, str):
        return blotted(value, secrets)
    if isinstance(value, list):
        return [without(each, secrets) for each in value]
    if isinstance(value, dict):
        return {blotted(name, secrets): without(each, secrets) for name, each in value.items()}
    number = json.dumps(value)
    return "<secret>" if number in secrets else value


def blotted(text: str, secrets: Collection[str]) -> str:
    """The text without these secrets, as they are and as JSON and URLs write them."""
    for secret in filter(None, secrets):
        raw = secret.encode("utf-8", "replace")
        forms = {secret, json.dumps(secret)[1:-1], quote(raw, safe=""), quote_plus(raw)}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, "<secret>")
    return text
