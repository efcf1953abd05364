"""Transportation: the numbers of containers, ships, air waybills and railway vehicles."""

from __future__ import annotations

import re
from random import Random
from typing import Any, Final

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import sem
from .location import Response, fold

sem("container", about="container number by ISO 6346, as CSQU3054383", high=13)
sem("container_stem", about="container number without its check digit, as CSQU305438", high=12)
sem("imo", about="IMO number of a ship, as 9074729", high=11)
sem("imo_stem", about="the first six digits of an IMO number, as 907472", high=6)
sem("air_waybill", about="air waybill number of 11 digits, as 020-58717481", high=13)
sem("waybill_serial", about="seven-digit serial number of an air waybill, as 5871748", high=7)
sem("waybill_prefix", about="three-digit air waybill prefix, as 020", high=3, entity=True)
sem("cargo_airline", about="airline that carries freight, as Lufthansa", high=60, compare="name")
sem("rail_vehicle", about="12-digit number of a railway vehicle, as 31 81 665 0 286-0", high=20)
sem("rail_stem", about="railway vehicle number without its check digit, 11 digits", high=20)
sem("uic_code", about="two-digit railway code of a country, as 80", high=2, entity=True)
sem("airline_designator", about="two-letter IATA code of an airline, as LH", high=2, links=False)
sem("freight_company", about="shipping company", compare="name", links=False)
sem("freight_number", about="full number with its check digit", high=13, links=False)
sem("freight_digit", about="check digit, 0 to 9", high=1, links=False)

# ---------------------------------------------------------------- ContainerAndShipIds
ids = Tool(
    "ContainerAndShipIds",
    "Transportation",
    "Check digits of container numbers (ISO 6346) and ship numbers (IMO), and owners' prefixes.",
    ("stdnum",),
)

# Owner's prefix: company, country of its seat.
OWNERS: Final = {
    "ARKU": ("Arkas Line", "TR"),
    "CBHU": ("COSCO Shipping Lines", "CN"),
    "CGMU": ("CMA CGM", "FR"),
    "CMAU": ("CMA CGM", "FR"),
    "EGHU": ("Evergreen Marine", "TW"),
    "EISU": ("Evergreen Marine", "TW"),
    "EMCU": ("Evergreen Marine", "TW"),
    "HDMU": ("HMM", "KR"),
    "HLCU": ("Hapag-Lloyd", "DE"),
    "HLXU": ("Hapag-Lloyd", "DE"),
    "HMMU": ("HMM", "KR"),
    "KKFU": ("K Line", "JP"),
    "MAEU": ("Maersk", "DK"),
    "MATU": ("Matson", "US"),
    "MEDU": ("MSC Mediterranean Shipping Company", "CH"),
    "MSCU": ("MSC Mediterranean Shipping Company", "CH"),
    "MSKU": ("Maersk", "DK"),
    "MRKU": ("Maersk", "DK"),
    "NYKU": ("NYK Line", "JP"),
    "ONEU": ("Ocean Network Express", "SG"),
    "OOLU": ("Orient Overseas Container Line", "HK"),
    "PCIU": ("Pacific International Lines", "SG"),
    "SUDU": ("Hamburg Süd", "DE"),
    "WHLU": ("Wan Hai Lines", "TW"),
    "YMLU": ("Yang Ming Marine Transport", "TW"),
    "ZIMU": ("ZIM Integrated Shipping Services", "IL"),
}


def _digits(text: str, count: int, what: str) -> str:
    """The digits of a number, which may be written with blanks, hyphens and dots."""
    plain = text.translate(str.maketrans("", "", " -.")).upper().removeprefix("IMO")
    if len(plain) != count or not (plain.isascii() and plain.isdigit()):
        raise HubError(f"{what} must have {count} digits", 400)
    return plain


