"""Codes in free text: "JP", and when "is" is Icelandic."""

from __future__ import annotations

import re
from typing import Final

from ...envs.hub.types import SemType

# Short codes that are words, too: they count only where they are marked as codes.
_ENGLISH: Final = """
a ad ah al all am an and any are art as ask at ate bad bag bar bat be bed been best big bin bit born
bus but buy by can car cat cod cool cup cut day do each ear eat ego end even ever eye far fat few
fin fit fly for fun gas get go got gun had has hat he her here him his hit hot how i if in into is
it its job just kind la last led less let like long look lot low ma main man many map mat may me men
mid mix mom more most much my near net new next no nor not now of off oh oil ok old on once one only
or our out over own pa pay per pi play put ran real red rim row run said same sad sat save saw say
sea see set she sit six so some son such sun sure take tan tax tea ten than that the them then they
this tie tim to too top true try two up us use used van very want war was way we well were what when
who why will win with work yes yet you
"""
_WORDS: Final = frozenset(_ENGLISH.split())
TERMS: Final = frozenset({"ISO", "IATA", "ICAO", "UTC", "GMT", "API", "JSON", "HTTP", "URL"})
SIGNS: Final = {",": ("comma",), ".": ("point", "period", "full stop", "dot"), " ": ("space",),
                "'": ("apostrophe",), "’": ("apostrophe",)}  # fmt: skip
_SPACED: Final = re.compile(r"iban|phone|isbn|issn|ean|imei|imsi|card|account|bank_code|vat|tax_id")


def numeric(value: str) -> bool:
    """Whether a text is made of digits, points and commas."""
    return re.fullmatch(r"[-+]?\d[\d.,]*", value) is not None


def make(token: str) -> str:
    """The make of a code: its length, whether it has digits and letters, its other signs; or ""."""
    digits, letters = any(map(str.isdigit, token)), any(map(str.isalpha, token))
    if not digits and not token.isupper():
        return ""
    signs = "".join(c for c in token if not c.isalnum())
    return f"{len(token)}/{digits}/{letters}/{signs}"


def token(value: str, type: str = "") -> re.Pattern[str]:
    """A pattern for a value as a whole token, case aside.

    In long codes (IBAN, ISBN, phone numbers) blanks and hyphens are aside, before phone numbers
    and calling codes ``+``; in all ``-`` and ``_`` are the same. A value that is all punctuation
    must stand apart or in quotes.
    """
    if not any(map(str.isalnum, value)):
        body = re.escape(value)
        return re.compile(rf"(?<=[\"'*]){body}(?=[\"'*])|(?<!\S){body}(?![\w\"'])")
    phone = value.startswith("+") or type in ("calling_code", "phone")
    core = value.lstrip("+") or value
    digits = sum(map(str.isdigit, core))
    if _SPACED.search(type) or phone or (digits >= 6 and len(core) >= 8 and core.isalnum()):
        body = r"[ \-./]{0,2}".join(map(re.escape, filter(str.isalnum, core)))
    else:
        alike = {"_": "[-_]", "-": "[-_]", " ": r"\s{1,3}"}
        body = "".join(alike.get(c) or re.escape(c) for c in core)
    before = r"(?<!\w)(?<!\w[-.@])" if core[0].isalnum() else r"(?<![^\s\"'(*\[:=,])"
    after = r"(?!\w|[-@]\w|\.\w)" if core[-1].isalnum() else r"(?![^\s\"').,;:!?*\]])"
    if numeric(core):
        before, after = r"(?<![\w.,-])", r"(?!\w|[.,-]\d)"
    if phone:
        before = r"(?<![\w.,])(?:\+|\b00)?"
    return re.compile(before + body + after, re.IGNORECASE)


_TIE: Final = re.compile(r"[-@_][^\W_]|\.[a-z0-9]")


def whole(text: str, start: int, end: int) -> bool:
    """Whether no hyphen, point or @ ties a token to another."""
    before = text[max(0, start - 2) : start]
    tied = before[-1:] in tuple("-@_.") and before[:1].isalnum() and len(before) == 2
    if tied and before[-1] == "." and not (text[start].islower() or text[start].isdigit()):
        tied = False
    return not tied and _TIE.match(text, end) is None


_NOUN: Final = r"(?:code|symbol|ticker|abbreviation|identifier|sign)s?"
_MARKED: Final = re.compile(
    rf"(?:[\"'(\[*:=]|\b{_NOUN}\"?(?: \w+){{0,4}}?(?: is| are| =|:)?) ?\Z", re.IGNORECASE
)
_SAID: Final = re.compile(r"\b(?:is|are|as|and|or|called) \Z", re.IGNORECASE)
_STOP: Final = re.compile(r"[\"')*_\]]*(?:\s*$|[.,;!?]|\n| (?:and|or|as well)\b)")


def is_code(text: str, start: int, end: int, code: str, lone: bool) -> bool:
    """Whether a token is meant as the code, and is no word.

    A short code of letters only counts as it is written. One that is an English word, or is
    written in another case, counts where it is marked: alone, in quotes or brackets, after "code"
    or a colon; as it is written also after "is" or "and" where the clause ends with it.
    """
    if len(code) > 4 or not code.isalpha() or lone:
        return True
    raw = text[start:end].replace(".", "")
    word = code.lower() in _WORDS and not (raw.isupper() and len(raw) > 1)
    if raw == code and not word:
        return True
    if text[start - 1 : start] in ("(", '"', "'") and text[end : end + 1] in (")", '"', "'"):
        return True
    before = text[max(0, start - 48) : start]
    if raw == code and _SAID.search(before) and _STOP.match(text, end):
        return True
    return raw.upper() == code.upper() and _MARKED.search(before) is not None


_ASKED: Final = re.compile(
    rf"(?<![\w-])((?:[\w-]+ ){{0,6}}){_NOUN}"
    r"(?: (?:of|for) ((?:[\w-]+ ?){0,4})|(?=\s*[.?!,;)])|\s*$)",
    re.IGNORECASE,
)
_SLIGHT: Final = "a an the as of for in is what tell me its code codes name what's"
_EMPTY: Final = frozenset(_SLIGHT.split())


def asks_for_code(instruction: str, type: SemType) -> bool:
    """Whether the instruction asks for the code itself: "the IATA code of ..", "its ISO code".

    The code must be of the type: a word of what the type is about stands before it, or the
    type's thing after "code of". "The country with the ISO code JP" asks for no code.
    """
    about = type.about.partition(", as ")[0].lower()
    marks = set(re.findall(r"[\w-]+", about)) - _EMPTY
    thing = type.name.rpartition("_")[0] or type.name
    for m in _ASKED.finditer(instruction):
        before = set(m[1].lower().split()) - _EMPTY
        after = set((m[2] or "").lower().split()) - _EMPTY
        if before & marks or thing in after:
            return True
    return False
