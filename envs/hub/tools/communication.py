"""Communication: phone numbers, calling codes, mobile networks, e-mail addresses, radio codes."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import sem
from .cybersecurity import DOMAINS, IDN_DOMAINS
from .location import Response

# Of two countries with one calling code, the smaller is left aside if it is smaller than this.
SMALL: Final = 0.02
MORSE: Final = {
    "A": ".-", "B": "-...", "C": "-.-.", "D": "-..", "E": ".", "F": "..-.", "G": "--.", "H": "....",
    "I": "..", "J": ".---", "K": "-.-", "L": ".-..", "M": "--", "N": "-.", "O": "---", "P": ".--.",
    "Q": "--.-", "R": ".-.", "S": "...", "T": "-", "U": "..-", "V": "...-", "W": ".--", "X": "-..-",
    "Y": "-.--", "Z": "--..", "0": "-----", "1": ".----", "2": "..---", "3": "...--", "4": "....-",
    "5": ".....", "6": "-....", "7": "--...", "8": "---..", "9": "----.",
}  # fmt: skip
SPELLING: Final = (
    "Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India", "Juliett",
    "Kilo", "Lima", "Mike", "November", "Oscar", "Papa", "Quebec", "Romeo", "Sierra", "Tango",
    "Uniform", "Victor", "Whiskey", "X-ray", "Yankee", "Zulu",
)  # fmt: skip

sem("email", about="e-mail address, as press+news@example.co.uk", high=100)
sem("imsi", about="IMSI of 14 or 15 digits, as 262021234567890", high=20)
sem("imei", about="IMEI of 15 digits, as 490154203237518", high=25)
sem("mcc", about="mobile country code of three digits, as 262", high=3)
sem("plmn", about="mobile country code and mobile network code, as 26202", high=6)
sem("morse", about="Morse code with spaces between the letters, as ... --- ...", high=250)

# ---------------------------------------------------------------- CallingCodes
calling = Tool(
    "CallingCodes", "Communication", "International calling codes of countries and of numbers."
)


@lru_cache(maxsize=1)
def _listed() -> dict[str, list[str]]:
    """The calling codes of every country as they are listed (55, 1-268, 44-1481)."""
    rows = [row for row in table("countries") if row[0] not in ("AN", "CS", "UM")]
    listed = {row[0]: re.findall(r"[0-9]+(?:-[0-9]+)?", row[10]) for row in rows}
    return {country: codes for country, codes in listed.items() if codes}


@lru_cache(maxsize=1)
def _codes() -> dict[str, list[str]]:
    """As they are said: of those within another code, only the North American ones in full."""
    return {
        country: [
            code.replace("-", "") if code.startswith("1-") else code.partition("-")[0]
            for code in codes
        ]
        for country, codes in _listed().items()
    }


@lru_cache(maxsize=1)
def _people() -> dict[str, int]:
    return {row[0]: row[7] for row in table("countries")}


def _inverse(codes: dict[str, list[str]]) -> dict[str, list[str]]:
    """The countries of every code, the most populous first."""
    out: dict[str, list[str]] = {}
    for country, each in codes.items():
        for code in each:
            out.setdefault(code.replace("-", ""), []).append(country)
    return {code: sorted(each, key=lambda c: (-_people()[c], c)) for code, each in out.items()}


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    return _inverse(_codes())


@lru_cache(maxsize=1)
def _prefixes() -> dict[str, list[str]]:
    return _inverse(_listed())


@calling.api(
    "The international calling code of a country.",
    {"country_code": takes("country_code", "BR")},
    {
        "calling_code": gives(
            "calling_code",
            "the international calling code of {country_code}",
            "the phone country code of {country_code}",
            ask="Which code does one dial to call {country_code} from abroad?",
        )
    },
)
def code_of_country(country_code: str) -> Response:
    codes = found(_codes().get(country_code.upper()), f"calling code of {country_code}")
    return {"calling_code": codes[0], "all": codes}


@calling.api(
    "The countries and territories that have a calling code, the most populous first.",
    {"calling_code": takes("calling_code", "44")},
    {
        "main_country": gives(
            "country_code",
            "the ISO alpha-2 code of the most populous country that has {calling_code}",
            entity="the most populous country that has {calling_code}",
        ),
        "countries": gives(
            "country_code[]",
            "the countries and territories that have {calling_code} for themselves or share it",
        ),
    },
)
def countries_of_code(calling_code: str) -> Response:
    code = calling_code.replace("-", "").lstrip("+")
    countries = found(_countries().get(code), f"calling code {calling_code}")
    return {"main_country": countries[0], "countries": sorted(countries), "count": len(countries)}


@calling.api(
    "The country of a phone number in the international format, by its calling code alone. "
    "Fails where large countries share the code (+1, +7).",
    {"phone": takes("phone", "+81332110000")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that {phone} belongs to",
            entity="the country that {phone} belongs to",
        ),
        "calling_code": gives("calling_code", "the calling code at the start of {phone}"),
    },
)
def country_of_number(phone: str) -> Response:
    digits = re.sub("[ ()./-]", "", phone).removeprefix("+")
    if not re.fullmatch("[0-9]{6,15}", digits):
        raise HubError(f"{phone} is not a phone number as +81332110000", 400)
    known = [digits[:n] for n in range(7, 0, -1) if digits[:n] in _prefixes()]
    prefix = found(known, f"calling code of {phone}")[0]
    countries = _prefixes()[prefix]
    first, second = (_people()[c] for c in (*countries, countries[0])[:2])
    if len(countries) > 1 and second > SMALL * first:
        raise HubError(f"several countries share +{prefix}: {', '.join(countries)}")
    return {
        "country_code": countries[0],
        "calling_code": next(code for code in _codes()[countries[0]] if prefix.startswith(code)),
        "prefix": prefix,
    }


# ---------------------------------------------------------------- PhoneLookup
phones = Tool(
    "PhoneLookup", "Communication", "What a phone number tells (libphonenumber).", ("phonenumbers",)
)


def _number(text: str) -> Any:
    import phonenumbers

    try:
        return phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise HubError(f"{text} is not a phone number as +81332110000", 400) from None


def _region(country: str) -> Any:
    """What the library knows of the phone numbers of a country."""
    from phonenumbers import PhoneMetadata

    known = PhoneMetadata.metadata_for_region(country.upper(), None)
    return found(known, f"country {country}")


@phones.api(
    "Country, area, time zone and kind of a phone number in the international format.",
    {"phone": takes("phone", "+14155552671")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that {phone} belongs to",
            entity="the country that {phone} belongs to",
        ),
        "timezone": gives(
            "timezone",
            "the IANA time zone of the area that {phone} belongs to",
        ),
        "location": gives(
            "text",
            "the city, area or (where the number tells no more) country of {phone}",
            ask="Which city or area does {phone} belong to (the country, where the number tells "
            "no more)?",
        ),
        "type": gives("text", "the kind of line (fixed line, mobile ..) that {phone} is for"),
    },
)
@lru_cache(maxsize=1024)
def phone_info(phone: str) -> Response:
    from phonenumbers import PhoneNumberType, is_valid_number, number_type
    from phonenumbers import region_code_for_number as region
    from phonenumbers.geocoder import description_for_number
    from phonenumbers.timezone import time_zones_for_number

    number = _number(phone)
    kind = PhoneNumberType.to_string(number_type(number))
    return {
        "valid": is_valid_number(number),
        "country_code": found(region(number), f"country of {phone}"),
        "location": description_for_number(number, "en"),
        "timezone": time_zones_for_number(number)[0],
        "type": kind.lower().replace("_", " "),
    }


@phones.api(
    "A phone number as people write it, at home and from abroad.",
    {"phone": takes("phone", "+33123456789")},
    {
        "international": gives(
            "text",
            "the usual international notation, with spaces, of {phone}",
        ),
        "national": gives(
            "text",
            "the notation of {phone} for calls within its country",
            ask="How is {phone} written for calls within its country?",
        ),
    },
)
def format_phone(phone: str) -> Response:
    from phonenumbers import PhoneNumberFormat, format_number

    number = _number(phone)
    return {
        "international": format_number(number, PhoneNumberFormat.INTERNATIONAL),
        "national": format_number(number, PhoneNumberFormat.NATIONAL),
        "uri": format_number(number, PhoneNumberFormat.RFC3966),
    }


@phones.api(
    "Calling code of a country, and an example of its phone numbers.",
    {"country_code": takes("country_code", "BR")},
    {
        "calling_code": gives(
            "calling_code",
            "the international calling code of {country_code}",
            "the phone country code of {country_code}",
        )
    },
)
def calling_code(country_code: str) -> Response:
    from phonenumbers import PhoneNumberFormat, example_number, format_number

    known = _region(country_code)
    example = example_number(country_code.upper())
    return {
        "calling_code": str(known.country_code),
        "example": format_number(example, PhoneNumberFormat.E164) if example else None,
    }


@phones.api(
    "The countries of a calling code, the main one first.",
    {"calling_code": takes("calling_code", "44")},
    {
        "main_country": gives(
            "country_code",
            "the ISO alpha-2 code of the main country that has {calling_code}",
            entity="the main country that has {calling_code}",
        )
    },
)
def countries_of_calling_code(calling_code: str) -> Response:
    from phonenumbers import region_codes_for_country_code

    code = calling_code.lstrip("+")
    if not code.isascii() or not code.isdigit():
        raise HubError(f"{calling_code} is not a calling code", 400)
    regions = [r for r in region_codes_for_country_code(int(code)) if r != "001"]
    main = found(regions, f"calling code {calling_code}")[0]
    return {"main_country": main, "countries": sorted(regions), "count": len(regions)}


@phones.api(
    "What one dials in a country to call a phone number of any country.",
    {"phone": takes("phone", "+33123456789"), "country_code": takes("country_code", "JP")},
    {
        "dialled": gives(
            "text",
            "the digits that one dials in {country_code} to call {phone}",
            ask="Which digits does one dial in {country_code} to call {phone}?",
        )
    },
)
def dial_from(phone: str, country_code: str) -> Response:
    from phonenumbers import format_out_of_country_calling_number

    _region(country_code)
    text = format_out_of_country_calling_number(_number(phone), country_code.upper())
    if text.startswith("+"):
        raise HubError(f"international calls from {country_code} have no single prefix")
    return {"dialled": re.sub("[^0-9]", "", text), "formatted": text}


# ---------------------------------------------------------------- MobileNetworks
mobile = Tool("MobileNetworks", "Communication", "Mobile networks and devices by their numbers.")


@lru_cache(maxsize=1)
def _networks() -> dict[str, dict[str, dict[str, str]]]:
    """Facts of the networks by mobile country code and mobile network code."""
    from stdnum import numdb

    out: dict[str, dict[str, dict[str, str]]] = {}
    for _, mcc, last, _, networks in numdb.get("imsi").prefixes:
        for each in range(int(mcc), int(last) + 1):
            known = out.setdefault(f"{each:03d}", {})
            known.update({low: facts for _, low, high, facts, _ in networks if low == high})
    return out


@lru_cache(maxsize=1)
def _country_of_mcc() -> dict[str, str]:
    """The country that most networks of a mobile country code are in."""
    out = {}
    for mcc, networks in sorted(_networks().items()):
        count = Counter(facts["cc"].upper() for facts in networks.values() if facts.get("cc"))
        if count:
            out[mcc] = max(sorted(count), key=lambda country: count[country])
    return out


def _network(digits: str) -> Response:
    """The network at the start of an IMSI."""
    networks = _networks().get(digits[:3], {})
    mnc = next((digits[3:n] for n in (6, 5) if digits[3:n] in networks), "")
    facts = found(networks.get(mnc), f"network {digits[:6]}")
    plain = {key: re.sub("</?[a-z]+>", "", text) for key, text in facts.items()}
    return {
        "brand": plain.get("brand"),
        "operator": plain.get("operator"),
        "country_code": plain.get("cc", "").upper() or None,
        "country": plain.get("country"),
        "status": plain.get("status"),
        "mcc": digits[:3],
        "mnc": mnc,
    }


@mobile.api(
    "Mobile network and country of an IMSI, the number of a SIM card.",
    {"imsi": takes("imsi", "429011234567890")},
    {
        "brand": gives(
            "text",
            "the brand of the mobile network that {imsi} belongs to",
            ask="Which brand has the mobile network that {imsi} belongs to?",
        ),
        "operator": gives("text", "the operator of the mobile network that {imsi} belongs to"),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country whose mobile network {imsi} belongs to",
            entity="the country whose mobile network {imsi} belongs to",
        ),
    },
    libs=("stdnum",),
)
def imsi_info(imsi: str) -> Response:
    digits = re.sub("[ -]", "", imsi)
    if not re.fullmatch("[0-9]{14,15}", digits):
        raise HubError(f"{imsi} is not an IMSI of 14 or 15 digits", 400)
    return _network(digits)


@mobile.api(
    "Brand, operator and country of a mobile network by its code (MCC and MNC).",
    {"plmn": takes("plmn", "26202")},
    {
        "brand": gives("text", "the brand of the mobile network with {plmn}"),
        "operator": gives("text", "the operator of the mobile network with {plmn}"),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country of the mobile network with {plmn}",
            entity="the country of the mobile network with {plmn}",
        ),
    },
    libs=("stdnum",),
)
def network(plmn: str) -> Response:
    if not re.fullmatch("[0-9]{5,6}", plmn):
        raise HubError(f"{plmn} is not a code of 5 or 6 digits", 400)
    return _network(plmn)


@mobile.api(
    "The mobile country codes (MCC) of a country.",
    {"country_code": takes("country_code", "JP")},
    {
        "mcc": gives(
            "mcc",
            "the lowest mobile country code (MCC) of {country_code}",
            ask="What is the mobile country code (MCC; the lowest, if there are several) of "
            "{country_code}?",
        )
    },
    libs=("stdnum",),
)
def mcc_of_country(country_code: str) -> Response:
    codes = [mcc for mcc, c in _country_of_mcc().items() if c == country_code.upper()]
    return {"mcc": found(codes, f"mobile country code of {country_code}")[0], "all": codes}


@mobile.api(
    "The country of a mobile country code (MCC).",
    {"mcc": takes("mcc", "440")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country with {mcc}",
            entity="the country with {mcc}",
        )
    },
    libs=("stdnum",),
)
def country_of_mcc(mcc: str) -> Response:
    return {"country_code": found(_country_of_mcc().get(mcc), f"mobile country code {mcc}")}


@mobile.api(
    "Whether an IMEI, the number of a mobile device, has the right check digit.",
    {"imei": takes("imei", "490154203237518")},
    {
        "valid": gives(
            "bool",
            "the validity (true or false) of the check digit of {imei}",
            ask="Is the check digit of {imei} right (true or false)?",
        ),
        "check_digit": gives(
            "text",
            "the check digit that belongs to the first 14 digits of {imei}",
        ),
    },
)
def imei_check(imei: str) -> Response:
    digits = re.sub("[ -]", "", imei)
    if not re.fullmatch("[0-9]{15}", digits):
        raise HubError(f"{imei} is not an IMEI of 15 digits", 400)
    right = _luhn(digits[:14])
    return {
        "valid": digits[14] == right,
        "check_digit": right,
        "type_allocation_code": digits[:8],
        "serial_number": digits[8:14],
    }


def _luhn(digits: str) -> str:
    """The check digit of the Luhn algorithm."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[::-2]]
    return str(-(sum(doubled) + sum(map(int, digits[-2::-2]))) % 10)


