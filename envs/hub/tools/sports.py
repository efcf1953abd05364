"""Sports: Olympic sprinters, medals, hosts and teams; the arithmetic of running."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem

Response = Mapping[str, Any]

RACES = {
    "1500 m": 1.5,
    "3 km": 3.0,
    "5 km": 5.0,
    "8 km": 8.0,
    "10 km": 10.0,
    "15 km": 15.0,
    "half marathon": 21.0975,
    "marathon": 42.195,
    "50 km": 50.0,
}
sem("olympic_year", kind="integer", about="year of Olympic Summer Games with 100 m medallists",
    low=1896, high=2012, compare="number", tolerance=0, wider="summer_year")  # fmt: skip
sem("summer_year", kind="integer", about="year of Olympic Summer Games", low=1896, high=2024,
    compare="number", tolerance=0, wider="year")  # fmt: skip
sem("winter_year", kind="integer", about="year of Olympic Winter Games", low=1924, high=2022,
    compare="number", tolerance=0, wider="year")  # fmt: skip
sem("ioc_code", about="three-letter code of an Olympic team, as GER", high=3, entity=True)
sem("sprint_team", about="three-letter code of an Olympic team, as JAM", high=3, entity=True,
    wider="ioc_code")  # fmt: skip
sem("athlete", about="full name of an athlete", high=60, compare="name", wider="person")
sem("winter_nation", about="ISO alpha-2 country code, as NO", high=2, entity=True,
    wider="country_code")  # fmt: skip
sem("summer_nation", about="ISO alpha-2 country code, as US", high=2, entity=True,
    wider="country_code")  # fmt: skip
sem("race", about="distance of a race", choices=tuple(RACES))
sem("short_race", about="distance of a race", choices=tuple(RACES), wider="race")
measure("race_minutes", "minutes", 1, 2000)
measure("pace_seconds", "seconds for each kilometre", 100, 1200)
measure("kmh", "kilometres per hour", 0, 200)
measure("table_place", "place in a table", 1, 30, kind="integer", tolerance=0)
lists("summer_year")

# ---------------------------------------------------------------- OlympicSprint
sprint = Tool(
    "OlympicSprint", "Sports", "The medallists of the men's 100 metres, Olympic Games 1896 to 2012."
)


@lru_cache(maxsize=1)
def _medals() -> list[dict[str, Any]]:
    keys = ("athlete", "team", "medal", "seconds", "year")
    rows = [dict(zip(keys, row, strict=True)) for row in table("sprint")]
    return [{**row, "athlete": _clean(row["athlete"])} for row in rows]


def _clean(name: str) -> str:
    r"""``Charles \Archie\" Hahn"`` as Charles Archie Hahn: the table's nicknames are broken."""
    return " ".join(re.sub(r'[\\"]+', " ", name).split())


def _of(year: int, medal: str) -> list[dict[str, Any]]:
    rows = [row for row in _medals() if row["year"] == year and row["medal"] == medal]
    found(rows, f"{medal.lower()} medal of {year}")
    return rows


@sprint.api(
    "The champion of the men's 100 m at the Olympic Games of a year.",
    {"year": takes("olympic_year", 2008)},
    {
        "champion": gives(
            "person",
            "the Olympic men's 100 m champion of {year}",
            ask="Who won the men's 100 m at the Olympic Games of {year}?",
        ),
        "seconds": gives(
            "seconds", "the winning time in seconds of the Olympic men's 100 m final of {year}"
        ),
        "team": gives(
            "ioc_code",
            "the IOC code of the team of the Olympic men's 100 m champion of {year}",
            entity="the Olympic team of the men's 100 m champion of {year}",
        ),
    },
)
def champion(year: int) -> Response:
    gold = _of(year, "GOLD")[0]
    return {"champion": gold["athlete"], "seconds": gold["seconds"], "team": gold["team"]}


@sprint.api(
    "The silver medallist of the men's 100 m at the Olympic Games of a year.",
    {"year": takes("olympic_year", 2008)},
    {
        "silver": gives(
            "person",
            "the silver medallist of the Olympic men's 100 m of {year}",
            ask="Who won silver in the men's 100 m at the Olympic Games of {year}?",
        ),
        "margin_seconds": gives(
            "seconds",
            "the difference in seconds between the gold and the silver medallist of the Olympic "
            "men's 100 m of {year}",
        ),
    },
)
def runner_up(year: int) -> Response:
    gold, silver = _of(year, "GOLD")[0], _of(year, "SILVER")[0]
    margin = round(silver["seconds"] - gold["seconds"], 2)
    return {
        "silver": silver["athlete"],
        "seconds": silver["seconds"],
        "team": silver["team"],
        "margin_seconds": margin,
    }


