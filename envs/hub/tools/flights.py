"""Travel: who flies where in the United States, and the airports that tasks are about."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Final

from ..entities import entities
from ..pack import table
from ..registry import Tool, found, gives, takes
from ..types import lists, sem
from .cities import distance_km, geodesic_km
from .location import Response, different, shortest_path
from .travel import by_iata, by_icao, iata_code, served_city

sem("us_iata", about="IATA code of a US airport, as SEA", high=3, entity=True, wider="iata")
sem("airline_code", about="two-letter IATA code of an airline, as DL", high=2, entity=True)
lists("airline_code")

# ---------------------------------------------------------------- UsFlightRoutes
routes = Tool(
    "UsFlightRoutes", "Travel", "Non-stop domestic flights of the United States in July 2026."
)


@lru_cache(maxsize=1)
def _routes() -> dict[str, dict[str, list[str]]]:
    """Airlines by origin and destination."""
    out: dict[str, dict[str, list[str]]] = {}
    for origin, destination, airlines in sorted(table("us_routes")):
        out.setdefault(origin, {})[destination] = sorted(airlines)
    return out


def _from(iata: str) -> dict[str, list[str]]:
    known: dict[str, list[str]] = found(_routes().get(iata.upper()), f"flight from {iata}")
    return known


@routes.api(
    "Airports that US domestic flights reach non-stop from an airport; 50 at most are listed.",
    {"iata": takes("us_iata", "MSP")},
    {
        "count": gives(
            "count",
            "the number of US airports with a non-stop domestic flight from {iata} in July 2026",
            ask="To how many US airports were there non-stop domestic flights from {iata} in July "
            "2026?",
        ),
        "farthest": gives(
            "us_iata",
            "the IATA code of the farthest US airport with a non-stop domestic flight from {iata} "
            "in July 2026",
            entity="the farthest US airport with a non-stop domestic flight from {iata}",
        ),
        "farthest_km": gives(
            "distance_km",
            "the length in km as the crow flies of the longest non-stop domestic flight from "
            "{iata} in July 2026",
        ),
    },
    libs=("airportsdata", "geographiclib"),
)
def direct_destinations(iata: str) -> Response:
    codes = sorted(_from(iata))
    start = by_iata()[iata_code(iata)]
    away = {
        code: distance_km(start["lat"], start["lon"], there["lat"], there["lon"])
        for code in codes
        if (there := by_iata().get(code))
    }
    farthest = max(away, key=lambda code: (away[code], code))
    there = by_iata()[farthest]
    length = geodesic_km(start["lat"], start["lon"], there["lat"], there["lon"])
    return {
        "count": len(codes),
        "farthest": farthest,
        "farthest_km": round(length, 3),
        "destinations": codes[:50],
    }


@routes.api(
    "Airlines that fly a US domestic route non-stop.",
    {"origin": takes("us_iata", "JFK"), "destination": takes("us_iata", "SFO")},
    {
        "count": gives(
            "count",
            "the number of airlines that fly non-stop from {origin} to {destination} in July 2026",
            ask="How many airlines flew non-stop from {origin} to {destination} in July 2026?",
        ),
        "airlines": gives(
            "airline_code[]",
            "the airlines that fly non-stop from {origin} to {destination} in July 2026",
        ),
    },
)
def carriers_on_route(origin: str, destination: str) -> Response:
    codes = found(_from(origin).get(destination.upper()), f"flight {origin} to {destination}")
    return {"count": len(codes), "airlines": codes}


@routes.api(
    "The smallest number of US domestic flights that bring one from an airport to another, and "
    "one way to do it.",
    {"origin": takes("us_iata", "BTM"), "destination": takes("us_iata", "PWM")},
    {
        "flights": gives(
            "count",
            "the smallest number of non-stop domestic flights in July 2026 that bring one from "
            "{origin} to {destination}",
            ask="How many non-stop domestic flights of July 2026 does it take at least to get from "
            "{origin} to {destination}?",
        )
    },
)
def fewest_flights(origin: str, destination: str) -> Response:
    _from(origin)
    different(origin.upper(), destination.upper())
    path = shortest_path(lambda code: _routes().get(code, {}), origin.upper(), destination.upper())
    return {"flights": len(found(path, f"way from {origin} to {destination}")) - 1, "path": path}


@routes.api(
    "Airports where one can change planes once on the way from one US airport to another.",
    {"origin": takes("us_iata", "BOI"), "destination": takes("us_iata", "ORF")},
    {
        "count": gives(
            "count",
            "the number of airports where one can change planes on a journey of two non-stop "
            "domestic flights of July 2026 from {origin} to {destination}",
        ),
        "largest": gives(
            "us_iata",
            "the IATA code of the airport with most non-stop domestic destinations among those "
            "where one can change planes once from {origin} to {destination} in July 2026",
            entity="the airport with most non-stop domestic destinations among those where one can "
            "change planes once from {origin} to {destination}",
        ),
    },
)
def one_stop_connections(origin: str, destination: str) -> Response:
    to = destination.upper()
    via = sorted(code for code in _from(origin) if to in _routes().get(code, ()) and code != to)
    found(via, f"change between {origin} and {destination}")
    largest = max(via, key=lambda code: (len(_routes()[code]), code))
    return {"count": len(via), "largest": largest, "airports": via[:50]}


# ---------------------------------------------------------------- UsAirlines
airlines_tool = Tool(
    "UsAirlines", "Travel", "Domestic networks of US airlines in July 2026, airline by airline."
)

AIRLINES: Final = {
    "AA": "American Airlines",
    "AS": "Alaska Airlines",
    "B6": "JetBlue Airways",
    "DL": "Delta Air Lines",
    "F9": "Frontier Airlines",
    "G4": "Allegiant Air",
    "MQ": "Envoy Air",
    "OH": "PSA Airlines",
    "OO": "SkyWest Airlines",
    "UA": "United Airlines",
    "WN": "Southwest Airlines",
    "YX": "Republic Airways",
}


@lru_cache(maxsize=1)
def _networks() -> dict[str, dict[str, list[str]]]:
    """Destinations by airline and origin."""
    out: dict[str, dict[str, list[str]]] = {}
    for origin, to in _routes().items():
        for destination, codes in to.items():
            for code in codes:
                out.setdefault(code, {}).setdefault(origin, []).append(destination)
    return out


def _network(airline: str) -> dict[str, list[str]]:
    known: dict[str, list[str]] = found(_networks().get(airline.upper()), f"airline {airline}")
    return known


@airlines_tool.api(
    "Size of an airline's US domestic network, and the airport with most of its routes.",
    {"airline": takes("airline_code", "AS")},
    {
        "airports": gives(
            "count",
            "the number of US airports from which {airline} flies domestic routes in July 2026",
        ),
        "routes": gives(
            "count",
            "the number of domestic routes, each direction for itself, of {airline} in July 2026",
        ),
        "busiest": gives(
            "us_iata",
            "the IATA code of the airport with most domestic routes of {airline} in July 2026",
            entity="the airport with most domestic routes of {airline}",
        ),
        "busiest_routes": gives(
            "count",
            "the number of US airports that {airline} reaches non-stop in July 2026 from its "
            "busiest airport",
        ),
    },
)
def airline_network(airline: str) -> Response:
    network = _network(airline)
    busiest = max(network, key=lambda code: (len(network[code]), code))
    return {
        "name": AIRLINES.get(airline.upper(), airline.upper()),
        "airports": len(network),
        "routes": sum(map(len, network.values())),
        "busiest": busiest,
        "busiest_routes": len(network[busiest]),
    }


@airlines_tool.api(
    "Airlines that fly US domestic routes from an airport, and which of them flies most.",
    {"iata": takes("us_iata", "SEA")},
    {
        "count": gives(
            "count",
            "the number of airlines that fly domestic routes from {iata} in July 2026",
            ask="How many airlines flew domestic routes from {iata} in July 2026?",
        ),
        "airlines": gives(
            "airline_code[]", "the airlines that fly domestic routes from {iata} in July 2026"
        ),
        "largest": gives(
            "airline_code",
            "the IATA code of the airline with most domestic routes from {iata} in July 2026",
            entity="the airline with most domestic routes from {iata}",
        ),
    },
)
def airlines_at_airport(iata: str) -> Response:
    count = Counter(code for codes in _from(iata).values() for code in codes)
    codes = sorted(count)
    largest = max(codes, key=lambda code: (count[code], code))
    return {"count": len(codes), "airlines": codes, "largest": largest, "routes": dict(count)}


@airlines_tool.api(
    "How many US domestic routes two airlines both fly.",
    {"airline_1": takes("airline_code", "AA"), "airline_2": takes("airline_code", "DL")},
    {
        "count": gives(
            "count",
            "the number of domestic routes, each direction for itself, that both {airline_1} and "
            "{airline_2} fly in July 2026",
        )
    },
)
def shared_routes(airline_1: str, airline_2: str) -> Response:
    first, second = _network(airline_1), _network(airline_2)
    different(airline_1.upper(), airline_2.upper())
    shared = [
        [origin, to]
        for origin in sorted(first)
        for to in first[origin]
        if to in second.get(origin, ())
    ]
    return {"count": len(shared), "some": shared[:20]}


# ---------------------------------------------------------------- entities
KNOWN: Final = (
    "AMS ARN ATH AUH BCN BEG BER BGO BHX BLQ BRI BRS BRU BUD CDG CGN CPH CTA DUB DUS EDI EIN FAO "
    "FCO FRA GDN GLA GOT GVA HAM HEL IST SAW AYT ESB ADB KEF KRK KBP LED LGW LHR LIS LTN LUX LYS "
    "MAD MAN MRS MUC MXP NAP NCE NCL OPO ORY OSL OTP PMI PRG PMO RIX SKP SJJ SKG SOF STN STR SVO "
    "DME VKO SVQ SZG TIA TLL TRD VCE VIE VLC VNO WAW WRO ZAG ZRH AGP ALC BIO IBZ FNC DBV SPU KUN "
    "EVN TBS GYD MSQ ADD ACC ABJ ABV ALG AGA BKO CAI CMN CPT DAR DKR DLA DUR EBB FIH HRE HRG JNB "
    "KGL KRT LAD LFW LOS LUN MBA MPM MRU NBO NIM OUA RAK SSH TNR TUN WDH TIP AMM BAH BEY BGW DMM "
    "DOH DXB IKA THR MHD JED KWI MCT RUH SHJ TLV AKL ADL BNE CBR CHC CNS DRW MEL NAN NOU PER POM "
    "PPT SYD WLG AMD BKK DMK BLR BOM CAN CCU CEB CGK CJU CKG CMB CNX COK CTU DAC DAD DEL DPS DVO "
    "FUK HAK HAN HKG HKT HND HYD ICN GMP ISB ITM KBL KHI KHH KIX KMG KTM KUL LHE MAA MFM MLE MNL "
    "NGO NRT OKA PEK PEN PKX PUS PVG RGN SGN SHA SIN SUB SZX TAS ALA NQZ DYU ASB TPE TSA ULN URC "
    "VTE WUH XIY XMN HGH NKG BKI KCH KIJ SDJ HIJ AEP ASU BOG BSB CCS CLO CNF COR CTG CUN CUR CUZ "
    "EZE FOR FLN GIG GRU GUA GYE HAV KIN LIM MDE MEX MGA MTY GDL TIJ MVD MBJ NAS PTY REC SCL SDQ "
    "SDU SJO SSA TGU UIO PAP POS BGI GEO YEG YHZ YOW YUL YVR YWG YYC YYJ YYT YYZ"
)


def _us_airports() -> list[str]:
    """US airports with non-stop flights to five others or more."""
    return sorted(code for code, to in _routes().items() if len(to) >= 5 and code in by_iata())


def _airports() -> list[str]:
    """Airports that people know, of a city that the table of cities has."""
    large = [code for code in _us_airports() if len(_routes()[code]) >= 15]
    known = {*KNOWN.split(), *large} & set(by_iata())
    return sorted(code for code in known if served_city(code) and by_iata()[code]["icao"])


def _airport_words(iata: str) -> list[str]:
    return [f"{by_iata()[iata]['name']} ({iata})"]


def _icao_words(icao: str) -> list[str]:
    return [f"{by_icao()[icao]['name']} ({icao})"]


entities("iata", _airports, says=_airport_words)
entities("us_iata", _us_airports, says=_airport_words)
entities(
    "icao",
    lambda: [code for iata in _airports() if (code := by_iata()[iata]["icao"]) in by_icao()],
    says=_icao_words,
)
entities(
    "airline_code",
    lambda: sorted(AIRLINES),
    says=lambda code: (AIRLINES[code],),
    aliases=lambda code: (AIRLINES[code],),
)