def _container(text: str, count: int) -> str:
    plain = text.translate(str.maketrans("", "", " -")).upper()
    letters, numbers = plain[:4], plain[4:]
    right = len(plain) == count and letters.isascii() and letters.isalpha()
    if not right or letters[3] not in "UJZ" or not (numbers.isascii() and numbers.isdigit()):
        raise HubError(f"expected four letters, the last U, J or Z, and {count - 4} digits", 400)
    return plain


@ids.api(
    "Whether the check digit of a container number is right.",
    {"number": takes("container", "CSQU3054383")},
    {
        "valid": gives(
            "bool",
            "whether the check digit in {number} is right",
            ask="Does {number} have the right check digit?",
        )
    },
)
def check_container(number: str) -> Response:
    from stdnum.iso6346 import calc_check_digit

    plain = _container(number, 11)
    digit = str(calc_check_digit(plain[:10]))
    return {"valid": digit == plain[10], "owner_prefix": plain[:4], "serial": plain[4:10]}


@ids.api(
    "The check digit of a container number of which the first ten characters are known.",
    {"stem": takes("container_stem", "CSQU305438")},
    {
        "check_digit": gives(
            "freight_digit",
            "the check digit by ISO 6346 of the container number that begins with {stem}",
        ),
        "number": gives(
            "freight_number", "the full container number by ISO 6346 that begins with {stem}"
        ),
    },
)
def container_check_digit(stem: str) -> Response:
    from stdnum.iso6346 import calc_check_digit

    plain = _container(stem, 10)
    digit = str(calc_check_digit(plain))
    return {"check_digit": digit, "number": plain + digit}


@ids.api(
    "The shipping company that owns a container by the prefix of its number, and the country of "
    "the company's seat. Only the prefixes of large shipping companies are known.",
    {"number": takes("container", "MSKU3054389")},
    {
        "owner": gives(
            "freight_company",
            "the shipping company that owns the container with {number}",
            ask="Which shipping company owns the container with {number}?",
        ),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the home country of the shipping company that owns the "
            "container with {number}",
            entity="the home country of the shipping company that owns the container with {number}",
        ),
    },
)
def container_owner(number: str) -> Response:
    prefix = _container(number, 11)[:4]
    owner, country = found(OWNERS.get(prefix), f"owner of {prefix}")
    return {"owner": owner, "country_code": country, "prefix": prefix}


@ids.api(
    "Whether the check digit of a ship's IMO number is right.",
    {"number": takes("imo", "9074729")},
    {
        "valid": gives(
            "bool",
            "whether the check digit in {number} is right",
            ask="Does {number} have the right check digit?",
        )
    },
)
def check_imo(number: str) -> Response:
    from stdnum.imo import calc_check_digit

    plain = _digits(number, 7, "an IMO number")
    return {"valid": str(calc_check_digit(plain[:6])) == plain[6], "number": plain}


@ids.api(
    "The check digit of an IMO number of which the first six digits are known.",
    {"stem": takes("imo_stem", "907472")},
    {
        "check_digit": gives(
            "freight_digit", "the check digit of the IMO ship number that begins with {stem}"
        ),
        "number": gives("freight_number", "the full IMO ship number that begins with {stem}"),
    },
)
def imo_check_digit(stem: str) -> Response:
    from stdnum.imo import calc_check_digit

    plain = _digits(stem, 6, "the beginning of an IMO number")
    digit = str(calc_check_digit(plain))
    return {"check_digit": digit, "number": plain + digit}


# ---------------------------------------------------------------- AirWaybills
waybills = Tool(
    "AirWaybills", "Transportation", "Air waybill numbers: airline prefixes and check digits."
)