@sprint.api(
    "The Olympic 100 m medals of a team.",
    {"team": takes("sprint_team", "JAM")},
    {
        "medals": gives(
            "count",
            "the number of Olympic medals (1896-2012) in the men's 100 m of {team}",
            ask="How many Olympic medals did {team} win in the men's 100 m from 1896 to 2012?",
        ),
        "best_seconds": gives(
            "seconds",
            "the fastest time in seconds with which {team} won a medal in the Olympic men's 100 m",
        ),
        "first_year": gives(
            "summer_year",
            "the year of the first Olympic medal in the men's 100 m of {team}",
        ),
    },
)
def team_medals(team: str) -> Response:
    rows = [row for row in _medals() if row["team"] == team.upper() and row["year"] != 1906]
    found(rows, f"medals of {team}")
    return {
        "medals": len(rows),
        "gold": sum(row["medal"] == "GOLD" for row in rows),
        "best_seconds": min(row["seconds"] for row in rows),
        "first_year": min(row["year"] for row in rows),
        "athletes": sorted({row["athlete"] for row in rows}),
    }


@lru_cache(maxsize=1)
def _by_athlete() -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = {}
    for row in _medals():
        out.setdefault(row["athlete"].lower(), []).append(row)
    return out


@sprint.api(
    "The Olympic 100 m medals of an athlete.",
    {"athlete": takes("athlete", "Carl Lewis")},
    {
        "team": gives(
            "ioc_code",
            "the IOC code of the team for which {athlete} won Olympic 100 m medals",
            entity="the Olympic team of the sprinter {athlete}",
        ),
        "best_seconds": gives(
            "seconds",
            "the fastest time in seconds with which {athlete} won an Olympic 100 m medal",
        ),
        "first_year": gives(
            "olympic_year", "the year in which {athlete} won his first Olympic 100 m medal"
        ),
    },
)
def athlete_medals(athlete: str) -> Response:
    rows = found(_by_athlete().get(athlete.lower()), f"athlete {athlete}")
    return {
        "team": rows[0]["team"],
        "best_seconds": min(row["seconds"] for row in rows),
        "first_year": min(row["year"] for row in rows),
        "medals": [f"{row['medal'].lower()} {row['year']}" for row in rows],
    }


# ---------------------------------------------------------------- WinterGames2014
winter = Tool(
    "WinterGames2014",
    "Sports",
    "An interim medal table of the Winter Olympics in Sochi, taken on 19 February 2014, four days "
    "before their end.",
)
# The table has the golds of the parallel giant slalom of that day, and none of later days.
TABLE = "the interim medal table of 19 February 2014 of the Winter Olympics in Sochi"
# Olympic codes in the table that are not the ISO codes.
NOT_ISO = {"IRI": "IR", "IVB": "VG", "ISV": "VI"}


@lru_cache(maxsize=1)
def _standings() -> dict[str, dict[str, Any]]:
    """The table by country, the best first: by gold, then silver, then bronze."""
    iso = {row[1]: row[0] for row in table("countries")} | NOT_ISO
    rows = [(iso[code], name, medals) for name, code, *medals in table("olympics2014")]
    rows.sort(key=lambda row: ([-count for count in row[2]], row[0]))
    out: dict[str, dict[str, Any]] = {}
    places: dict[tuple[int, ...], int] = {}
    for i, (code, name, (gold, silver, bronze)) in enumerate(rows, 1):
        out[code] = {
            "country": name,
            "gold": gold,
            "silver": silver,
            "bronze": bronze,
            "total": gold + silver + bronze,
            "place": places.setdefault((gold, silver, bronze), i),
        }
    return out


def _had_won(medal: str) -> Any:
    words = f"the number of {medal} medals of {{country_code}} in {TABLE}"
    return gives("count", words)


@winter.api(
    "The medals of a country in the interim table of 19 February 2014, and its place (by gold, "
    "then silver, then bronze).",
    {"country_code": takes("winter_nation", "NO")},
    {
        "gold": _had_won("gold"),
        "silver": _had_won("silver"),
        "bronze": _had_won("bronze"),
        "total": gives(
            "count",
            f"the number of medals of {{country_code}} in {TABLE}",
            ask=f"How many medals does {{country_code}} have in {TABLE}?",
        ),
        "place": gives(
            "count",
            "the place (by gold, then silver, then bronze) of {country_code} in " + TABLE,
        ),
    },
)
def medals(country_code: str) -> Response:
    return dict(found(_standings().get(country_code.upper()), f"team {country_code}"))


