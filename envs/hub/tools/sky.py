"""Science: the planets, the Moon, the stars and what lies behind them."""

from __future__ import annotations

import math
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from datetime import date as Date
from datetime import timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..entities import entities
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem

Response = Mapping[str, Any]

PLANETS = ("Mercury", "Venus", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune")
MOON_PHASES = {
    "new": "new moon",
    "first_quarter": "first quarter of the Moon",
    "full": "full moon",
    "last_quarter": "last quarter of the Moon",
}
# By type, the catalogue's code and what one says of many.
DSO_TYPES = {
    "galaxy": ("G", "galaxies"),
    "open cluster": ("OCl", "open clusters"),
    "globular cluster": ("GCl", "globular clusters"),
    "planetary nebula": ("PN", "planetary nebulae"),
    "double star": ("**", "double stars"),
    "galaxy pair": ("GPair", "galaxy pairs"),
}
sem("planet", about="planet, Sun or Moon", choices=("Sun", "Moon", *PLANETS), compare="name")
sem("moon_phase", about="phase of the Moon", choices=tuple(MOON_PHASES))
sem("star", about="proper name of a star, as Sirius", high=30, compare="name")
sem("constellation", about="name of a constellation, as Orion", high=30, compare="name")
sem("dso", about="deep-sky object, as M31 or NGC 7000", high=20, compare="name")
sem("dso_type", about="type of deep-sky object", choices=tuple(DSO_TYPES))
measure("magnitude", "astronomical magnitude: the brighter, the smaller", -30, 30)
measure("astronomical_units", "astronomical units", 0, 1e6)
lists("star")
lists("dso")

# ---------------------------------------------------------------- SkyEphemeris
sky = Tool(
    "SkyEphemeris",
    "Science",
    "Where the planets stand, phases of the Moon, equinoxes, bright stars.",
    ("ephem",),
)
# Other spellings that ephem has for a star, and stars that it lists twice.
TWICE = {"Adara", "Agena", "Albereo", "Alcaid", "Etamin", "Formalhaut", "Gienah Corvi", "Sirrah"}


def _day(text: str) -> str:
    """The date as ephem has it.

    Raises:
        HubError: it is no date, or too far away for the theories of the planets.
    """
    try:
        day = Date.fromisoformat(text)
    except ValueError:
        raise HubError("date must be YYYY-MM-DD", 400) from None
    if not 1600 <= day.year <= 2200:
        raise HubError("date must be from 1600 to 2200", 400)
    return f"{day.year}/{day.month}/{day.day}"


def _body(name: str) -> Any:
    import ephem

    bodies = {
        "Sun": ephem.Sun,
        "Moon": ephem.Moon,
        "Mercury": ephem.Mercury,
        "Venus": ephem.Venus,
        "Mars": ephem.Mars,
        "Jupiter": ephem.Jupiter,
        "Saturn": ephem.Saturn,
        "Uranus": ephem.Uranus,
        "Neptune": ephem.Neptune,
    }
    return bodies[name]()


def _constellation(body: Any) -> str:
    import ephem

    name = str(ephem.constellation(body)[1])
    return "Serpens" if name.startswith("Serpens") else name


def _minute(date: Any) -> str:
    return str((date.datetime() + timedelta(seconds=30)).isoformat(timespec="minutes"))


@sky.api(
    "Constellation, magnitude and distance of a planet, the Sun or the Moon on a date at 0 h UTC.",
    {"body": takes("planet", "Mars"), "date": takes("date", "2025-01-16")},
    {
        "constellation": gives(
            "constellation",
            "the constellation in which {body} stood on {date} at 0 h UTC",
            ask="In which constellation did {body} stand on {date} at 0 h UTC?",
        ),
        "magnitude": gives("magnitude", "the apparent magnitude of {body} on {date}"),
        "distance_au": gives(
            "astronomical_units",
            "the distance in astronomical units between the Earth and {body} on {date} at 0 h UTC",
        ),
    },
)
def body_position(body: str, date: str) -> Response:
    made = _body(body)
    made.compute(_day(date))
    return {
        "constellation": _constellation(made),
        "magnitude": round(float(made.mag), 2),
        "distance_au": round(float(made.earth_distance), 6),
        "right_ascension": str(made.ra),
        "declination": str(made.dec),
    }


@sky.api(
    "The angle in the sky between two of the Sun, the Moon and the planets on a date at 0 h UTC.",
    {
        "body1": takes("planet", "Venus"),
        "body2": takes("planet", "Jupiter"),
        "date": takes("date", "2025-08-12"),
    },
    {
        "degrees": gives(
            "degrees",
            "the angle in degrees between {body1} and {body2} in the sky on {date} at 0 h UTC",
        )
    },
)
def body_separation(body1: str, body2: str, date: str) -> Response:
    import ephem

    if body1 == body2:
        raise HubError("body1 and body2 must differ", 400)
    day = _day(date)
    first, second = _body(body1), _body(body2)
    first.compute(day)
    second.compute(day)
    return {"degrees": round(math.degrees(float(ephem.separation(first, second))), 3)}


@sky.api(
    "The next new moon, first quarter, full moon or last quarter, counting from a date at 0 h UTC.",
    {"date": takes("date", "2025-01-01"), "phase": takes("moon_phase", "full")},
    {
        "date": gives(
            "date",
            "the UTC date of the next {phase}, counting from {date}",
            "the date (UTC) on which the first {phase} from {date} on falls",
        ),
        "datetime_utc": gives(
            "datetime", "the date and time in UTC of the next {phase}, counting from {date}"
        ),
    },
)
def next_moon_phase(date: str, phase: str) -> Response:
    import ephem

    find = {
        "new": ephem.next_new_moon,
        "first_quarter": ephem.next_first_quarter_moon,
        "full": ephem.next_full_moon,
        "last_quarter": ephem.next_last_quarter_moon,
    }[phase]
    moment = find(_day(date))
    return {"date": moment.datetime().date(), "datetime_utc": _minute(moment)}


@sky.api(
    "Equinoxes and solstices of a year, as dates in UTC.",
    {"year": takes("year", 2025)},
    {
        "march_equinox": gives("date", "the UTC date of the March equinox of {year}"),
        "june_solstice": gives("date", "the UTC date of the June solstice of {year}"),
        "september_equinox": gives("date", "the UTC date of the September equinox of {year}"),
        "december_solstice": gives("date", "the UTC date of the December solstice of {year}"),
    },
)
def seasons(year: int) -> Response:
    import ephem

    if not 1600 <= year <= 2200:
        raise HubError("year must be from 1600 to 2200", 400)
    start = f"{year}/1/1"
    return {
        "march_equinox": ephem.next_vernal_equinox(start).datetime().date(),
        "june_solstice": ephem.next_summer_solstice(start).datetime().date(),
        "september_equinox": ephem.next_autumnal_equinox(start).datetime().date(),
        "december_solstice": ephem.next_winter_solstice(start).datetime().date(),
    }


@lru_cache(maxsize=1)
def _stars() -> dict[str, dict[str, Any]]:
    import ephem
    import ephem.stars

    out = {}
    for name in sorted(ephem.stars.stars):
        body = ephem.star(name)
        body.compute("2000/1/1")
        out[name.lower()] = {
            "name": name,
            "constellation": _constellation(body),
            "magnitude": round(float(body.mag), 2),
            "spectral_type": str(body._spect),
        }
    return out


@sky.api(
    "Constellation, magnitude and spectral type of a named star.",
    {"star": takes("star", "Sirius")},
    {
        "constellation": gives(
            "constellation",
            "the constellation to which {star} belongs",
            ask="To which constellation does {star} belong?",
        ),
        "magnitude": gives("magnitude", "the apparent magnitude of {star}"),
        "spectral_type": gives("text", "the spectral type (letter and digit) of {star}"),
    },
)
def star_info(star: str) -> Response:
    return dict(found(_stars().get(star.lower()), f"star {star}"))


@sky.api(
    "The named stars of a constellation, of about a hundred that are used for navigation.",
    {"constellation": takes("constellation", "Orion")},
    {
        "count": gives("count", "the number of stars of {constellation} in the list of named stars "
                       "of the ephemeris"),
        "stars": gives("star[]", "the stars of {constellation} in the list of named stars of the "
                       "ephemeris"),
    },
)  # fmt: skip
def constellation_stars(constellation: str) -> Response:
    wanted = constellation_name(constellation)
    rows = [each for each in _stars().values() if each["constellation"] == wanted]
    names = sorted(each["name"] for each in rows if each["name"] not in TWICE)
    return {"count": len(found(names, f"named stars in {wanted}")), "stars": names}


@sky.api(
    "The next rise and set, in UTC, of a planet, the Sun or the Moon at a place after 0 h UTC of a "
    "date.",
    {
        "body": takes("planet", "Jupiter"),
        "latitude": takes("latitude", 51.5),
        "longitude": takes("longitude", -0.13),
        "date": takes("date", "2025-01-01"),
    },
    {
        "rise_utc": gives(
            "datetime",
            "the UTC date and time at which {body} first rises after 0 h UTC on {date} as seen "
            "from latitude {latitude} and longitude {longitude}",
        ),
        "set_utc": gives(
            "datetime",
            "the UTC date and time at which {body} first sets after 0 h UTC on {date} as seen from "
            "latitude {latitude} and longitude {longitude}",
        ),
    },
)
def next_rise(body: str, latitude: float, longitude: float, date: str) -> Response:
    import ephem

    place = ephem.Observer()
    place.lat, place.lon, place.date = str(latitude), str(longitude), _day(date)
    try:
        rise, sets = place.next_rising(_body(body)), place.next_setting(_body(body))
    except (ephem.AlwaysUpError, ephem.NeverUpError):
        raise HubError(f"{body} does not rise and set there on {date}") from None
    return {"rise_utc": _minute(rise), "set_utc": _minute(sets)}


# ---------------------------------------------------------------- DeepSky
deep_sky = Tool(
    "DeepSky",
    "Science",
    "The OpenNGC catalogue of galaxies, clusters and nebulae.",
    ("pyongc",),
)
# By abbreviation; the catalogue splits Serpens, and so does the sky.
CONSTELLATIONS = """
And=Andromeda, Ant=Antlia, Aps=Apus, Aql=Aquila, Aqr=Aquarius, Ara=Ara, Ari=Aries, Aur=Auriga,
Boo=Bootes, CMa=Canis Major, CMi=Canis Minor, CVn=Canes Venatici, Cae=Caelum, Cam=Camelopardalis,
Cap=Capricornus, Car=Carina, Cas=Cassiopeia, Cen=Centaurus, Cep=Cepheus, Cet=Cetus, Cha=Chamaeleon,
Cir=Circinus, Cnc=Cancer, Col=Columba, Com=Coma Berenices, CrA=Corona Australis,
CrB=Corona Borealis, Crt=Crater, Cru=Crux, Crv=Corvus, Cyg=Cygnus, Del=Delphinus, Dor=Dorado,
Dra=Draco, Equ=Equuleus, Eri=Eridanus, For=Fornax, Gem=Gemini, Gru=Grus, Her=Hercules,
Hor=Horologium, Hya=Hydra, Hyi=Hydrus, Ind=Indus, LMi=Leo Minor, Lac=Lacerta, Leo=Leo, Lep=Lepus,
Lib=Libra, Lup=Lupus, Lyn=Lynx, Lyr=Lyra, Men=Mensa, Mic=Microscopium, Mon=Monoceros, Mus=Musca,
Nor=Norma, Oct=Octans, Oph=Ophiuchus, Ori=Orion, Pav=Pavo, Peg=Pegasus, Per=Perseus, Phe=Phoenix,
Pic=Pictor, PsA=Piscis Austrinus, Psc=Pisces, Pup=Puppis, Pyx=Pyxis, Ret=Reticulum, Scl=Sculptor,
Sco=Scorpius, Sct=Scutum, Ser=Serpens, Se1=Serpens, Se2=Serpens, Sex=Sextans, Sge=Sagitta,
Sgr=Sagittarius, Tau=Taurus, Tel=Telescopium, TrA=Triangulum Australe, Tri=Triangulum, Tuc=Tucana,
UMa=Ursa Major, UMi=Ursa Minor, Vel=Vela, Vir=Virgo, Vol=Volans, Vul=Vulpecula
"""


@lru_cache(maxsize=1)
def _constellation_names() -> dict[str, str]:
    """The names of the 88 constellations by abbreviation and by themselves, in lower case."""
    pairs = [" ".join(pair.split()).split("=") for pair in CONSTELLATIONS.split(",")]
    return {key.lower(): name for short, name in pairs for key in (short, name)}


def constellation_name(text: str) -> str:
    """The name of a constellation, also from its abbreviation.

    Raises:
        HubError: there is none of that name.
    """
    wanted = text.lower().replace("ö", "o")
    return str(found(_constellation_names().get(wanted), f"constellation {text}"))


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, dict[str, Any]]:
    """OpenNGC by identifier; read from the package's database, without the package's numpy."""
    spec = find_spec("pyongc")
    if spec is None or not spec.submodule_search_locations:
        return {}
    path = Path(spec.submodule_search_locations[0]) / "ongc.db"
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        types = dict(database.execute("SELECT type, typedesc FROM objTypes"))
        rows = database.execute(
            "SELECT name, type, const, ra, dec, vmag, majax, messier, commonnames FROM objects "
            "WHERE type NOT IN ('Dup', 'NonEx') ORDER BY name"
        ).fetchall()
    finally:
        database.close()
    names, out = _constellation_names(), {}
    for name, type, short, ra, dec, magnitude, size, messier, common in rows:
        key = _dso_key(name)
        out[key] = {
            "name": key,
            "type": types[type].lower(),
            "code": type,
            "constellation": names.get(short.lower()),
            "ra": ra,
            "dec": dec,
            "v_magnitude": magnitude,
            "size_arcmin": size,
            "messier": f"M{int(messier)}" if messier and messier.isdigit() else None,
            "common_names": common.split(",") if common else [],
        }
    return out | {row["messier"]: row for row in out.values() if row["messier"]}