# Prefix: airline, its two-letter IATA code, its home country.
AIRLINE_TABLE: Final = """
001 American Airlines/AA/US     006 Delta Air Lines/DL/US       014 Air Canada/AC/CA
016 United Airlines/UA/US       020 Lufthansa/LH/DE             023 FedEx Express/FX/US
027 Alaska Airlines/AS/US       045 LATAM Airlines Chile/LA/CL  047 TAP Air Portugal/TP/PT
053 Aer Lingus/EI/IE            057 Air France/AF/FR            065 Saudia/SV/SA
071 Ethiopian Airlines/ET/ET    072 Gulf Air/GF/BH              074 KLM/KL/NL
075 Iberia/IB/ES                077 EgyptAir/MS/EG              079 Philippine Airlines/PR/PH
080 LOT Polish Airlines/LO/PL   081 Qantas/QF/AU                083 South African Airways/SA/ZA
086 Air New Zealand/NZ/NZ       098 Air India/AI/IN             105 Finnair/AY/FI
108 Icelandair/FI/IS            114 El Al/LY/IL                 115 Air Serbia/JU/RS
125 British Airways/BA/GB       126 Garuda Indonesia/GA/ID      131 Japan Airlines/JL/JP
134 Avianca/AV/CO               139 Aeromexico/AM/MX            147 Royal Air Maroc/AT/MA
157 Qatar Airways/QR/QA         160 Cathay Pacific/CX/HK        172 Cargolux/CV/LU
176 Emirates/EK/AE              180 Korean Air/KE/KR            205 All Nippon Airways/NH/JP
217 Thai Airways/TG/TH          229 Kuwait Airways/KU/KW        230 Copa Airlines/CM/PA
232 Malaysia Airlines/MH/MY     235 Turkish Airlines/TK/TR      239 Air Mauritius/MK/MU
257 Austrian Airlines/OS/AT     260 Fiji Airways/FJ/FJ          297 China Airlines/CI/TW
369 Atlas Air/5Y/US             390 Aegean Airlines/A3/GR       406 UPS Airlines/5X/US
465 Air Astana/KC/KZ            512 Royal Jordanian/RJ/JO       555 Aeroflot/SU/RU
603 SriLankan Airlines/UL/LK    607 Etihad Airways/EY/AE        618 Singapore Airlines/SQ/SG
657 airBaltic/BT/LV             695 EVA Air/BR/TW               706 Kenya Airways/KQ/KE
724 Swiss/LX/CH                 738 Vietnam Airlines/VN/VN      771 Azerbaijan Airlines/J2/AZ
781 China Eastern Airlines/MU/CN    784 China Southern Airlines/CZ/CN
880 Hainan Airlines/HU/CN       910 Oman Air/WY/OM              932 Virgin Atlantic/VS/GB
988 Asiana Airlines/OZ/KR       996 Air Europa/UX/ES
997 Biman Bangladesh Airlines/BG/BD    999 Air China/CA/CN
"""
AIRLINES: Final = {
    prefix: facts
    for prefix, *facts in re.findall(r"(\d{3}) ([^/]+)/(\w\w)/([A-Z]{2})", AIRLINE_TABLE)
}


def _airline(prefix: str) -> dict[str, Any]:
    name, code, country = found(AIRLINES.get(prefix), f"airline with prefix {prefix}")
    return {"airline": name, "prefix": prefix, "iata_code": code, "country_code": country}


@waybills.api(
    "The airline that issued an air waybill, its home country, and whether the check digit is "
    "right.",
    {"number": takes("air_waybill", "020-58717481")},
    {
        "airline": gives(
            "cargo_airline",
            "the airline that issued {number}",
            ask="Which airline issued {number}?",
        ),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the home country of the airline that issued {number}",
            entity="the home country of the airline that issued {number}",
        ),
        "valid": gives(
            "bool",
            "whether the check digit in {number} is right",
            ask="Does {number} have the right check digit?",
        ),
    },
)
def decode_waybill(number: str) -> Response:
    plain = _digits(number, 11, "an air waybill number")
    return {**_airline(plain[:3]), "valid": int(plain[3:10]) % 7 == int(plain[10])}


