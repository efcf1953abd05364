"""Whether an answer under status ok is one: errors in the body, HTML, nothing at all, too much."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any, Final, Literal

from .probe_config import Quality

Kind = Literal["good", "error_body", "html", "empty", "too_long", "binary"]

_HTML: Final = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_TAGS: Final = re.compile(r"<(?:html|head|body|title|h1|div|script)\b", re.IGNORECASE)
_LOOKED_AT: Final = 4_000  # characters of a text in which tags are looked for
LITERAL: Final = 20_000  # characters of Python's text that are read
_BINARY: Final = frozenset({"media", "bytes", "sha256"})


def kind_of(observation: str, quality: Quality) -> Kind:
    """What an answer is.

    The envelope ``{"error", "response"}`` is looked into; an error in it makes the answer an
    ``error_body``. So do, in the body: a value under one of ``error_keys`` that says something,
    ``"success": false`` and the like, a status that is a failure, and, in short answers, a message
    with one of ``phrases``.

    Args:
        observation: as the environment gave it.
        quality: thresholds and words.
    """
    if len(observation) > quality.longest:
        return "too_long"
    value = _value(observation)
    if isinstance(value, Mapping) and set(value) == {"error", "response"}:
        if isinstance(value["error"], str) and value["error"].startswith("cut after"):
            return "too_long"
        if value["error"]:
            return "error_body"
        value = value["response"]
    if isinstance(value, str):
        inner = _value(value)
        value = inner if inner is None or isinstance(inner, dict | list) else value
    if _empty(value):
        return "empty"
    if isinstance(value, str):
        if _HTML.match(value) or len(_TAGS.findall(value[:_LOOKED_AT])) >= 3:
            return "html"
        return "error_body" if _complains(value, quality) else "good"
    if isinstance(value, Mapping):
        if set(value) >= _BINARY and set(value) <= {*_BINARY, "base64"}:
            return "binary"
        return "error_body" if _fails(value, len(observation), quality) else "good"
    return "good"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _literal(text)


def _literal(text: str) -> Any:
    """A text that may be Python's of a value: ToolBench's server writes responses so."""
    if text == "None":
        return None
    if text[:1] not in "[{" or len(text) > LITERAL:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _empty(value: Any) -> bool:
    """Nothing: no text, no element, no key, or only such things."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    if isinstance(value, Mapping):
        return all(each is None or each in ("", [], {}) for each in value.values())
    if isinstance(value, list):
        return all(each is None or each in ("", [], {}) for each in value)
    return False


def _fails(body: Mapping[str, Any], length: int, quality: Quality) -> bool:
    for key in quality.error_keys:
        value = body.get(key)
        if value and not _empty(value) and str(value).lower() not in ("none", "null", "false", "0"):
            return True
    if any(body.get(key) is False for key in ("success", "ok", "Success", "succeeded")):
        return True
    for key in ("status", "result", "Status"):
        value = body.get(key)
        if isinstance(value, str) and value.strip().lower() in quality.failing:
            return True
    if length > quality.message:
        return False
    said = [body.get(key) for key in quality.message_keys]
    for key in ("status", "code", "statusCode", "status_code"):
        value = body.get(key)
        if isinstance(value, int) and 400 <= value < 600 and (key != "code" or any(said)):
            return True
    return any(isinstance(text, str) and _complains(text, quality) for text in said)


def _complains(text: str, quality: Quality) -> bool:
    if len(text) > quality.message:
        return False
    low = text.lower()
    begins = low.lstrip(" \t\n\"'[({*-#").startswith(quality.begins)
    return begins or any(phrase in low for phrase in quality.phrases)