def _dso_key(text: str) -> str:
    """``ngc 0224`` as NGC224."""
    upper = re.sub(r"^MESSIER", "M", re.sub(r"\s+", "", text.upper()))
    return re.sub(r"^(NGC|IC|M|UGC|PGC|MEL|CL|B|C)0+(?=\d)", r"\1", upper)


def _dso(text: str) -> dict[str, Any]:
    known: dict[str, Any] = found(_catalogue().get(_dso_key(text)), f"deep-sky object {text}")
    return known


@deep_sky.api(
    "Type, constellation, visual magnitude and size of a deep-sky object by Messier, NGC or IC "
    "number.",
    {"object": takes("dso", "M31")},
    {
        "type": gives(
            "text",
            "the kind of deep-sky object that {object} is",
            ask="What kind of deep-sky object is {object}?",
        ),
        "constellation": gives("constellation", "the constellation in which {object} lies"),
        "v_magnitude": gives("magnitude", "the visual magnitude of {object}"),
    },
)
def dso(object: str) -> Response:
    known = _dso(object)
    return {key: value for key, value in known.items() if key not in ("code", "ra", "dec")}


@deep_sky.api(
    "The angle in the sky between two deep-sky objects.",
    {"object1": takes("dso", "M81"), "object2": takes("dso", "M82")},
    {
        "degrees": gives(
            "degrees",
            "the angular separation in degrees of {object1} and {object2}",
            "the angle in degrees between {object1} and {object2} in the sky",
        )
    },
)
def separation(object1: str, object2: str) -> Response:
    a, b = _dso(object1), _dso(object2)
    if a is b:
        raise HubError("object1 and object2 are the same", 400)
    half = (
        math.sin((a["dec"] - b["dec"]) / 2) ** 2
        + math.cos(a["dec"]) * math.cos(b["dec"]) * math.sin((a["ra"] - b["ra"]) / 2) ** 2
    )
    return {"degrees": round(math.degrees(2 * math.asin(math.sqrt(min(1.0, half)))), 4)}