@waybills.api(
    "The check digit that follows the seven-digit serial number of an air waybill.",
    {"serial": takes("waybill_serial", "5871748")},
    {
        "check_digit": gives(
            "freight_digit",
            "the check digit that follows the serial number {serial} on an air waybill",
        )
    },
)
def waybill_check_digit(serial: str) -> Response:
    return {"check_digit": str(int(_digits(serial, 7, "a serial number")) % 7)}


@waybills.api(
    "Air waybill prefix, two-letter IATA code and home country of an airline.",
    {"airline": takes("cargo_airline", "Cargolux")},
    {
        "prefix": gives(
            "waybill_prefix",
            "the three-digit air waybill prefix of {airline}",
            entity="{airline}",
        ),
        "iata_code": gives("airline_designator", "the two-letter IATA code of {airline}"),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the home country of {airline}",
            entity="the home country of {airline}",
        ),
    },
)
def airline_prefix(airline: str) -> Response:
    prefixes = [prefix for prefix, (name, *_) in AIRLINES.items() if fold(name) == fold(airline)]
    return _airline(found(prefixes, f"airline {airline}")[0])


@waybills.api(
    "The airline that has a three-digit air waybill prefix.",
    {"prefix": takes("waybill_prefix", "172")},
    {
        "airline": gives("cargo_airline", "the name of {prefix}", entity="{prefix}"),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the home country of {prefix}",
            entity="the home country of {prefix}",
        ),
    },
)
def airline_of_prefix(prefix: str) -> Response:
    return _airline(prefix.zfill(3))


# ---------------------------------------------------------------- RailVehicles
rail = Tool(
    "RailVehicles",
    "Transportation",
    "Numbers of railway vehicles and the railway codes of countries, by UIC leaflet 920-14.",
)

UIC_TABLE: Final = (
    "10=FI 20=RU 21=BY 22=UA 23=MD 24=LT 25=LV 26=EE 27=KZ 28=GE 29=UZ 30=KP 31=MN 32=VN 33=CN "
    "40=CU 41=AL 42=JP 49=BA 51=PL 52=BG 53=RO 54=CZ 55=HU 56=SK 57=AZ 58=AM 59=KG 60=IE 61=KR "
    "62=ME 65=MK 66=TJ 67=TM 70=GB 71=ES 72=RS 73=GR 74=SE 75=TR 76=NO 78=HR 79=SI 80=DE 81=AT "
    "82=LU 83=IT 84=NL 85=CH 86=DK 87=FR 88=BE 90=EG 91=TN 92=DZ 93=MA 94=PT 95=IL 96=IR 97=SY "
    "98=LB 99=IQ"
)
UIC: Final = dict(pair.split("=") for pair in UIC_TABLE.split())


