"""Transportation: vehicle identification numbers, and how countries drive; see also freight."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import sem
from .location import Response, different

sem("vin", about="vehicle identification number of 17 characters", high=17)
sem("american_vin", about="vehicle identification number of a vehicle made in North America",
    high=17, wider="vin")  # fmt: skip
sem("wmi", about="world manufacturer identifier, the first 3 characters of a VIN, as WAU", high=3)
sem("car_maker", about="maker of cars, as Audi", compare="name", links=False)
sem("vin_digit", about="check digit of a VIN: 0 to 9 or X", high=1, links=False)
sem("vehicle_sign", about="international vehicle registration code, as CH", high=3, entity=True)
sem("road_side", about="left or right", choices=("left", "right"), compare="name", links=False)

# ---------------------------------------------------------------- VinDecoder
vins = Tool(
    "VinDecoder", "Transportation", "Vehicle identification numbers by ISO 3779.", ("vininfo",)
)

# As vininfo names them, where the table of countries has another name.
COUNTRIES: Final = {
    "Bosnia & Herzogovina": "BA",
    "Czech Republic": "CZ",
    "Dom. Republic": "DO",
    "Macedonia": "MK",
    "Netherlands": "NL",
    "Serbia & Montenegro": "RS",
}
LETTERS: Final = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"),
                          strict=True))  # fmt: skip
WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
YEARS: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"


@lru_cache(maxsize=1)
def _code_of() -> dict[str, str]:
    return {**{row[3]: row[0] for row in table("countries")}, **COUNTRIES}


def _vin(text: str) -> Any:
    from vininfo import Vin
    from vininfo.exceptions import VininfoException

    try:
        return Vin(text)
    except VininfoException as error:
        raise HubError(str(error), 400) from None


def _check_digit(vin: str) -> str:
    total = sum(
        weight * (LETTERS[c] if c in LETTERS else int(c))
        for weight, c in zip(WEIGHTS, vin, strict=True)
    )
    return "0123456789X"[total % 11]


@vins.api(
    "Maker, country and region of a vehicle by its VIN, and whether the check digit (the ninth "
    "character, as in North America) is right.",
    {"vin": takes("vin", "WAUZZZ4M6JD010702")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that {vin} names for its maker",
            entity="the country that {vin} names for its maker",
        ),
        "manufacturer": gives(
            "car_maker",
            "the maker of the vehicle with {vin}",
            ask="Which company made the vehicle with {vin}?",
        ),
        "check_digit_ok": gives(
            "bool",
            "whether the check digit in {vin} is right",
            ask="Does {vin} have the right check digit?",
        ),
    },
)
def decode_vin(vin: str) -> Response:
    known = _vin(vin)
    return {
        "wmi": known.wmi,
        "country": known.country,
        "country_code": _code_of().get(known.country or ""),
        "region": known.region,
        "manufacturer": str(known.manufacturer),
        "check_digit_ok": _check_digit(known.num) == known.num[8],
        "serial": known.vis[2:],
    }


@vins.api(
    "The check digit that belongs at the ninth place of a VIN; what stands there is not regarded.",
    {"vin": takes("vin", "1M8GDM9AXKP042788")},
    {
        "check_digit": gives(
            "vin_digit",
            "the check digit (0 to 9 or X) that belongs at the ninth place of {vin}",
        )
    },
)
def vin_check_digit(vin: str) -> Response:
    return {"check_digit": _check_digit(_vin(vin).num)}


@vins.api(
    "Model year of a vehicle made in North America: the tenth character of its VIN; the seventh "
    "tells the years from 2010 on (a letter) from those before (a digit).",
    {"vin": takes("american_vin", "1HGCM82633A004352")},
    {
        "year": gives(
            "year",
            "the model year of the vehicle with {vin}",
            ask="Of which model year is the vehicle with {vin}?",
        )
    },
)
def model_year(vin: str) -> Response:
    known = _vin(vin).num
    if known[0] not in "12345":
        raise HubError("the model year can be told for vehicles from North America only", 400)
    if known[9] not in YEARS:
        raise HubError(f"{known[9]} stands for no model year", 400)
    return {"year": 1980 + YEARS.index(known[9]) + 30 * known[6].isalpha()}


@vins.api(
    "Maker and country of a world manufacturer identifier, the first three characters of a VIN.",
    {"wmi": takes("wmi", "WAU")},
    {
        "manufacturer": gives(
            "car_maker",
            "the maker of vehicles whose VIN begins with {wmi}",
            ask="Which company makes the vehicles whose VIN begins with {wmi}?",
        ),
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country of the maker whose VINs begin with {wmi}",
            entity="the country of the maker whose VINs begin with {wmi}",
        ),
    },
)
def wmi_info(wmi: str) -> Response:
    from vininfo.dicts import WMI

    text = wmi.upper()
    found(WMI.get(text), f"manufacturer {wmi}")
    known = _vin(f"{text}AAAAAAAAAAAAAA")
    return {
        "manufacturer": str(known.manufacturer),
        "country": known.country,
        "country_code": _code_of().get(known.country or ""),
    }


# ---------------------------------------------------------------- RoadAtlas
roads = Tool(
    "RoadAtlas", "Transportation", "Driving sides and the country signs that vehicles carry."
)

# Distinguishing signs of vehicles in international traffic, by the lists of the United Nations.
SIGN_TABLE: Final = (
    "AE=UAE AF=AFG AL=AL AM=AM AR=RA AT=A AU=AUS AZ=AZ BA=BIH BD=BD BE=B BF=BF BG=BG BH=BRN "
    "BO=BOL BR=BR BW=BW BY=BY CA=CDN CF=RCA CG=RCB CH=CH CI=CI CL=RCH CM=CAM CO=CO CR=CR "
    "CY=CY CZ=CZ DE=D DK=DK DO=DOM DZ=DZ EC=EC EE=EST EG=ET ES=E ET=ETH FI=FIN FR=F GA=G "
    "GB=UK GE=GE GH=GH GM=WAG GR=GR GT=GCA GY=GUY HR=HR HT=RH HU=H ID=RI IE=IRL IL=IL IN=IND "
    "IQ=IRQ IR=IR IS=IS IT=I JM=JA JO=HKJ JP=J KE=EAK KH=K KR=ROK KW=KWT KZ=KZ LA=LAO LB=RL "
    "LI=FL LK=CL LS=LS LT=LT LU=L LV=LV LY=LAR MA=MA MC=MC MD=MD MG=RM MK=NMK ML=RMM MN=MGL "
    "MR=RIM MT=M MU=MS MW=MW MX=MEX MY=MAL MZ=MOC NA=NAM NE=RN NG=WAN NI=NIC NL=NL NO=N "
    "NP=NEP NZ=NZ PA=PA PE=PE PG=PNG PH=RP PK=PK PL=PL PT=P PY=PY QA=Q RO=RO RS=SRB RU=RUS "
    "RW=RWA SD=SUD SE=S SG=SGP SI=SLO SK=SK SL=WAL SM=RSM SN=SN SO=SO SR=SME SV=ES SY=SYR "
    "TH=T TJ=TJ TM=TM TN=TN TR=TR TT=TT TZ=EAT UA=UA UG=EAU US=USA UZ=UZ VA=V VE=YV VN=VN "
    "ZA=ZA ZM=Z ZW=ZW"
)
SIGNS: Final = dict(pair.split("=") for pair in SIGN_TABLE.split())
LEFT: Final = (
    "AG AI AU BB BD BM BN BS BT BW CC CK CX CY DM FJ FK GB GD GG GY HK ID IE IM IN JE JM JP KE KI "
    "KN KY LC LK LS MO MS MT MU MV MW MY MZ NA NF NP NR NU NZ PG PK PN SB SC SG SH SR SZ TC TH TK "
    "TL TO TT TV TZ UG VC VG VI WS ZA ZM ZW"
)


@roads.api(
    "On which side of the road one drives in a country.",
    {"country_code": takes("country_code", "JP")},
    {
        "side": gives(
            "road_side",
            "the side of the road (left or right) on which one drives in {country_code}",
            ask="On which side of the road, left or right, does one drive in {country_code}?",
        )
    },
)
def driving_side(country_code: str) -> Response:
    code = country_code.upper()
    names = {row[0] for row in table("countries")}
    found(code if code in names else None, f"country {country_code}")
    return {"side": "left" if code in LEFT.split() else "right"}


@roads.api(
    "The distinguishing sign that vehicles of a country carry in international traffic.",
    {"country_code": takes("country_code", "CH")},
    {
        "sign": gives(
            "vehicle_sign",
            "the international vehicle registration code of {country_code}",
            "the country sign that vehicles of {country_code} carry abroad",
            entity="{country_code}",
        )
    },
)
def vehicle_sign(country_code: str) -> Response:
    return {"sign": found(SIGNS.get(country_code.upper()), f"sign of {country_code}")}


@roads.api(
    "The country whose vehicles carry a distinguishing sign in international traffic.",
    {"sign": takes("vehicle_sign", "RA")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of {sign}",
            entity="{sign}",
        )
    },
)
def country_of_sign(sign: str) -> Response:
    codes = [code for code, each in SIGNS.items() if each == sign.upper()]
    return {"country_code": found(codes, f"sign {sign}")[0]}


@roads.api(
    "Whether two countries drive on the same side of the road.",
    {"country_1": takes("country_code", "TH"), "country_2": takes("country_code", "LA")},
    {
        "same": gives(
            "bool",
            "whether one drives on the same side of the road in {country_1} and {country_2}",
            ask="Does one drive on the same side of the road in {country_1} and {country_2}?",
        )
    },
)
def same_side(country_1: str, country_2: str) -> Response:
    different(country_1.upper(), country_2.upper())
    first, second = driving_side(country_1)["side"], driving_side(country_2)["side"]
    return {"same": first == second, "side_1": first, "side_2": second}


# ---------------------------------------------------------------- entities
WMIS: Final = (
    "WAU WBA WDB WVW WMW WME TMB TRU VF1 VF3 VF7 VSS YV1 YS3 ZFA ZFF ZAR ZHW SAL SAJ SCC JHM JTD "
    "JA3 MAL MA3 MR0 NMT SB1 TSM XTA 9BW 93H 3VW 5YJ 1G1 1GC 1J4 1HD 2C3"
)


def _vins() -> list[str]:
    """Made up with true manufacturers and model years; most have the right check digit."""
    rng = Random(17)
    out = []
    for wmi in WMIS.split() * 4:
        year = rng.randrange(1985, 2026)
        body = [rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ123456789") for _ in range(5)]
        body[3] = rng.choice("ABCDEFGHJKLMNPR" if year >= 2010 else "123456789")
        tail = rng.choice("ABCDEFGHJKLMNPR") + f"{rng.randrange(1_000_000):06d}"
        vin = wmi + "".join(body) + "0" + YEARS[(year - 1980) % 30] + tail
        digit = _check_digit(vin) if rng.random() < 0.7 else rng.choice("0123456789X")
        out.append(vin[:8] + digit + vin[9:])
    return sorted(out)


def _vin_words(vin: str) -> list[str]:
    return [f"the VIN {vin}"]


entities("vin", _vins, says=_vin_words)
entities("american_vin", lambda: [vin for vin in _vins() if vin[0] in "12345"], says=_vin_words)
entities("wmi", lambda: WMIS.split())
entities("vehicle_sign", lambda: sorted(SIGNS.values()),
         says=lambda sign: (f"the country whose vehicles carry the sign {sign}",))  # fmt: skip