@winter.api(
    "The country at a place of the interim medal table of 19 February 2014 (by gold, then silver, "
    "then bronze).",
    {"place": takes("table_place", 1)},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country at place {place} of " + TABLE,
            entity="the country at place {place} of " + TABLE,
        ),
        "total": gives(
            "count",
            "the number of medals of the country at place {place} of " + TABLE,
        ),
    },
)
def country_at(place: int) -> Response:
    codes = [code for code, row in _standings().items() if row["place"] == place and row["total"]]
    if len(codes) != 1:
        raise HubError(f"one country at place {place} not found")
    return {"country_code": codes[0], **_standings()[codes[0]]}


# ---------------------------------------------------------------- OlympicAlmanac
almanac = Tool("OlympicAlmanac", "Sports", "Where the Olympic Games were held; codes of teams.")
# Year, city and today's country.
SUMMER = """
1896 Athens GR; 1900 Paris FR; 1904 St. Louis US; 1908 London GB; 1912 Stockholm SE;
1920 Antwerp BE; 1924 Paris FR; 1928 Amsterdam NL; 1932 Los Angeles US; 1936 Berlin DE;
1948 London GB; 1952 Helsinki FI; 1956 Melbourne AU; 1960 Rome IT; 1964 Tokyo JP;
1968 Mexico City MX; 1972 Munich DE; 1976 Montréal CA; 1980 Moscow RU; 1984 Los Angeles US;
1988 Seoul KR; 1992 Barcelona ES; 1996 Atlanta US; 2000 Sydney AU; 2004 Athens GR; 2008 Beijing CN;
2012 London GB; 2016 Rio de Janeiro BR; 2020 Tokyo JP; 2024 Paris FR
"""
WINTER = """
1924 Chamonix FR; 1928 St. Moritz CH; 1932 Lake Placid US; 1936 Garmisch-Partenkirchen DE;
1948 St. Moritz CH; 1952 Oslo NO; 1956 Cortina d'Ampezzo IT; 1960 Squaw Valley US;
1964 Innsbruck AT; 1968 Grenoble FR; 1972 Sapporo JP; 1976 Innsbruck AT; 1980 Lake Placid US;
1984 Sarajevo BA; 1988 Calgary CA; 1992 Albertville FR; 1994 Lillehammer NO; 1998 Nagano JP;
2002 Salt Lake City US; 2006 Turin IT; 2010 Vancouver CA; 2014 Sochi RU; 2018 Pyeongchang KR;
2022 Beijing CN
"""
# Codes of today's teams and their countries' ISO codes.
TEAMS = """
AFG=AF ALB=AL ALG=DZ AND=AD ANG=AO ANT=AG ARG=AR ARM=AM ARU=AW ASA=AS AUS=AU AUT=AT AZE=AZ BAH=BS
BAN=BD BAR=BB BDI=BI BEL=BE BEN=BJ BER=BM BHU=BT BIH=BA BIZ=BZ BLR=BY BOL=BO BOT=BW BRA=BR BRN=BH
BRU=BN BUL=BG BUR=BF CAF=CF CAM=KH CAN=CA CAY=KY CGO=CG CHA=TD CHI=CL CHN=CN CIV=CI CMR=CM COD=CD
COK=CK COL=CO COM=KM CPV=CV CRC=CR CRO=HR CUB=CU CYP=CY CZE=CZ DEN=DK DJI=DJ DMA=DM DOM=DO ECU=EC
EGY=EG ERI=ER ESA=SV ESP=ES EST=EE ETH=ET FIJ=FJ FIN=FI FRA=FR FSM=FM GAB=GA GAM=GM GBR=GB GBS=GW
GEO=GE GEQ=GQ GER=DE GHA=GH GRE=GR GRN=GD GUA=GT GUI=GN GUM=GU GUY=GY HAI=HT HKG=HK HON=HN HUN=HU
INA=ID IND=IN IRI=IR IRL=IE IRQ=IQ ISL=IS ISR=IL ISV=VI ITA=IT IVB=VG JAM=JM JOR=JO JPN=JP KAZ=KZ
KEN=KE KGZ=KG KIR=KI KOR=KR KOS=XK KSA=SA KUW=KW LAO=LA LAT=LV LBA=LY LBN=LB LBR=LR LCA=LC LES=LS
LIE=LI LTU=LT LUX=LU MAD=MG MAR=MA MAS=MY MAW=MW MDA=MD MDV=MV MEX=MX MGL=MN MHL=MH MKD=MK MLI=ML
MLT=MT MNE=ME MON=MC MOZ=MZ MRI=MU MTN=MR MYA=MM NAM=NA NCA=NI NED=NL NEP=NP NGR=NG NIG=NE NOR=NO
NRU=NR NZL=NZ OMA=OM PAK=PK PAN=PA PAR=PY PER=PE PHI=PH PLE=PS PLW=PW PNG=PG POL=PL POR=PT PRK=KP
PUR=PR QAT=QA ROU=RO RSA=ZA RUS=RU RWA=RW SAM=WS SEN=SN SEY=SC SGP=SG SKN=KN SLE=SL SLO=SI SMR=SM
SOL=SB SOM=SO SRB=RS SRI=LK SSD=SS STP=ST SUD=SD SUI=CH SUR=SR SVK=SK SWE=SE SWZ=SZ SYR=SY TAN=TZ
TGA=TO THA=TH TJK=TJ TKM=TM TLS=TL TOG=TG TPE=TW TTO=TT TUN=TN TUR=TR TUV=TV UAE=AE UGA=UG UKR=UA
URU=UY USA=US UZB=UZ VAN=VU VEN=VE VIE=VN VIN=VC YEM=YE ZAM=ZM ZIM=ZW
"""
# Former codes of teams that still exist.
FORMER = {"TRI": "TT", "BIR": "MM", "HOL": "NL", "ROM": "RO", "LIB": "LB", "YAR": "YE"}