# ---------------------------------------------------------------- EmailSyntax
syntax = Tool(
    "EmailSyntax", "Communication", "Check e-mail addresses by the RFCs.", ("email_validator",)
)


@syntax.api(
    "Check the syntax of an e-mail address, and give its normal form and its domain.",
    {"email": takes("email", "Foo.Bar+tag@Exämple.com")},
    {
        "domain": gives("domain", "the domain, in lower case, of {email}"),
        "normalized": gives("email", "the normal form, with the domain in lower case, of {email}"),
        "ascii_domain": gives("domain", "the domain of {email} in ASCII (Punycode)"),
    },
)
def email_check(email: str) -> Response:
    from email_validator import EmailNotValidError, validate_email

    try:
        known = validate_email(email, check_deliverability=False)
    except EmailNotValidError as error:
        raise HubError(str(error), 400) from None
    return {
        "valid": True,
        "normalized": known.normalized,
        "local_part": known.local_part,
        "domain": known.domain,
        "ascii_domain": known.ascii_domain,
    }


# ---------------------------------------------------------------- MailAddresses
mail = Tool("MailAddresses", "Communication", "The parts of an e-mail address.")


@mail.api(
    "Mailbox, tag (after +) and domain of an e-mail address.",
    {"email": takes("email", "press+news@example.co.uk")},
    {
        "domain": gives(
            "domain",
            "the domain, in lower case, of {email}",
            "the part after the at sign, in lower case, of {email}",
        ),
        "mailbox": gives("text", "the part before the at sign, without a tag after +, of {email}"),
        "plain": gives(
            "email",
            "the e-mail address, with the domain in lower case, that is left of {email} without "
            "a tag after +",
        ),
    },
)
def split_address(email: str) -> Response:
    local, at, domain = email.rpartition("@")
    if not at or not local or " " in email or "." not in domain.strip("."):
        raise HubError(f"{email} is not an e-mail address", 400)
    mailbox, _, tag = local.partition("+")
    host = domain.lower()
    return {"domain": host, "mailbox": mailbox, "tag": tag or None, "plain": f"{mailbox}@{host}"}


