"""Travel: the world's airports, and who flies where in the United States."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, maybe, takes
from ..types import lists, sem
from .location import (
    Nearby,
    Response,
    city_label,
    city_near,
    distance_km,
    find_city,
    fold,
    geodesic_km,
    shortest_path,
)

sem("us_iata", about="IATA code of a US airport, as SEA", high=3, entity=True, wider="iata")
sem("airline_code", about="two-letter IATA code of an airline, as DL", high=2, entity=True)
lists("us_iata")
lists("airline_code")

# ---------------------------------------------------------------- AirportDirectory
airports = Tool(
    "AirportDirectory",
    "Travel",
    "Airports of the world with IATA and ICAO codes, position, elevation and time zone.",
    ("airportsdata",),
)

# Cities that airports name otherwise than the table of cities.
CITIES: Final = {
    "ad dammam": "Dammam", "arnavutkoy, istanbul": "Istanbul", "arbil": "Erbil",
    "bangalore": "Bengaluru", "belgrad": "Belgrade",
    "cochin": "Kochi", "cologne": "Köln", "davao city": "Davao", "denpasar-bali island": "Denpasar",
    "kaohsiung city": "Kaohsiung", "marrakech": "Marrakesh", "napoli": "Naples",
    "new york": "New York City", "newcastle": "Newcastle upon Tyne", "penang": "George Town",
    "quebec city": "Québec", "saint john": "St. John's", "senou": "Bamako",
    "st louis": "St. Louis", "st. petersburg": "Saint Petersburg", "taipei city": "Taipei",
    "venezia": "Venice", "dallas-fort worth": "Dallas", "palma de mallorca": "Palma",
}  # fmt: skip


@lru_cache(maxsize=1)
def _by_iata() -> dict[str, dict[str, Any]]:
    from airportsdata import load

    known: dict[str, dict[str, Any]] = load("IATA")
    return known


@lru_cache(maxsize=1)
def _by_icao() -> dict[str, dict[str, Any]]:
    from airportsdata import load

    known: dict[str, dict[str, Any]] = load("ICAO")
    return known


@lru_cache(maxsize=4096)
def _city_of(iata_or_icao: str) -> str | None:
    """The city that an airport serves as the table of cities has it; none if it has not."""
    airport = _by_iata().get(iata_or_icao) or _by_icao()[iata_or_icao]
    names = [airport["city"], *re.split(r"\s*[/,]\s*", airport["city"])]
    for name in names:
        name = CITIES.get(fold(name), name)
        if name and (row := city_near(name, airport["lat"], airport["lon"])):
            return city_label(row)
    return None


def _airport(code: str) -> dict[str, Any]:
    if not (airport := _by_iata().get(code)):
        airport = _by_icao()[code]
    return {
        "iata": airport["iata"] or None,
        "icao": airport["icao"] or None,
        "name": airport["name"],
        "city": _city_of(code),
        "serves": ", ".join(part for part in (airport["city"], airport["subd"]) if part),
        "country_code": airport["country"],
        "elevation_ft": airport["elevation"],
        "latitude": airport["lat"],
        "longitude": airport["lon"],
        "timezone": airport["tz"],
    }


def _code(iata: str) -> str:
    """The IATA code of an airport that there is."""
    found(_by_iata().get(iata.upper()), f"airport {iata}")
    return iata.upper()


def _facts(slot: str) -> dict[str, Any]:
    """What both look-ups of an airport give."""
    return {
        "city": gives(
            "city_name",
            f"the city that {slot} serves",
            ask=f"Which city does {slot} serve?",
        ),
        "country_code": gives(
            "country_code",
            f"the ISO alpha-2 code of the country in which {slot} lies",
            entity=f"the country in which {slot} lies",
        ),
        "elevation_ft": gives(
            "feet",
            f"the elevation in feet of {slot}",
            f"the height above sea level in feet of {slot}",
        ),
        "latitude": gives("latitude", f"the latitude of {slot}"),
        "longitude": gives("longitude", f"the longitude of {slot}"),
        "timezone": gives("timezone", f"the IANA time zone of {slot}"),
    }


@airports.api(
    "Name, city, country, position, elevation and time zone of an airport by its IATA code.",
    {"iata": takes("iata", "NRT")},
    {
        **_facts("{iata}"),
        "icao": gives(
            "icao",
            "the ICAO code of {iata}",
            "the four-letter ICAO airport code of {iata}",
            entity="{iata}",
        ),
    },
)
def airport_by_iata(iata: str) -> Response:
    return _airport(_code(iata))


@airports.api(
    "Name, city, country, position, elevation and time zone of an airport by its ICAO code.",
    {"icao": takes("icao", "EDDF")},
    {
        **_facts("{icao}"),
        "iata": gives(
            "iata",
            "the IATA code of {icao}",
            "the three-letter IATA airport code of {icao}",
            entity="{icao}",
        ),
    },
)
def airport_by_icao(icao: str) -> Response:
    found(_by_icao().get(icao.upper()), f"airport {icao}")
    return _airport(icao.upper())


@lru_cache(maxsize=1)
def _by_city() -> dict[str, list[str]]:
    """IATA codes by city, as the table of cities labels it."""
    out: dict[str, list[str]] = {}
    for code in sorted(_by_iata()):
        if city := _city_of(code):
            out.setdefault(city, []).append(code)
    return out


@airports.api(
    "Airports with an IATA code that serve a city.",
    {"city": takes("city_name", "Berlin"), "country_code": maybe("country_code", "DE")},
    {
        "count": gives(
            "count",
            "the number of airports with an IATA code that the airport directory lists for {city}",
        ),
        "airports": gives("iata[]", "the airports with an IATA code that serve {city}"),
        "closest": gives(
            "iata",
            "the IATA code of the airport closest to the centre of {city} of those that serve it",
            entity="the airport closest to the centre of {city} of those that serve it",
        ),
    },
)
def airports_in_city(city: str, country_code: str | None = None) -> Response:
    row = find_city(city, country_code)
    codes = found(_by_city().get(city_label(row)), f"airport of {city}")
    away = {
        code: distance_km(row[4], row[5], _by_iata()[code]["lat"], _by_iata()[code]["lon"])
        for code in codes
    }
    names = [_by_iata()[code]["name"] for code in codes]
    closest = min(codes, key=lambda code: (away[code], code))
    return {"count": len(codes), "airports": codes, "names": names, "closest": closest}


@lru_cache(maxsize=1)
def _airport_map() -> Nearby:
    return Nearby(_by_iata().values(), lambda airport: (airport["lat"], airport["lon"]))


@airports.api(
    "The airport with an IATA code that is nearest to a point.",
    {"latitude": takes("latitude", 47.05), "longitude": takes("longitude", 8.31)},
    {
        "iata": gives(
            "iata",
            "the IATA code of the airport nearest to the point ({latitude}, {longitude})",
            entity="the airport with an IATA code nearest to the point ({latitude}, {longitude})",
        ),
        "distance_km": gives(
            "distance_km",
            "the distance in km from the point ({latitude}, {longitude}) to the nearest airport "
            "with an IATA code",
        ),
    },
    libs=("geographiclib",),
)
def nearest_airport(latitude: float, longitude: float) -> Response:
    _, airport = _airport_map().nearest(latitude, longitude)
    away = geodesic_km(latitude, longitude, airport["lat"], airport["lon"])
    return {
        "iata": airport["iata"],
        "name": airport["name"],
        "country_code": airport["country"],
        "distance_km": round(away, 3),
    }


@lru_cache(maxsize=1)
def _by_country() -> dict[str, list[str]]:
    """IATA codes by country, the highest airport first."""
    out: dict[str, list[str]] = {}
    rows = _by_iata()
    for code in sorted(rows, key=lambda code: (-rows[code]["elevation"], code)):
        out.setdefault(rows[code]["country"], []).append(code)
    return out


@airports.api(
    "The highest airport with an IATA code in a country, and how many airports it has.",
    {"country_code": takes("country_code", "BO")},
    {
        "iata": gives(
            "iata",
            "the IATA code of the highest airport in {country_code}",
            entity="the highest airport with an IATA code in {country_code}",
        ),
        "elevation_ft": gives(
            "feet",
            "the elevation in feet of the highest airport with an IATA code in {country_code}",
        ),
        "count": gives("count", "the number of airports with an IATA code in {country_code}"),
    },
)
def highest_airport(country_code: str) -> Response:
    codes = found(_by_country().get(country_code.upper()), f"airport in {country_code}")
    top = _by_iata()[codes[0]]
    return {
        "iata": codes[0],
        "name": top["name"],
        "elevation_ft": top["elevation"],
        "count": len(codes),
    }


@airports.api(
    "Geodesic distance between two airports, and which of them lies higher.",
    {"origin": takes("iata", "JFK"), "destination": takes("iata", "LHR")},
    {
        "distance_km": gives(
            "distance_km",
            "the distance in km as the crow flies between {origin} and {destination}",
            "the geodesic distance in km from {origin} to {destination}",
        ),
        "higher": gives(
            "iata",
            "the IATA code of the airport at the higher elevation of {origin} and {destination}",
            entity="the airport at the higher elevation of {origin} and {destination}",
        ),
    },
    libs=("geographiclib",),
)
def airport_distance(origin: str, destination: str) -> Response:
    first, second = (_by_iata()[_code(code)] for code in (origin, destination))
    away = geodesic_km(first["lat"], first["lon"], second["lat"], second["lon"])
    higher = max(first, second, key=lambda airport: (airport["elevation"], airport["iata"]))
    return {
        "distance_km": round(away, 3),
        "distance_miles": round(away / 1.609344, 3),
        "higher": higher["iata"],
    }


@airports.api(
    "By how many hours the clocks at one airport are ahead of those at another on a day.",
    {
        "origin": takes("iata", "LHR"),
        "destination": takes("iata", "NRT"),
        "date": takes("date", "2025-07-01"),
    },
    {
        "hours_ahead": gives(
            "hours",
            "the number of hours by which the clocks at {destination} are ahead of those at "
            "{origin} (negative if behind) on {date} at noon UTC",
            ask="By how many hours are the clocks at {destination} ahead of those at {origin} "
            "(negative if behind) on {date} at noon UTC?",
        )
    },
)
def time_difference(origin: str, destination: str, date: str) -> Response:
    from zoneinfo import ZoneInfo

    try:
        noon = datetime.strptime(date, "%Y-%m-%d").replace(hour=12, tzinfo=UTC)
    except ValueError:
        raise HubError(f"date {date} is not YYYY-MM-DD", 400) from None
    zones = [_by_iata()[_code(code)]["tz"] for code in (origin, destination)]
    first, second = (noon.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones)
    assert first is not None and second is not None
    return {"hours_ahead": (second - first).total_seconds() / 3600, "timezones": zones}


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
            entity="the farthest US airport with a non-stop domestic flight from {iata} in July "
            "2026",
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
    start = _by_iata()[_code(iata)]
    away = {
        code: distance_km(start["lat"], start["lon"], there["lat"], there["lon"])
        for code in codes
        if (there := _by_iata().get(code))
    }
    farthest = max(away, key=lambda code: (away[code], code))
    there = _by_iata()[farthest]
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
            "the IATA code of the airport with most non-stop domestic destinations of those where "
            "one can change planes once in July 2026 from {origin} to {destination}",
            entity="the airport with most non-stop domestic destinations of those where one can "
            "change planes once in July 2026 from {origin} to {destination}",
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
            entity="the airport with most domestic routes of {airline} in July 2026",
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
            entity="the airline with most domestic routes from {iata} in July 2026",
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
    if airline_1.upper() == airline_2.upper():
        raise HubError("name two airlines", 400)
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
    return sorted(code for code, to in _routes().items() if len(to) >= 5 and code in _by_iata())


def _airports() -> list[str]:
    """Airports that people know, of a city that the table of cities has."""
    large = [code for code in _us_airports() if len(_routes()[code]) >= 15]
    known = {*KNOWN.split(), *large} & set(_by_iata())
    return sorted(code for code in known if _city_of(code) and _by_iata()[code]["icao"])


def _airport_words(iata: str) -> list[str]:
    return [f"{_by_iata()[iata]['name']} ({iata})"]


def _icao_words(icao: str) -> list[str]:
    return [f"{_by_icao()[icao]['name']} ({icao})"]


entities("iata", _airports, says=_airport_words)
entities("us_iata", _us_airports, says=_airport_words)
entities(
    "icao",
    lambda: [code for iata in _airports() if (code := _by_iata()[iata]["icao"]) in _by_icao()],
    says=_icao_words,
)
entities(
    "airline_code",
    lambda: sorted(AIRLINES),
    says=lambda code: (AIRLINES[code],),
    aliases=lambda code: (AIRLINES[code],),
)