@lru_cache(maxsize=1)
def _tally() -> Counter[tuple[str, str]]:
    """How many objects, by constellation and the catalogue's code of their type."""
    rows = {row["name"]: row for row in _catalogue().values()}
    return Counter((row["constellation"], row["code"]) for row in rows.values())


@deep_sky.api(
    "How many objects of a type the catalogue has in a constellation.",
    {
        "constellation": takes("constellation", "Virgo"),
        "type": takes("dso_type", "galaxy"),
    },
    {
        "count": gives(
            "count",
            "the number of {type} that the OpenNGC catalogue lists in {constellation}",
            ask="How many {type} does the OpenNGC catalogue list in {constellation}?",
        )
    },
)
def count_objects(constellation: str, type: str) -> Response:
    return {"count": _tally().get((constellation_name(constellation), DSO_TYPES[type][0]), 0)}


@lru_cache(maxsize=1)
def _messier() -> dict[str, list[str]]:
    """The Messier objects by constellation."""
    out: dict[str, list[str]] = {}
    for number in range(1, 111):
        if (row := _catalogue().get(f"M{number}")) and row["messier"] == f"M{number}":
            out.setdefault(row["constellation"], []).append(row["messier"])
    return out


@deep_sky.api(
    "The Messier objects in a constellation.",
    {"constellation": takes("constellation", "Sagittarius")},
    {
        "count": gives("count", "the number of Messier objects in {constellation}"),
        "objects": gives("dso[]", "the Messier objects in {constellation}"),
    },
)
def messier_objects(constellation: str) -> Response:
    wanted = constellation_name(constellation)
    names = _messier().get(wanted, [])
    return {"count": len(found(names, f"Messier objects in {wanted}")), "objects": names}