# ---------------------------------------------------------------- RadioCodes
radio = Tool("RadioCodes", "Communication", "Morse code and the radio spelling alphabet.")


@radio.api(
    "A word in international Morse code.",
    {"word": takes("word", "lantern")},
    {
        "morse": gives(
            "morse",
            "the international Morse code, with a space between the letters, of {word}",
            ask="What is {word} in international Morse code, with a space between the letters?",
        ),
        "dots": gives("count", "the number of dots in the international Morse code of {word}"),
    },
)
def to_morse(word: str) -> Response:
    if unknown := sorted({c for c in word.upper() if c not in MORSE}):
        raise HubError(f"no Morse code for: {' '.join(unknown)}", 400)
    code = " ".join(MORSE[c] for c in word.upper())
    return {"morse": code, "dots": code.count("."), "dashes": code.count("-")}


@radio.api(
    "The word that international Morse code stands for; a space between the letters.",
    {"morse": takes("morse", "... --- ...")},
    {
        "word": gives(
            "word",
            "the word, in lower case, that {morse} stands for in international Morse code",
            ask="Which word is {morse} in international Morse code?",
        )
    },
)
def from_morse(morse: str) -> Response:
    letters = {code: letter for letter, code in MORSE.items()}
    if unknown := sorted({code for code in morse.split() if code not in letters}):
        raise HubError(f"no Morse code: {' '.join(unknown[:5])}", 400)
    return {"word": "".join(letters[code] for code in morse.split()).lower()}