@lru_cache(maxsize=1)
def _teams() -> dict[str, str]:
    """ISO codes by IOC code."""
    return dict(pair.split("=") for pair in TEAMS.split())


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    """IOC codes by ISO code."""
    return {iso: ioc for ioc, iso in _teams().items()}


def _hosts(text: str) -> dict[int, tuple[str, str]]:
    """City and country by year."""
    games = (" ".join(each.split()) for each in text.split(";"))
    return {int(game[:4]): (game[5:-3], game[-2:]) for game in games}


@lru_cache(maxsize=1)
def _summer() -> dict[int, tuple[str, str]]:
    return _hosts(SUMMER)


@lru_cache(maxsize=1)
def _winter() -> dict[int, tuple[str, str]]:
    return _hosts(WINTER)


def _host(games: str) -> dict[str, Any]:
    return {
        "city": gives(
            "city_name",
            f"the host city of the Olympic {games} Games of {{year}}",
            ask=f"Which city hosted the Olympic {games} Games of {{year}}?",
        ),
        "country_code": gives(
            "country_code",
            f"the ISO alpha-2 code of the country where the host city of the Olympic {games} Games "
            "of {year} lies",
            entity=f"the country where the host city of the Olympic {games} Games of {{year}} lies",
        ),
    }


@almanac.api(
    "The host of the Olympic Summer Games of a year (of 2020 for those held in 2021).",
    {"year": takes("summer_year", 1968)},
    _host("Summer"),
)
def summer_host(year: int) -> Response:
    city, country = found(_summer().get(year), f"Summer Games of {year}")
    return {"city": city, "country_code": country}


@almanac.api(
    "The host of the Olympic Winter Games of a year.",
    {"year": takes("winter_year", 1994)},
    _host("Winter"),
)
def winter_host(year: int) -> Response:
    city, country = found(_winter().get(year), f"Winter Games of {year}")
    return {"city": city, "country_code": country}


@almanac.api(
    "The years in which a country hosted Olympic Summer Games, up to 2024.",
    {"country_code": takes("summer_nation", "US")},
    {
        "years": gives(
            "summer_year[]", "the years of the Olympic Summer Games held in {country_code}"
        ),
    },
)
def summer_games_in(country_code: str) -> Response:
    years = [year for year, host in _summer().items() if host[1] == country_code.upper()]
    return {"count": len(found(years, f"Summer Games in {country_code}")), "years": years}


@almanac.api(
    "The country of an Olympic team code; 404 for teams that are no more, as URS.",
    {"ioc_code": takes("ioc_code", "SUI")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country of {ioc_code}",
            entity="the country of {ioc_code}",
        )
    },
)
def team_country(ioc_code: str) -> Response:
    code = ioc_code.upper()
    country = _teams().get(code) or FORMER.get(code)
    return {"country_code": found(country, f"country of the team {ioc_code}")}


@almanac.api(
    "The code of a country's Olympic team.",
    {"country_code": takes("country_code", "DK")},
    {
        "ioc_code": gives(
            "ioc_code",
            "the three-letter code that the IOC has for {country_code}",
            "the IOC code of the Olympic team of {country_code}",
            entity="the Olympic team of {country_code}",
        )
    },
)
def team_code(country_code: str) -> Response:
    return {"ioc_code": found(_codes().get(country_code.upper()), f"team of {country_code}")}


