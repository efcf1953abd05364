"""Names and codes in free text: "Japan", "JP" and "the Republic of Korea"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ...envs.hub.entities import ENTITIES
from ...envs.hub.types import TYPES, SemType
from .codes import SIGNS, TERMS, asks_for_code, is_code, make, numeric, token, whole
from .commitment import Mention
from .prose import clean

LONGEST_NAME: Final = 200
MOST_WORDS: Final = 16

# Everyday names that registries of countries lack.
EVERYDAY: Final = {
    "AE": ("UAE",), "BN": ("Brunei",), "BO": ("Bolivia",), "CD": ("DR Congo", "DRC",
    "Democratic Republic of Congo", "Congo-Kinshasa"), "CG": ("Congo-Brazzaville",),
    "CI": ("Ivory Coast",), "CV": ("Cape Verde",), "CZ": ("Czech Republic",),
    "GB": ("UK", "Great Britain", "Britain"), "IR": ("Iran",), "KP": ("North Korea",),
    "KR": ("South Korea",), "LA": ("Laos",), "MD": ("Moldova",), "MK": ("Macedonia",),
    "MM": ("Burma",), "NL": ("Holland",), "PS": ("Palestine",), "RU": ("Russia",),
    "SY": ("Syria",), "SZ": ("Swaziland",), "TL": ("East Timor",), "TR": ("Turkey", "Turkiye"),
    "TW": ("Taiwan",), "TZ": ("Tanzania",), "US": ("USA", "United States of America"),
    "VA": ("Vatican",), "VE": ("Venezuela",), "VN": ("Vietnam",),
}  # fmt: skip

_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_MARKS: Final = re.compile("[\u0300-\u036f'.]")
_WORD: Final = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_](?!\w)\.?|[^\W_]+(?:'[^\W_]+)*[+#]*|&")
_SAME: Final = {"&": "and", "st": "saint", "mt": "mount"}
_PLAIN: Final = re.compile(r"[\w\s.,'’‘\-‐‑–—()&/:;!?\"“”]*")
_MACHINE: Final = re.compile(r"[^\W_]+(?:[.@:/_][^\W_]+)+|.*\d.*[.@:/_-].*")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff]")


def fold(word: str) -> str:
    """A word without case, accents and apostrophes."""
    plain = word.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain.translate(_LETTERS))
    plain = _MARKS.sub("", plain)
    return _SAME.get(plain, plain)


class Word(NamedTuple):
    """A word of a text: folded, as written, and where."""

    folded: str
    raw: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """The words of a text; letters with points between them are one ("U.S.A.")."""
    return [Word(fold(m[0]), m[0], m.start(), m.end()) for m in _WORD.finditer(text)]


def phrase(name: str) -> str:
    """A name as it is looked up: folded words, without a leading article."""
    found = [fold(m[0]) for m in _WORD.finditer(clean(name))]
    if len(found) > 1 and found[0] in ("the", "a", "an"):
        del found[0]
    return " ".join(found)


@dataclass
class Lexicon:
    """Names and codes of a type's values.

    Attributes:
        names: values by folded name.
        codes: values by code, as it is written.
        lengths: by first word, how many words names have, the longest first.
    """

    names: dict[str, frozenset[Any]] = field(default_factory=dict)
    codes: dict[str, Any] = field(default_factory=dict)
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, value: Any, names: Iterable[str]) -> None:
        """Add the names of a value."""
        for name in names:
            key = phrase(name)
            first, *rest = key.split() or [""]
            if not first or len(rest) >= MOST_WORDS:
                continue
            self.names[key] = self.names.get(key, frozenset()) | {value}
            known = self.lengths.get(first, ())
            if len(rest) + 1 not in known:
                self.lengths[first] = tuple(sorted({*known, len(rest) + 1}, reverse=True))

    def values_of(self, name: str) -> frozenset[Any]:
        """The values that a name may stand for."""
        return self.names.get(phrase(name), frozenset())


def names_of(type: str, value: Any) -> list[str]:
    """What a value of a type is called, its code aside; [] where nobody says."""
    known = ENTITIES.get(type)
    if known is None:
        return []
    try:
        found = [*known.says(value), *known.aliases(value)]
    except (ImportError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError):
        return []
    more = EVERYDAY.get(value, ()) if type == "country_code" and isinstance(value, str) else ()
    named = [name for name in (*found, *more) if isinstance(name, str) and name != value]
    return [each for name in named for each in _spellings(name)]


@lru_cache(maxsize=64)
def lexicon(type: str) -> Lexicon:
    """The well-known values of a type that has entities; none where its library is missing."""
    made, coded = Lexicon(), TYPES[type].compare == "exact"
    try:
        values = ENTITIES[type].values
    except ImportError:
        return made
    for value in values:
        made.add(value, names_of(type, value))
        if coded and isinstance(value, str):
            made.codes[value] = value
        else:
            made.add(value, _spellings(str(value), type))
    return made


def _spellings(name: str, type: str = "") -> list[str]:
    """Ways to write a name: without brackets, "Korea, Republic of" turned, a state in full."""
    out = [name]
    bare = re.sub(r"\s*\([^()]*\)", "", name).strip()
    if bare and bare != name:
        out.append(bare)
    head, comma, tail = name.partition(", ")
    if comma and tail.endswith((" of", " of the")):
        out.append(f"{tail} {head}")
    elif comma and type and "," not in tail:
        wide = names_of("us_state" if type.startswith("us_") else "country_code", tail)
        out += [f"{head}, {each}" for each in wide]
    return out


class Names:
    """Reads names and codes of one type.

    A name is found as whole words, accents, case, punctuation and a leading "the" aside, under
    each name that the hub gives the value (``says``, ``aliases``), the longest first: "South
    Sudan" is no "Sudan". A code is found as a whole token, case and the blanks in long ones
    (IBAN, ISBN, phone numbers) aside; a short code of letters only as it is written, and one that
    is an English word, or is written in another case, only where it is marked as a code: in
    quotes or brackets, after "code" or a colon, or alone.

    What else competes: the type's well-known values, names only with a capital letter; for codes
    without entities, tokens of the same make (length, digits, letters).

    Args:
        type: the type.
        truths: the values looked for.
        instruction: what was asked: where it asks for the code, a name will not do.
    """

    def __init__(self, type: SemType, truths: Sequence[Any], instruction: str) -> None:
        self._coded = type.compare == "exact"
        self._type, self._code = type, self._coded and asks_for_code(instruction, type)
        self._asked, self._asked_words = instruction.casefold(), f" {phrase(instruction)} "
        self._base = self._lexicon()
        self._values = frozenset[Any]().union(*self._base.names.values(), self._base.codes)
        self._mine = Lexicon()
        self._literal: list[tuple[str, re.Pattern[str]]] = []
        self._unspaced: list[tuple[str, str]] = []
        for truth in truths:
            self._take(str(truth))
        self._makes: set[str] = set()
        if self._coded:
            unknown = [str(t) for t in truths if len(str(t)) > 2 or str(t) not in self._base.codes]
            self._makes = {make(truth) for truth in unknown} - {""}

    @property
    def known(self) -> bool:
        """Whether the type's values are known, so that candidates can be counted."""
        return bool(self._base.names or self._base.codes)

    def _lexicon(self) -> Lexicon:
        for type in (self._type.name, _code_type(self._type.name), self._type.wider):
            if type in ENTITIES:
                return lexicon(type)
        return Lexicon()

    def _take(self, truth: str) -> None:
        if not truth.strip() or len(truth) > LONGEST_NAME:
            return
        own = names_of(self._type.name, truth)
        if self._coded:
            self._literal.append((truth, token(clean(truth), self._type.name)))
            self._mine.add(truth, own)
        else:
            names = [*_spellings(truth, self._type.name), *own]
            for type in (_code_type(self._type.name), self._type.wider):
                if type in ENTITIES:
                    for value in sorted(map(str, lexicon(type).values_of(truth))):
                        names += [*names_of(type, value), value if type == self._type.wider else ""]
            if self._to_the_letter(truth):
                self._literal.append((truth, token(clean(truth) or truth)))
                names = list(SIGNS.get(truth, ()))
            self._mine.add(truth, [name for name in names if name])
            own = [truth, *own]
        self._unspaced += [(truth, name) for name in own if _UNSPACED.search(name)]

    def _to_the_letter(self, truth: str) -> bool:
        """Whether a name is no plain words, or the instruction has it in another spelling."""
        folded = phrase(truth)
        if not folded or len(folded.split()) > MOST_WORDS or not _PLAIN.fullmatch(truth):
            return True
        if numeric(truth) or _MACHINE.fullmatch(truth):
            return True
        return f" {folded} " in self._asked_words and truth.casefold() not in self._asked

    def read(self, text: str) -> list[Mention]:
        """The names and codes in a text."""
        found = list(self._found(text))
        found.sort(key=lambda m: (m.start, -m.end))
        out: list[Mention] = []
        for m in found:
            if out and m.start < out[-1].end and (m.keys & out[-1].keys or m.end <= out[-1].end):
                if m.detail == "code" and m.keys & out[-1].keys:
                    out[-1] = replace(out[-1], detail="code")
                continue
            out.append(m)
        return out

    def _found(self, text: str) -> Iterator[Mention]:
        spoken = words(text)
        folded = [w.folded for w in spoken]
        lone = len(spoken) <= 2
        i = 0
        while i < len(spoken):
            n, values = self._longest(folded, i, spoken)
            if n:
                small = spoken[i].raw[0].islower()
                start, end = spoken[i].start, spoken[i + n - 1].end
                if whole(text, start, end):
                    yield Mention(start, end, values, not small)
                i += n
                continue
            raw, start, end = spoken[i].raw.replace(".", ""), spoken[i].start, spoken[i].end
            value = self._base.codes.get(raw)
            known = value is not None and whole(text, start, end)
            if known and is_code(text, start, end, raw, lone):
                yield Mention(start, end, frozenset({value}), detail="code")
            i += 1
        for truth, pattern in self._literal:
            for m in pattern.finditer(text):
                if is_code(text, m.start(), m.end(), truth, lone):
                    yield Mention(m.start(), m.end(), frozenset({truth}), detail="code")
        for truth, name in self._unspaced:
            for m in re.finditer(re.escape(name), text):
                yield Mention(m.start(), m.end(), frozenset({truth}))
        if self._coded:
            for m in re.finditer(r"[^\s\"'(),;\[\]{}<>|*]+", text):
                each = m[0].rstrip(".!?:")
                if text.startswith('":', m.end()):
                    continue
                like = make(each) in self._makes or (
                    each in self._base.codes and not each.isalnum()
                )
                if like and 1 < len(each) <= 60 and each not in TERMS:
                    yield Mention(m.start(), m.start() + len(each), frozenset({each}))

    def _longest(
        self, folded: Sequence[str], i: int, spoken: Sequence[Word]
    ) -> tuple[int, frozenset[Any]]:
        """How many words the longest name has that begins here, and what it may stand for."""
        first = folded[i]
        forms = [first]
        if spoken[i].raw.endswith("'s"):
            forms.append(fold(spoken[i].raw[:-2]))
        lengths = {
            n for f in forms for lex in (self._mine, self._base) for n in lex.lengths.get(f, ())
        }
        for n in sorted(lengths, reverse=True):
            if i + n > len(folded):
                continue
            last = spoken[i + n - 1].raw
            for end in (folded[i + n - 1], fold(last[:-2]) if last.endswith("'s") else ""):
                if not end:
                    continue
                name = " ".join([*folded[i : i + n - 1], end])
                mine = self._mine.names.get(name, frozenset())
                theirs = self._base.names.get(name, frozenset())
                if mine or theirs:
                    return n, mine | theirs
        return 0, frozenset()

    def agrees(self, mention: Mention, truth: Any) -> bool:
        """Whether it is the truth; a name only where the instruction does not ask for the code."""
        if self._coded and self._code and mention.detail != "code":
            return False
        wanted = str(truth)
        if wanted in mention.keys:
            return True
        return not wanted.isascii() and clean(wanted) in {clean(str(key)) for key in mention.keys}

    def bare(self, mention: Mention) -> bool:
        """Whether others like it go unseen: its type's values are not known, or written small."""
        long = self._coded and any(len(str(key)) > 3 for key in mention.keys)
        return long or not mention.competes or not mention.keys & self._values

    def named(self, mentions: Iterable[Mention], truth: Any) -> bool:
        """Whether the truth is there under its name at least."""
        return any(str(truth) in m.keys for m in mentions)


def _code_type(type: str) -> str:
    """Names of countries stand for what codes of countries stand for."""
    return type.removesuffix("_name") + "_code" if type.endswith("_name") else ""