@radio.api(
    "A word in the international radio spelling alphabet (Alfa, Bravo ..).",
    {"word": takes("word", "lantern")},
    {
        "spelling": gives(
            "text",
            "the code words, with spaces between them, that spell {word} in the international "
            "radio spelling alphabet (Alfa, Bravo ..)",
        ),
        "first": gives(
            "word",
            "the code word for the first letter of {word} in the international radio spelling "
            "alphabet (Alfa, Bravo ..)",
        ),
    },
)
def spell_word(word: str) -> Response:
    if not re.fullmatch("[a-zA-Z]+", word):
        raise HubError(f"{word} has other characters than the letters A to Z", 400)
    names = [SPELLING[ord(letter) - ord("A")] for letter in word.upper()]
    return {"spelling": " ".join(names), "first": names[0]}


# ---------------------------------------------------------------- entities
# Examples of fixed lines and of mobiles, as in libphonenumber.
PHONES: Final = (
    "+12015550123", "+15062345678", "+441212345678", "+447400123456", "+4930123456",
    "+4915123456789", "+33123456789", "+33612345678", "+81312345678", "+819012345678",
    "+551123456789", "+5511961234567", "+917410410123", "+918123456789", "+390212345678",
    "+393123456789", "+34612345678", "+61212345678", "+61412345678", "+31101234567", "+31612345678",
    "+468123456", "+46701234567", "+4721234567", "+4740612345", "+4532123456", "+4534412345",
    "+358131234567", "+358412345678", "+48123456789", "+48512345678", "+420212345678",
    "+420601123456", "+431234567890", "+43664123456", "+41212345678", "+41781234567", "+3212345678",
    "+32450001234", "+351212345678", "+351912345678", "+302123456789", "+306912345678",
    "+3532212345", "+353850123456", "+902123456789", "+905012345678", "+73011234567",
    "+380311234567", "+380501234567", "+861012345678", "+8613123456789", "+8222123456",
    "+821020000000", "+6621234567", "+66812345678", "+842101234567", "+84912345678", "+62812345678",
    "+60123456789", "+63232345678", "+639051234567", "+6561234567", "+6581234567", "+923012345678",
    "+8801812345678", "+20234567890", "+201001234567", "+27101234567", "+27711234567",
    "+2342033123456", "+254202012345", "+212520123456", "+233302345678", "+255222345678",
    "+251111112345", "+541123456789", "+576012345678", "+5111234567", "+582121234567",
    "+59821231234", "+966112345678", "+97122345678", "+97221234567", "+982123456789", "+6432345678",
    "+3612345678", "+40211234567", "+3592123456", "+38110234567", "+38512345678", "+421221234567",
    "+37031234567", "+37163123456", "+3723212345", "+85221234567", "+94112345678",
)  # fmt: skip
PLMNS: Final = (
    "26201", "26202", "20801", "20810", "20820", "23410", "23415", "23430", "310410", "311480",
    "44010", "44020", "44051", "45005", "45006", "45008", "46000", "46001", "46011", "22201",
    "22210", "22288", "21401", "21403", "21407", "26801", "26803", "26806", "20404", "20408",
    "20416", "20601", "20610", "20620", "22801", "22802", "22803", "23203", "23205", "23801",
    "23806", "24001", "24007", "24201", "24202", "24405", "24412", "24491", "26001", "26003",
    "26006", "25001", "25002", "25099", "28601", "28603", "334020", "72402", "72405", "72406",
    "73001", "73002", "71606", "60201", "60202", "60400", "62120", "62130", "63902", "63903",
    "65501", "65507", "65510", "42003", "42004", "42402", "42403", "42501", "42502", "42503",
    "41001", "41004", "47001", "47002", "51010", "51001", "50212", "52001", "52005", "51502",
    "51503", "52501", "52505", "45201", "45202", "45204", "46692", "46697", "53001", "53005",
    "302220", "302610", "302720", "21901", "22601", "22610", "21630", "23001", "23102", "24701",
    "24801", "28401", "27201", "27401", "43235", "41820", "42702", "61203",
)  # fmt: skip
MAILBOXES: Final = (
    "info", "press+spring", "library", "Admissions", "contact+web", "office", "editor",
    "support+de", "Sales", "events+2024", "help", "jobs+it",
)  # fmt: skip


