"""Secrets in calls and answers: replaced before anything is hashed or kept, and looked for after.

Two things are secrets: what the environment's variables hold under a name like ``.._API_KEY``,
wherever it shows; and what is given for an argument with a name like ``api_key``. Either becomes
one fixed text, so a call recorded with one person's key is found again with another's. Formats of
well-known keys are searched for by ``store verify``, and ``store export`` refuses on a finding.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import quote

REPLACED: Final = "<secret>"
SHORTEST: Final = 8  # characters; a shorter value of a variable is too likely an ordinary word

_VARIABLE: Final = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.I)
_ARGUMENTS: Final = frozenset(
    {
        "accesskey", "accesstoken", "apikey", "apisecret", "apitoken", "appkey", "authkey",
        "authorization", "authtoken", "bearertoken", "privatekey", "rapidapikey", "refreshtoken",
        "secretkey", "sessiontoken",
        "toolbenchkey", "toolbenchrapidapikey", "xapikey", "xrapidapikey",
    }
)  # fmt: skip


# What these hold may be a secret, or what the call is about (how strong is this password?): it is
# not shown, and other values stay other calls.
_EITHER: Final = frozenset({"clientsecret", "passwd", "password", "secret"})


class Format(NamedTuple):
    """A well-known format of secrets: texts that each one holds, and what they look like."""

    marks: tuple[str, ...]
    pattern: re.Pattern[str]


# Formats that a provider documents, or that secret scanners agree on. A text without any of the
# marks is not searched any further, which makes the search many times faster.
FORMATS: Final[Mapping[str, Format]] = {
    "AWS access key": Format(("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    "GitHub token": Format(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})"),
    ),
    "GitLab token": Format(("glpat-",), re.compile(r"\bglpat-[\w-]{20,}")),
    "Google API key": Format(("AIza",), re.compile(r"\bAIza[\w-]{35}\b")),
    "Hugging Face token": Format(("hf_",), re.compile(r"\bhf_[A-Za-z]{34}\b")),
    "OpenAI or Anthropic key": Format(
        ("sk-",), re.compile(r"\bsk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,}")
    ),
    "private key": Format(
        ("PRIVATE KEY-----",),
        re.compile(
            r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:[\s\S]{0,8000}?-----END [A-Z ]*KEY-----)?"
        ),
    ),
    "RapidAPI key": Format(
        ("msh",), re.compile(r"\b[0-9a-f]{10}msh[0-9a-f]{15}p1[0-9a-f]{5}jsn[0-9a-f]{12}\b")
    ),
    "Slack token": Format(("xox",), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    "Stripe key": Format(
        ("k_live_", "k_test_"), re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}")
    ),
    "JSON web token": Format(("eyJ",), re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
}


class Finding(NamedTuple):
    """Something that looks like a secret: what, and enough of it to be found, not to be used."""

    what: str
    hint: str


class Secrets:
    """What must not be kept.

    Args:
        known: texts that are secrets, wherever they show.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        forms = {form for k in known if len(k) >= SHORTEST for form in _forms(k)}
        self._known = sorted(forms, key=len, reverse=True)
        shown = "|".join(re.escape(k) for k in self._known)
        self._shown = re.compile(shown) if shown else None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Secrets:
        """Those in the variables whose names say so."""
        there = os.environ if environment is None else environment
        return cls(value for name, value in there.items() if _VARIABLE.search(name))

    def without(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments with every secret replaced."""
        found: dict[str, Any] = self._replaced(arguments)
        return found

    def given(self, arguments: Mapping[str, Any]) -> Secrets:
        """These, and what a call gives under the name of a secret: a server may echo it."""
        found = list(_named(arguments))
        if not found:
            return self
        more = Secrets(found)
        more._known = sorted({*more._known, *self._known}, key=len, reverse=True)
        more._shown = re.compile("|".join(map(re.escape, more._known))) if more._known else None
        return more

    def blotted_in(self, value: Any) -> Any:
        """A JSON value with every known secret replaced in its texts."""
        if isinstance(value, str):
            return self.blotted(value)
        if isinstance(value, Mapping):
            return {self.blotted(str(k)): self.blotted_in(each) for k, each in value.items()}
        return (
            [self.blotted_in(each) for each in value] if isinstance(value, list | tuple) else value
        )

    def blotted(self, text: str) -> str:
        """The text with every known secret replaced."""
        return text if self._shown is None else self._shown.sub(REPLACED, text)

    def scan(self, text: str) -> Iterator[Finding]:
        """What looks like a secret in a text."""
        if self._shown is not None and self._shown.search(text):
            yield Finding("a value of this environment's variables", "")
        for what, (marks, pattern) in FORMATS.items():
            if any(mark in text for mark in marks):
                for match in pattern.finditer(text):
                    yield Finding(what, f"{match[0][:6]}…")

    def redacted(self, text: str) -> str:
        """The text with everything that :meth:`scan` finds replaced."""
        text = self.blotted(text)
        for marks, pattern in FORMATS.values():
            if any(mark in text for mark in marks):
                text = pattern.sub(REPLACED, text)
        return text

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.blotted(value)
        if isinstance(value, Mapping):
            return {
                self.blotted(key): hidden
                if (hidden := _hidden(key, each)) is not None
                else self._replaced(each)
                for key, each in value.items()
            }
        return [self._replaced(each) for each in value] if isinstance(value, list) else value


def _hidden(name: str, value: Any) -> str | None:
    """What stands for a value that is given under a secret's name; None for another name."""
    if value is None or value == "":
        return None
    if (plain := _plain(name)) in _ARGUMENTS:
        return REPLACED
    if plain in _EITHER:
        mark = sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
        return f"<secret:{mark[:8]}>"
    return None


def _named(value: Any) -> Iterator[str]:
    """The texts that are given under the names of secrets."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(each, str) and _plain(str(name)) in _ARGUMENTS:
                yield each
                yield from each.split()[1:]  # Bearer abc
            else:
                yield from _named(each)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each)


def _forms(secret: str) -> Iterator[str]:
    """A secret as it is, as JSON writes it, and as a URL does."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="")


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
