"""Business: the numbers of books, journals and printed music."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import sem
from .business import gtin_digit
from .location import Response, fold

# Groups of ISBNs by the name that the registers have, where the table of countries has another.
GROUPS: Final = {
    "China, People's Republic": "CN",
    "Hong Kong, China": "HK",
    "Korea, Republic": "KR",
    "Korea, P.D.R.": "KP",
    "Kyrgyz Republic": "KG",
    "Lao People's Democratic Republic": "LA",
    "Brunei Darussalam": "BN",
    "Macau": "MO",
    "Netherlands": "NL",
    "Palestine": "PS",
    "Türkiye": "TR",
}
AREAS: Final = {
    "English language": "en",
    "French language": "fr",
    "German language": "de",
}

sem("isbn", about="ISBN of 10 or 13 characters, as 9784063842760", high=17, wider="identifier")
sem("isbn10", about="ISBN of 10 characters, as 0140449132", high=13, wider="isbn")
sem("issn", about="ISSN of a journal, as 0028-0836", high=9, wider="identifier")
sem("isbn_group", about="country, area or language of an ISBN, as Japan", high=60, compare="name")

# ---------------------------------------------------------------- BookIsbn
books = Tool("BookIsbn", "Business", "International Standard Book Numbers.", ("isbnlib",))


@lru_cache(maxsize=1)
def _country_by_name() -> dict[str, str]:
    named = {fold(row[3]): row[0] for row in table("countries") if row[0] not in ("AN", "CS")}
    return {**named, **{fold(name): code for name, code in GROUPS.items()}}


@lru_cache(maxsize=4096)
def _isbn13(text: str) -> str:
    import isbnlib

    compact = re.sub("[ -]", "", text)
    if not re.fullmatch("[0-9]{9}[0-9xX]|[0-9]{13}", compact) or isbnlib.notisbn(compact):
        raise HubError(f"{text} is not a valid ISBN", 400)
    return str(isbnlib.to_isbn13(compact))


def _group(text: str) -> str:
    import isbnlib

    return str(found(isbnlib.info(_isbn13(text)), f"group of {text}"))


@books.api(
    "Registration group (country, area or language) of an ISBN, and the ISBN with hyphens.",
    {"isbn": takes("isbn", "9784063842760")},
    {
        "group": gives(
            "isbn_group",
            "the registration group (country, area or language) of {isbn}",
            ask="Which registration group (country, area or language) does {isbn} belong to?",
        ),
        "hyphenated": gives("text", "the notation with hyphens, in its 13-digit form, of {isbn}"),
    },
)
def isbn_info(isbn: str) -> Response:
    import isbnlib

    number = _isbn13(isbn)
    return {
        "isbn13": number,
        "group": _group(isbn),
        "hyphenated": found(isbnlib.mask(number), f"hyphens of {isbn}"),
    }


@books.api(
    "The ISBN of 13 digits that an ISBN of 10 characters has become.",
    {"isbn10": takes("isbn10", "0140449132")},
    {
        "isbn13": gives(
            "isbn",
            "the 13-digit form of {isbn10}",
            ask="What is the 13-digit form of {isbn10}?",
        )
    },
)
def to_isbn13(isbn10: str) -> Response:
    return {"isbn13": _isbn13(isbn10)}


@books.api(
    "The ISBN of 10 characters of an ISBN of 13 digits that starts with 978.",
    {"isbn": takes("isbn", "9780140449136")},
    {
        "isbn10": gives(
            "isbn10",
            "the 10-character form of {isbn}",
            ask="What is the 10-character form of {isbn}?",
        )
    },
)
def to_isbn10(isbn: str) -> Response:
    import isbnlib

    return {"isbn10": found(isbnlib.to_isbn10(_isbn13(isbn)), f"10-character form of {isbn}")}


@books.api(
    "The country of an ISBN, where its group is a country rather than a language or an area.",
    {"isbn": takes("isbn", "9784063842760")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that {isbn} is registered in",
            entity="the country that {isbn} is registered in",
        )
    },
)
def isbn_country(isbn: str) -> Response:
    group = _group(isbn)
    return {"country_code": found(_country_by_name().get(fold(group)), f"country of {group}")}


@books.api(
    "The language of an ISBN whose group is one of the language areas (English, French, German).",
    {"isbn": takes("isbn", "9780140449136")},
    {
        "language_code": gives(
            "language_code",
            "the ISO 639 code of the language area that {isbn} is registered in",
            entity="the language of the language area that {isbn} is registered in",
        )
    },
)
def isbn_language(isbn: str) -> Response:
    group = _group(isbn)
    return {"language_code": found(AREAS.get(group), f"language of {group}")}


# ---------------------------------------------------------------- PublicationNumbers
publications = Tool(
    "PublicationNumbers", "Business", "Numbers of books (ISBN) and journals (ISSN).", ("stdnum",)
)


@publications.api(
    "The parts of an ISBN: the agency's country, area or language, the publisher, the title.",
    {"isbn": takes("isbn", "9784063842760")},
    {
        "agency": gives(
            "isbn_group", "the registration group (country, area or language) of {isbn}"
        ),
        "publisher": gives(
            "text",
            "the publisher's part (registrant element) of {isbn}",
            ask="Which digits of {isbn} are the publisher's part (registrant element)?",
        ),
    },
)
def isbn_parts(isbn: str) -> Response:
    from stdnum import isbn as known
    from stdnum import numdb

    if not known.is_valid(isbn):
        raise HubError(f"{isbn} is not a valid ISBN", 400)
    number = str(known.to_isbn13(isbn)).replace("-", "").replace(" ", "")
    parts = known.split(number)
    agency = numdb.get("isbn").info(number)[1][1].get("agency")
    return {
        "agency": found(agency, f"agency of {isbn}"),
        "publisher": found(parts[2], f"publisher of {isbn}"),
        "title": parts[3],
        "check_digit": parts[4],
    }


@publications.api(
    "The country of the agency that an ISBN is from, where it is a single country's.",
    {"isbn": takes("isbn", "9784063842760")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that {isbn} is registered in",
            entity="the country that {isbn} is registered in",
        )
    },
)
def country_of_isbn(isbn: str) -> Response:
    agency = isbn_parts(isbn)["agency"]
    return {"country_code": found(_country_by_name().get(fold(agency)), f"country of {agency}")}


@publications.api(
    "The bar code number (EAN-13) of a journal by its ISSN.",
    {"issn": takes("issn", "0028-0836")},
    {
        "barcode": gives(
            "barcode",
            "the EAN-13 bar code number, without an issue code, of the journal with {issn}",
            ask="What is the EAN-13 bar code number, without an issue code, of the journal with "
            "{issn}?",
        )
    },
)
def issn_barcode(issn: str) -> Response:
    from stdnum import issn as known

    if not known.is_valid(issn):
        raise HubError(f"{issn} is not a valid ISSN", 400)
    return {"barcode": str(known.to_ean(issn)), "issn": str(known.format(known.compact(issn)))}


# ---------------------------------------------------------------- entities
# Starts of ISBNs of many groups, without the check digit.
ISBNS: Final = (
    "978014044172", "978019283172", "978067001172", "978140003172", "978185326017", "978207036172",
    "978225300172", "978272981172", "978316148172", "978342313172", "978351838172", "978406384172",
    "978410101172", "978517118172", "978504105172", "978702000172", "978750631172", "978802570172",
    "978817223217", "978820531728", "978830602172", "978843760172", "978842041172", "978853590172",
    "978870201728", "978880621172", "978880451728", "978893647172", "978902345172", "978910051728",
    "978935029117", "978946351017", "978950070172", "978951111728", "978952010172", "978953030172",
    "978954491217", "978955205172", "978956121172", "978957325172", "978958420172", "978960042172",
    "978961010172", "978962593117", "978963078172", "978964448117", "978965071172", "978966032172",
    "978967611172", "978968160172", "978969001172", "978970070172", "978971271172", "978972201172",
    "978973501172", "978974322417", "978975080172", "978977015172", "978978246711", "978979221172",
    "978980011172", "978981045172", "978983100117", "978984050172", "978985021172", "978986133217",
    "978987566117", "978988181172", "978989231172", "978997931117", "978993401172", "978994991017",
    "978995508317", "978996625117", "978997240117", "978997449117", "978997822117", "978998405517",
    "978998609117", "978600119117", "978602031172", "978604100172", "978605071172", "978606719417",
    "978607071172", "978612401172", "978615500172", "978616700172", "978617091172", "978618031172",
    "978619150117", "978621800172", "978655001728", "978406384276", "978014044913", "979109063607",
    "979860247742",
)  # fmt: skip
ISSNS: Final = (
    "0028-0836", "0036-8075", "0140-6736", "0027-8424", "0031-9007", "0002-7863", "0009-2665",
    "0017-8012", "0098-7484", "0028-4793", "0092-8674", "1476-4687", "1095-9203", "0264-3596",
    "0013-0613", "0040-781X", "0028-792X", "0020-7136", "0004-637X", "0021-9258",
)  # fmt: skip


def _isbns() -> list[str]:
    return [start + gtin_digit(start) for start in ISBNS]


def _isbn10s() -> list[str]:
    out = []
    for start in ISBNS:
        if start.startswith("978"):
            digits = start[3:]
            rest = -sum((10 - i) * int(digit) for i, digit in enumerate(digits)) % 11
            out.append(digits + ("X" if rest == 10 else str(rest)))
    return out


entities("isbn", _isbns, says=lambda v: (f"the ISBN {v}",))
entities("isbn10", _isbn10s, says=lambda v: (f"the ISBN {v}",))
entities("issn", lambda: ISSNS, says=lambda v: (f"the ISSN {v}",))