def _calling_codes() -> list[str]:
    """Of the countries that have a million inhabitants."""
    large = {codes[0] for c, codes in _codes().items() if _people()[c] >= 1_000_000}
    return sorted(large, key=lambda code: (len(code), code))


def _mccs() -> list[str]:
    large = [mcc for mcc, c in _country_of_mcc().items() if _people().get(c, 0) >= 3_000_000]
    return [mcc for mcc in large if len(_networks()[mcc]) > 1]


def _imeis() -> list[str]:
    """Every second one with a wrong check digit."""
    out = []
    for i in range(60):
        digits = (
            f"35{(104_207 + i * 13_577) % 1_000_000:06d}{(270_911 + i * 51_749) % 1_000_000:06d}"
        )
        right = int(_luhn(digits))
        out.append(f"{digits}{right if i % 2 else (right + 1 + i % 7) % 10}")
    return out


def _emails() -> list[str]:
    hosts = [domain.removeprefix("www.") for domain in DOMAINS if domain.startswith("www.")]
    out = []
    for i, host in enumerate((*hosts, *IDN_DOMAINS[:20])):
        name = MAILBOXES[i % len(MAILBOXES)]
        out.append(f"{name}@{host.title() if i % 3 == 0 else host}")
    return out


def _morse_codes() -> list[str]:
    from .text_analysis import WORDS

    return [" ".join(MORSE[c] for c in word.upper()) for word in WORDS if len(word) <= 7]


entities(
    "calling_code",
    _calling_codes,
    says=lambda v: (f"the calling code +{v}",),
    aliases=lambda v: (f"+{v}", f"+{v[0]}-{v[1:]}"),
)
entities("phone", lambda: PHONES, says=lambda v: (f"the phone number {v}",))
entities("email", _emails, says=lambda v: (f"the e-mail address {v}",))
entities(
    "imsi",
    lambda: [f"{plmn}{(9_301_277_415 + i * 77_003_911) % 10**10:010d}"[:15]
             for i, plmn in enumerate(PLMNS)],
    says=lambda v: (f"the IMSI {v}",),
)  # fmt: skip
entities("plmn", lambda: PLMNS, says=lambda v: (f"the network code {v[:3]}-{v[3:]}",))
entities("mcc", _mccs, says=lambda v: (f"the mobile country code {v}",))
entities("imei", _imeis, says=lambda v: (f"the IMEI {v}",))
entities("morse", _morse_codes, says=lambda v: (f'"{v}"',))