def _luhn(digits: str) -> str:
    """The check digit by Luhn's formula."""
    doubled = (int(d) * (2 - i % 2) for i, d in enumerate(reversed(digits)))
    return str(-sum(n // 10 + n % 10 for n in doubled) % 10)


@rail.api(
    "The country in which a railway vehicle is registered, and whether the check digit is right.",
    {"number": takes("rail_vehicle", "31 81 665 0 286-0")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country in which the vehicle with {number} is registered",
            entity="the country in which the vehicle with {number} is registered",
        ),
        "valid": gives(
            "bool",
            "whether the check digit in {number} is right",
            ask="Does {number} have the right check digit?",
        ),
    },
)
def decode_vehicle(number: str) -> Response:
    plain = _digits(number, 12, "the number of a railway vehicle")
    country = found(UIC.get(plain[2:4]), f"country with railway code {plain[2:4]}")
    return {
        "uic_code": plain[2:4],
        "country_code": country,
        "type": plain[:2],
        "valid": _luhn(plain[:11]) == plain[11],
    }


@rail.api(
    "The check digit of a railway vehicle's number of which the first eleven digits are known.",
    {"stem": takes("rail_stem", "31 81 665 0 286")},
    {
        "check_digit": gives(
            "freight_digit",
            "the check digit of the railway vehicle number that begins with {stem}",
        )
    },
)
def vehicle_check_digit(stem: str) -> Response:
    return {"check_digit": _luhn(_digits(stem, 11, "the beginning of a number"))}


@rail.api(
    "The two-digit railway code (UIC) of a country.",
    {"country_code": takes("country_code", "CH")},
    {
        "uic_code": gives(
            "uic_code",
            "the two-digit UIC railway code of {country_code}",
            entity="{country_code}",
        )
    },
)
def railway_code(country_code: str) -> Response:
    codes = [code for code, country in UIC.items() if country == country_code.upper()]
    return {"uic_code": found(codes, f"railway code of {country_code}")[0]}


@rail.api(
    "The country that has a two-digit railway code (UIC).",
    {"uic_code": takes("uic_code", "85")},
    {
        "country_code": gives(
            "country_code", "the ISO alpha-2 code of {uic_code}", entity="{uic_code}"
        )
    },
)
def country_of_railway_code(uic_code: str) -> Response:
    return {"country_code": found(UIC.get(uic_code), f"railway code {uic_code}")}


# ---------------------------------------------------------------- entities
SHIPS: Final = (
    "9811000 9321483 9383936 9383948 9744001 9682875 9838345 9829930 9863297 9703291 9320556 "
    "9477438 9241061 9320544 9304033 9074729 9319466 8814275"
)


def _spoiled(rng: Random, number: str) -> str:
    """The number, at times with a check digit that may be wrong."""
    return number if rng.random() < 0.6 else number[:-1] + str(rng.randrange(10))


def _containers() -> list[str]:
    from stdnum.iso6346 import calc_check_digit

    rng = Random(3)
    stems = [f"{prefix}{rng.randrange(1_000_000):06d}" for prefix in sorted(OWNERS) * 3]
    return [_spoiled(rng, stem + calc_check_digit(stem)) for stem in stems]


def _ships() -> list[str]:
    """Numbers of well-known ships, and some with a wrong digit."""
    rng = Random(5)
    known = SHIPS.split()
    wrong = [number[:5] + str((int(number[5]) + rng.randrange(1, 9)) % 10) + number[6]
             for number in known]  # fmt: skip
    return sorted({*known, *wrong})


def _waybills() -> list[str]:
    rng = Random(7)
    out = []
    for prefix in sorted(AIRLINES) * 2:
        serial = rng.randrange(1_000_000, 10_000_000)
        out.append(_spoiled(rng, f"{prefix}-{serial}{serial % 7}"))
    return out


def _vehicles() -> list[str]:
    rng = Random(9)
    out = []
    for code in sorted(UIC) * 2:
        kind = rng.choice(("31", "33", "37", "50", "61", "80", "91", "94"))
        stem = f"{kind}{code}{rng.randrange(10_000_000):07d}"
        number = _spoiled(rng, stem + _luhn(stem))
        out.append(f"{kind} {code} {number[4:8]} {number[8:11]}-{number[11]}")
    return out


entities("container", _containers, says=lambda n: (f"the container number {n}",))
entities("container_stem", lambda: [number[:10] for number in _containers()])
entities("imo", _ships, says=lambda n: (f"the IMO ship number {n}",))
entities("imo_stem", lambda: sorted({number[:6] for number in _ships()}))
entities("air_waybill", _waybills, says=lambda n: (f"the air waybill {n}",))
entities("waybill_serial", lambda: [number[4:11] for number in _waybills()])
entities("waybill_prefix", lambda: sorted(AIRLINES),
         says=lambda code: (f"the airline with the air waybill prefix {code}",))  # fmt: skip
entities("cargo_airline", lambda: sorted(name for name, *_ in AIRLINES.values()))
entities("rail_vehicle", _vehicles, says=lambda n: (f"the railway vehicle number {n}",))
entities("rail_stem", lambda: [number[:-2] for number in _vehicles()])
entities("uic_code", lambda: sorted(UIC),
         says=lambda code: (f"the country with the UIC railway code {code}",))  # fmt: skip