# ---------------------------------------------------------------- PaceCalculator
pace = Tool("PaceCalculator", "Sports", "Pace, speed and predicted times of runners.")


@pace.api(
    "Pace and speed of a race result.",
    {"race": takes("short_race", "10 km"), "minutes": takes("race_minutes", 45)},
    {
        "seconds_per_km": gives(
            "seconds",
            "the average pace in seconds per kilometre of a runner who finishes {race} in "
            "{minutes}",
        ),
        "kmh": gives(
            "kmh",
            "the average speed in km/h of a runner who finishes {race} in {minutes}",
        ),
    },
)
def race_pace(race: str, minutes: float) -> Response:
    kilometres = RACES[race]
    return {
        "seconds_per_km": round(60 * minutes / kilometres, 2),
        "kmh": round(60 * kilometres / minutes, 3),
    }


@pace.api(
    "The time of a race at a steady pace.",
    {"race": takes("race", "10 km"), "pace_seconds": takes("pace_seconds", 300)},
    {
        "minutes": gives(
            "minutes",
            "the time in minutes for {race} at a steady pace of {pace_seconds}",
            ask="How many minutes does {race} take at a steady pace of {pace_seconds}?",
        )
    },
)
def finish_time(race: str, pace_seconds: float) -> Response:
    return {"minutes": round(RACES[race] * pace_seconds / 60, 3)}


@pace.api(
    "The time over another distance that Riegel's formula (1981) predicts: t × (d2 / d1)^1.06.",
    {
        "race": takes("short_race", "10 km"),
        "minutes": takes("race_minutes", 45),
        "other_race": takes("race", "half marathon"),
    },
    {
        "minutes": gives(
            "minutes",
            "the time in minutes that Riegel's formula (exponent 1.06) predicts for {other_race} "
            "to a runner who needs {minutes} for {race}",
        )
    },
)
def predict_time(race: str, minutes: float, other_race: str) -> Response:
    return {"minutes": round(minutes * (RACES[other_race] / RACES[race]) ** 1.06, 3)}


# ---------------------------------------------------------------- entities
@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return {row[0]: row[3] for row in table("countries")}


def _country_words(code: str) -> list[str]:
    name = _names().get(code, code).removeprefix("The ")
    the = ("United", "Netherlands", "Philippines", "Democratic Republic", "Dominican", "Central")
    return [f"the {name}" if name.startswith(the) else name]


GONE = {"URS": "the Soviet Union", "EUA": "the United Team of Germany"}


def _team_words(code: str) -> list[str]:
    country = _teams().get(code) or FORMER.get(code)
    return _country_words(country) if country else [GONE.get(code, code)]


def _race_words(race: str) -> list[str]:
    return [f"a {race}" if "marathon" in race else f"a race over {race}"]


def _declare(type: str, values: Sequence[float], words: str) -> None:
    entities(type, lambda: values, says=lambda v: (words.format(v),))


entities("olympic_year", lambda: sorted({row["year"] for row in _medals()} - {1906}))
entities("summer_year", lambda: sorted(_summer()))
entities("winter_year", lambda: sorted(_winter()))
entities(
    "ioc_code",
    lambda: sorted(_teams()),
    says=lambda v: (f"the Olympic team with the code {v}",),
    aliases=lambda v: (v, *_team_words(v)),
)
entities(
    "sprint_team",
    lambda: sorted({row["team"] for row in _medals()}),
    says=_team_words,
    aliases=lambda v: (v, *_team_words(v)),
)
entities("athlete", lambda: sorted({row["athlete"] for row in _medals()}))
entities(
    "winter_nation",
    lambda: [code for code, row in _standings().items() if row["total"]],
    says=_country_words,
    aliases=lambda v: (_names().get(v, v),),
)
entities(
    "summer_nation",
    lambda: sorted({country for _, country in _summer().values()}),
    says=_country_words,
    aliases=lambda v: (_names().get(v, v),),
)
entities(
    "race",
    lambda: list(RACES),
    says=_race_words,
)
entities("short_race", lambda: ("5 km", "8 km", "10 km"), says=_race_words)
entities("table_place", lambda: range(1, 18))
_declare("race_minutes", (28, 30, 32, 35, 37, 40, 42, 45, 48, 50, 52, 55, 58), "{:g} minutes")
_declare("pace_seconds", tuple(range(200, 421, 10)), "{:g} seconds per kilometre")