# ---------------------------------------------------------------- entities
COMMON = {"M1": "Crab Nebula", "M31": "Andromeda Galaxy", "M42": "Orion Nebula", "M45": "Pleiades"}


def _dso_words(name: str) -> list[str]:
    return [f"{name} (the {COMMON[name]})" if name in COMMON else name]


def _star_names() -> list[str]:
    return sorted(row["name"] for row in _stars().values() if row["name"] not in TWICE)


def _constellations() -> list[str]:
    """Constellations that have a named star."""
    return sorted({row["constellation"] for row in _stars().values()})


entities(
    "planet",
    lambda: [*PLANETS, "Moon", "Sun"],
    says=lambda v: (f"the {v}" if v in ("Sun", "Moon") else v,),
)
entities("moon_phase", lambda: list(MOON_PHASES), says=lambda v: (MOON_PHASES[v],))
entities("star", _star_names, says=lambda v: (f"the star {v}",))
entities(
    "constellation",
    _constellations,
    says=lambda v: (f"the constellation {v}",),
    aliases=lambda v: (v.replace("Bootes", "Boötes"),),
)
entities(
    "dso",
    lambda: [f"M{n}" for n in range(1, 111) if n not in (40, 73, 102)],
    says=_dso_words,
    aliases=lambda v: (v.replace("M", "Messier "),),
)
entities("dso_type", lambda: list(DSO_TYPES), says=lambda v: (DSO_TYPES[v][1],))
