"""Data: the world's countries in numbers, and US unemployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from ..entities import entities
from ..pack import table
from ..registry import HubError, Tool, found, gives, takes
from ..types import lists, measure, sem
from .events import MONTHS
from .location import fold

Response = Mapping[str, Any]

MILLION: Final = 1_000_000
CONTINENTS: Final = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}
DISSOLVED: Final = ("AN", "CS")

sem("wpp_year", kind="integer", about="year from 1950 to 2100, divisible by five", low=1950,
    high=2100, wider="year", compare="number", tolerance=0)  # fmt: skip
sem("year_1964_2013", kind="integer", about="year from 1964 to 2013", low=1964, high=2013,
    wider="year", compare="number", tolerance=0)  # fmt: skip
sem("year_1950_2012", kind="integer", about="year from 1950 to 2012", low=1950, high=2012,
    wider="year", compare="number", tolerance=0)  # fmt: skip
sem("year_1948_2016", kind="integer", about="year from 1948 to 2016", low=1948, high=2016,
    wider="year", compare="number", tolerance=0)  # fmt: skip
sem("continent", about="a continent", choices=tuple(CONTINENTS.values()), compare="name")
sem("tld", about="top-level domain of a country, as .pt", high=4)
measure("place", "place in a ranking, 1 for the first", 1, 150, kind="integer", tolerance=0)
measure("life_years", "years that people live", 20, 100)
measure("children", "children a woman", 0, 12)
measure("tonnes", "tonnes", -1e12, 1e12)
measure("per_km2", "inhabitants a square kilometre", 0, 1e6)
measure("percentage_points", "percentage points", -100, 100)
lists("country_code")


# ---------------------------------------------------------------- GeoNamesCountries
geonames = Tool(
    "GeoNamesCountries",
    "Data",
    "The country table of GeoNames: codes, capital, currency, neighbours, population.",
)

_COLUMNS: Final = (
    "country_code", "alpha_3", "numeric", "name", "capital", "continent", "area_km2", "population",
    "currency", "currency_name", "calling_code", "tld", "languages", "neighbours",
)  # fmt: skip


def _calling_code(text: str) -> str:
    """The first code of several; of places that share one with a larger country, that one."""
    first = text.strip().lstrip("+").partition(" ")[0]
    head, _, area = first.partition("-")
    return head + area if head == "1" else head


@lru_cache(maxsize=1)
def _countries() -> dict[str, dict[str, Any]]:
    """The countries by ISO alpha-2 code, as the table has them."""
    out = {}
    for row in sorted(table("countries")):
        known = dict(zip(_COLUMNS, row, strict=True))
        if known["country_code"] in DISSOLVED:
            continue
        known["numeric"] = f"{int(known['numeric']):03d}" if known["numeric"] else None
        known["calling_code"] = _calling_code(known["calling_code"])
        known["neighbours"] = sorted(filter(None, known["neighbours"].split(",")))
        out[known["country_code"]] = known
    return out


def _known(country_code: str) -> dict[str, Any]:
    known: dict[str, Any] = found(_countries().get(country_code.upper()), f"country {country_code}")
    return known


@lru_cache(maxsize=8)
def _by(key: str) -> dict[str, list[str]]:
    """Codes of the countries that have a value of a column in common, the largest first."""
    out: dict[str, list[str]] = {}
    for code, known in sorted(_countries().items(), key=lambda item: -item[1]["population"]):
        if known[key]:
            out.setdefault(fold(str(known[key])), []).append(code)
    return out


@geonames.api(
    "What the GeoNames gazetteer knows of a country, by its ISO alpha-2 code.",
    {"country_code": takes("country_code", "PT")},
    {
        "capital": gives(
            "city_name",
            "the capital of {country_code}",
            "the capital city of {country_code}",
            ask="Which city is the capital of {country_code}?",
        ),
        "currency": gives(
            "currency_code",
            "the ISO 4217 code of the currency of {country_code}",
            "the currency code of {country_code}",
            entity="the currency of {country_code}",
            ask="Which currency, as an ISO 4217 code, is used in {country_code}?",
        ),
        "calling_code": gives(
            "calling_code",
            "the international calling code of {country_code}",
            "the phone country code of {country_code}",
        ),
        "alpha_3": gives("country_code3", "the ISO alpha-3 code of {country_code}"),
        "numeric": gives("iso_numeric", "the ISO numeric code of {country_code}"),
        "tld": gives(
            "tld",
            "the internet top-level domain of {country_code}",
            "the country-code top-level domain of {country_code}",
        ),
        "continent": gives(
            "continent",
            "the continent to which {country_code} belongs",
            ask="To which continent does {country_code} belong?",
        ),
        "population": gives(
            "population",
            "the present population of {country_code} according to the GeoNames gazetteer",
            ask="How many people live in {country_code} at present, according to the GeoNames "
            "gazetteer?",
        ),
    },
)
def country_facts(country_code: str) -> Response:
    known = _known(country_code)
    languages = known["languages"].split(",") if known["languages"] else []
    return {
        **{key: value or None for key, value in known.items()},
        "continent": CONTINENTS.get(known["continent"], "Antarctica"),
        "languages": languages,
        "neighbours": known["neighbours"],
    }


@geonames.api(
    "The countries that border a country by land, as ISO alpha-2 codes.",
    {"country_code": takes("country_code", "PT")},
    {
        "count": gives(
            "count",
            "the number of countries that share a land border with {country_code}",
            ask="How many countries border {country_code} by land?",
        ),
        "neighbours": gives("country_code[]", "the land neighbours of {country_code}"),
        "only_neighbour": gives(
            "country_code",
            "the ISO alpha-2 code of the only land neighbour of {country_code}",
            entity="the only land neighbour of {country_code}",
        ),
    },
)
def neighbours(country_code: str) -> Response:
    codes = _known(country_code)["neighbours"]
    only = codes[0] if len(codes) == 1 else None
    return {"count": len(codes), "neighbours": codes, "only_neighbour": only}


@geonames.api(
    "The country that has a city as its capital.",
    {"capital": takes("capital_city", "Lisbon")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country whose capital is {capital}",
            entity="the country whose capital is {capital}",
            ask="Of which country is {capital} the capital?",
        )
    },
)
def country_by_capital(capital: str) -> Response:
    codes = _by("capital").get(fold(capital.partition(",")[0]))
    return {"country_code": found(codes, f"country with the capital {capital}")[0]}


@geonames.api(
    "The country that has an ISO alpha-3 code.",
    {"alpha_3": takes("country_code3", "CHE")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of {alpha_3}",
            entity="{alpha_3}",
        ),
        "name": gives("country_name", "the name of {alpha_3}"),
    },
)
def country_by_alpha3(alpha_3: str) -> Response:
    code = found(_by("alpha_3").get(fold(alpha_3)), f"country {alpha_3}")[0]
    return {"country_code": code, "name": _countries()[code]["name"]}


@geonames.api(
    "The country that a top-level domain of the internet belongs to.",
    {"tld": takes("tld", ".ch")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country with {tld}",
            entity="the country with {tld}",
            ask="Which country has {tld}?",
        )
    },
)
def country_by_tld(tld: str) -> Response:
    domain = tld if tld.startswith(".") else f".{tld}"
    return {"country_code": found(_by("tld").get(fold(domain)), f"top-level domain {tld}")[0]}


@geonames.api(
    "The countries and territories that use a currency.",
    {"currency": takes("currency_code", "XOF")},
    {
        "count": gives(
            "count",
            "the number of countries and territories whose currency is {currency}",
            ask="How many countries and territories have {currency} as their currency?",
        ),
        "country_codes": gives(
            "country_code[]", "the countries and territories whose currency is {currency}"
        ),
        "most_populous": gives(
            "country_code",
            "the ISO alpha-2 code of the most populous country whose currency is {currency}",
            entity="the most populous country whose currency is {currency}",
        ),
    },
)
def countries_by_currency(currency: str) -> Response:
    codes = found(_by("currency").get(fold(currency)), f"countries with the currency {currency}")
    return {"count": len(codes), "country_codes": sorted(codes)[:50], "most_populous": codes[0]}


@geonames.api(
    "The countries that an international calling code belongs to.",
    {"calling_code": takes("calling_code", "351")},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the most populous country that is reached by dialling "
            "{calling_code} from abroad",
            entity="the most populous country that is reached by dialling {calling_code} from "
            "abroad",
            ask="Which country (the most populous, if there are several) is reached by dialling "
            "{calling_code} from abroad?",
        )
    },
)
def country_by_calling_code(calling_code: str) -> Response:
    code = calling_code.lstrip("+").replace("-", "")
    codes = found(_by("calling_code").get(code), f"country with the calling code {calling_code}")
    return {"country_code": codes[0], "country_codes": codes[:50]}


@geonames.api(
    "The largest and the most populous countries and territories of a continent.",
    {"continent": takes("continent", "Africa")},
    {
        "count": gives(
            "count",
            "the number of countries and territories of {continent} according to the GeoNames "
            "gazetteer",
        ),
        "largest": gives(
            "country_code[]", "the five countries of {continent} that have the largest areas"
        ),
        "most_populous": gives("country_code[]", "the five most populous countries of {continent}"),
    },
)
def continent(continent: str) -> Response:
    mark = next(code for code, name in CONTINENTS.items() if name == continent)
    own = [known for known in _countries().values() if known["continent"] == mark]

    def first(key: str) -> list[str]:
        ranked = sorted(own, key=lambda known: (-known[key], known["country_code"]))
        return [known["country_code"] for known in ranked[:5]]

    return {
        "count": len(own),
        "largest": first("area_km2"),
        "most_populous": first("population"),
    }


@geonames.api(
    "How many people live on a square kilometre of a country.",
    {"country_code": takes("country_code", "BD")},
    {
        "density": gives(
            "per_km2",
            "the number of inhabitants per square kilometre of {country_code} according to the "
            "GeoNames gazetteer",
            ask="How many people live on a square kilometre of {country_code} on average, "
            "according to the GeoNames gazetteer?",
        )
    },
)
def population_density(country_code: str) -> Response:
    known = _known(country_code)
    if not known["area_km2"]:
        raise HubError(f"area of country {country_code} not found")
    return {"density": round(known["population"] / known["area_km2"], 3)}


# ---------------------------------------------------------------- names to codes
# Countries as tables of the 2010s call them, where GeoNames calls them otherwise.
_OLD_NAMES: Final = {
    "Cape Verde": "CV", "Central African Rep.": "CF", "Congo, Dem. Rep.": "CD",
    "Congo, Rep.": "CG", "Cote d'Ivoire": "CI", "Czech Rep.": "CZ", "Dominican Rep.": "DO",
    "Faeroe Islands": "FO", "Holy See": "VA", "Hong Kong, China": "HK",
    "Korea, Dem. Rep.": "KP", "Korea, Rep.": "KR", "Kyrgyzstan": "KG", "Laos": "LA",
    "Macao, China": "MO", "Macedonia, FYR": "MK", "Micronesia, Fed. Sts.": "FM",
    "Netherlands": "NL", "Pitcairn": "PN", "Reunion": "RE", "Saint-Pierre-et-Miquelon": "PM",
    "Slovak Republic": "SK", "Swaziland": "SZ", "Timor-Leste": "TL",
    "Virgin Islands (U.S.)": "VI", "Wallis et Futuna": "WF", "West Bank and Gaza": "PS",
    "Yemen, Rep.": "YE", "Åland": "AX",
}  # fmt: skip


@lru_cache(maxsize=1)
def _codes_by_name() -> dict[str, str]:
    known = {fold(known["name"]).strip(): code for code, known in _countries().items()}
    return known | {fold(name): code for name, code in _OLD_NAMES.items()}


@lru_cache(maxsize=4)
def _series(name: str) -> dict[str, dict[int, list[Any]]]:
    """A table of countries and years, by country code and year; unknown names are left out."""
    out: dict[str, dict[int, list[Any]]] = {}
    for country, year, *values in table(name):
        code = _codes_by_name().get(fold(country))
        if code and any(value is not None for value in values):
            out.setdefault(code, {})[year] = values
    return dict(sorted(out.items()))


def _of_country(name: str, country_code: str) -> dict[int, list[Any]]:
    _known(country_code)
    years: dict[int, list[Any]] = found(
        _series(name).get(country_code.upper()), f"figures of country {country_code}"
    )
    return years


def _of_year(name: str, country_code: str, year: int) -> list[Any]:
    values: list[Any] = found(
        _of_country(name, country_code).get(year), f"figures of {country_code} in {year}"
    )
    return values


def _ranking(
    name: str, year: int, value: Callable[[list[Any]], float | None]
) -> list[tuple[float, str]]:
    """The values of a year and the codes of countries with a million inhabitants, largest first."""
    rows = []
    for code, years in _series(name).items():
        if year in years and _countries()[code]["population"] >= MILLION:
            each = value(years[year])
            if each is not None:
                rows.append((each, code))
    return sorted(rows, key=lambda row: (-row[0], row[1]))


def _nth(ranking: list[tuple[float, str]], place: int) -> tuple[float, str]:
    if place > len(ranking):
        raise HubError(f"there are {len(ranking)} places, no place {place}")
    return ranking[place - 1]


# ---------------------------------------------------------------- WorldPopulation
population_tool = Tool(
    "WorldPopulation",
    "Data",
    "The United Nations' World Population Prospects 2024: every fifth year from 1950 to 2100.",
)

_UN_REGIONS: Final = {"south-eastern asia": "south-eastern asia",
                      "australia and new zealand": "australia/new zealand"}  # fmt: skip


@lru_cache(maxsize=1)
def _people() -> tuple[dict[str, dict[int, list[int]]], dict[str, dict[int, list[int]]]]:
    """Men, women and three age groups by year: of countries by code, of regions by name."""
    codes = {int(known["numeric"]): code for code, known in _countries().items()
             if known["numeric"]}  # fmt: skip
    codes[412] = "XK"
    countries: dict[str, dict[int, list[int]]] = {}
    regions: dict[str, dict[int, list[int]]] = {}
    for number, place, year, *values in table("population"):
        if number in codes:
            countries.setdefault(codes[number], {})[year] = values
        else:
            regions.setdefault(fold(place), {})[year] = values
    return countries, regions


def _counted(country_code: str, year: int) -> list[int]:
    if year % 5:
        raise HubError("the year must be divisible by five, from 1950 to 2100", 400)
    years = found(_people()[0].get(country_code.upper()), f"population of country {country_code}")
    values: list[int] = found(years.get(year), f"population of {country_code} in {year}")
    return values


def _share(part: int, values: list[int]) -> float:
    return round(100 * part / (values[0] + values[1]), 2)


@population_tool.api(
    "The population of a country in a year (estimated; projected after 2023), by sex and age.",
    {"country_code": takes("country_code", "NG"), "year": takes("wpp_year", 2020)},
    {
        "population": gives(
            "population",
            "the population of {country_code} in {year} according to the UN's World Population "
            "Prospects 2024",
            ask="How many people live in {country_code} in {year}, according to the UN's World "
            "Population Prospects 2024?",
        ),
        "share_65_plus": gives(
            "percent",
            "the percentage of people aged 65 or more in the population of {country_code} in "
            "{year}",
        ),
        "share_0_14": gives(
            "percent",
            "the percentage of children under 15 in the population of {country_code} in {year}",
        ),
        "female": gives(
            "population",
            "the number of women and girls in {country_code} in {year} according to the UN's "
            "World Population Prospects 2024",
        ),
    },
)
def population(country_code: str, year: int) -> Response:
    values = _counted(country_code, year)
    male, female, young, _, old = values
    return {
        "population": male + female,
        "male": male,
        "female": female,
        "share_0_14": _share(young, values),
        "share_65_plus": _share(old, values),
    }


@population_tool.api(
    "How much the population of a country grows from one year to another.",
    {
        "country_code": takes("country_code", "JP"),
        "from_year": takes("wpp_year", 2000),
        "to_year": takes("wpp_year", 2020),
    },
    {
        "growth_percent": gives(
            "percent",
            "the change in percent of the population of {country_code} from {from_year} to "
            "{to_year}",
            ask="By how many percent does the population of {country_code} change from "
            "{from_year} to {to_year}, according to the UN's World Population Prospects 2024?",
        )
    },
)
def growth(country_code: str, from_year: int, to_year: int) -> Response:
    before, after = (sum(_counted(country_code, year)[:2]) for year in (from_year, to_year))
    if from_year >= to_year:
        raise HubError("to_year must be after from_year", 400)
    return {"growth_percent": round(100 * (after / before - 1), 3), "change": after - before}


@population_tool.api(
    "The year, of every fifth from 1950 to 2100, in which a country has the most inhabitants.",
    {"country_code": takes("country_code", "KR")},
    {
        "year": gives(
            "wpp_year",
            "the year, of every fifth from 1950 to 2100, in which the population of {country_code} "
            "is largest",
            ask="In which year, of every fifth from 1950 to 2100, is the population of "
            "{country_code} largest, according to the UN's World Population Prospects 2024?",
        ),
        "population": gives(
            "population",
            "the largest population that {country_code} has in any fifth year from 1950 to 2100",
        ),
    },
)
def population_peak(country_code: str) -> Response:
    years = found(_people()[0].get(country_code.upper()), f"population of country {country_code}")
    people = {year: values[0] + values[1] for year, values in years.items()}
    peak = min(people, key=lambda year: (-people[year], year))
    return {"year": peak, "population": people[peak]}


@lru_cache(maxsize=64)
def _most_populous(year: int) -> list[tuple[float, str]]:
    rows = [(years[year][0] + years[year][1], code) for code, years in _people()[0].items()]
    return sorted(rows, key=lambda row: (-row[0], row[1]))


@population_tool.api(
    "The country at a place of the ranking by population in a year.",
    {"place": takes("place", 10), "year": takes("wpp_year", 1990)},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that is in the {place} place by population in "
            "{year}",
            entity="the country that is in the {place} place by population in {year}",
            ask="Which country is in the {place} place by population in {year}, according to the "
            "UN's World Population Prospects 2024?",
        )
    },
)
def population_rank(place: int, year: int) -> Response:
    if year % 5:
        raise HubError("the year must be divisible by five, from 1950 to 2100", 400)
    people, code = _nth(_most_populous(year), place)
    return {"country_code": code, "population": int(people)}


@population_tool.api(
    "The population of a subregion of the UN, as Western Africa, in a year.",
    {"subregion": takes("subregion", "Western Africa"), "year": takes("wpp_year", 2050)},
    {
        "population": gives(
            "population",
            "the population of {subregion} in {year} according to the UN's World Population "
            "Prospects 2024",
            ask="How many people live in {subregion} in {year}, according to the UN's World "
            "Population Prospects 2024?",
        )
    },
)
def region_population(subregion: str, year: int) -> Response:
    name = fold(subregion)
    years = found(_people()[1].get(_UN_REGIONS.get(name, name)), f"subregion {subregion}")
    male, female, *_ = found(years.get(year), f"population of {subregion} in {year}")
    return {"population": male + female}


# ---------------------------------------------------------------- Gapminder
gapminder = Tool(
    "Gapminder",
    "Data",
    "Life expectancy, fertility and population of countries from 1964 to 2013.",
)


def _life(values: list[Any]) -> float | None:
    return None if values[1] is None else float(values[1])


def _fertility(values: list[Any]) -> float | None:
    return None if values[0] is None else float(values[0])


@gapminder.api(
    "Life expectancy, fertility and population of a country in a year.",
    {"country_code": takes("country_code", "BR"), "year": takes("year_1964_2013", 1990)},
    {
        "life_expectancy": gives(
            "life_years",
            "the life expectancy at birth, in years, in {country_code} in {year}",
            ask="What was the life expectancy at birth, in years, in {country_code} in {year}?",
        ),
        "fertility": gives(
            "children",
            "the fertility rate (children per woman) of {country_code} in {year}",
            ask="How many children did a woman in {country_code} have on average in {year}?",
        ),
    },
)
def indicators(country_code: str, year: int) -> Response:
    fertility, life, people = _of_year("gapminder", country_code, year)
    return {
        "fertility": fertility,
        "life_expectancy": life,
        "population": None if people is None else int(people),
    }


@gapminder.api(
    "The country at a place of the ranking by life expectancy in a year, among countries of a "
    "million inhabitants.",
    {"place": takes("place", 5), "year": takes("year_1964_2013", 2000)},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that was in the {place} place by life expectancy "
            "in {year}, among countries that have a million inhabitants today",
            entity="the country that was in the {place} place by life expectancy in {year} (among "
            "countries that have a million inhabitants today)",
            ask="Which country was in the {place} place by life expectancy in {year}, among "
            "countries that have a million inhabitants today?",
        )
    },
)
def life_expectancy_rank(place: int, year: int) -> Response:
    years, code = _nth(_ranking("gapminder", year, _life), place)
    return {"country_code": code, "life_expectancy": years}


@gapminder.api(
    "The country at a place of the ranking by children per woman in a year, among countries of a "
    "million inhabitants.",
    {"place": takes("place", 3), "year": takes("year_1964_2013", 1985)},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that was in the {place} place by fertility rate "
            "in {year}, among countries that have a million inhabitants today",
            entity="the country that was in the {place} place by fertility rate in {year} (among "
            "countries that have a million inhabitants today)",
            ask="Which country was in the {place} place by fertility rate in {year}, among "
            "countries that have a million inhabitants today?",
        )
    },
)
def fertility_rank(place: int, year: int) -> Response:
    children, code = _nth(_ranking("gapminder", year, _fertility), place)
    return {"country_code": code, "fertility": children}


@gapminder.api(
    "By how many years the life expectancy of a country changed from one year to another.",
    {
        "country_code": takes("country_code", "VN"),
        "from_year": takes("year_1964_2013", 1970),
        "to_year": takes("year_1964_2013", 2010),
    },
    {
        "change": gives(
            "number",
            "the change, in years, of the life expectancy at birth in {country_code} from "
            "{from_year} to {to_year}",
            ask="By how many years did the life expectancy at birth in {country_code} change from "
            "{from_year} to {to_year}?",
        )
    },
)
def life_expectancy_change(country_code: str, from_year: int, to_year: int) -> Response:
    if from_year >= to_year:
        raise HubError("to_year must be after from_year", 400)
    before, after = (_of_year("gapminder", country_code, year)[1] for year in (from_year, to_year))
    if before is None or after is None:
        raise HubError(f"life expectancy of {country_code} in these years not found")
    return {"change": round(after - before, 3)}


@gapminder.api(
    "The first year from 1965 to 2013 in which the life expectancy of a country reached an age.",
    {"country_code": takes("country_code", "CN"), "age": takes("life_years", 70)},
    {
        "year": gives(
            "year_1964_2013",
            "the first year in which the life expectancy at birth in {country_code} was {age} "
            "years or more",
            ask="In which year did the life expectancy at birth in {country_code} first reach "
            "{age} years?",
        )
    },
)
def life_expectancy_reached(country_code: str, age: float) -> Response:
    years = _of_country("gapminder", country_code)
    reached = [year for year, values in sorted(years.items()) if (_life(values) or 0) >= age]
    first = found(reached, f"year in which people of {country_code} reached {age} years")[0]
    if first == 1964:
        raise HubError(f"people of {country_code} reached {age} years in 1964 or before")
    return {"year": first, "life_expectancy": years[first][1]}


# ---------------------------------------------------------------- CarbonEmissions
emissions = Tool(
    "CarbonEmissions",
    "Data",
    "Tonnes of carbon dioxide that countries emitted for each inhabitant, 1950 to 2012.",
)


def _co2(values: list[Any]) -> float | None:
    return None if values[0] is None else round(float(values[0]), 4)


@emissions.api(
    "The carbon dioxide emissions per inhabitant of a country in a year, in tonnes.",
    {"country_code": takes("country_code", "JP"), "year": takes("year_1950_2012", 2000)},
    {
        "tonnes_per_capita": gives(
            "tonnes",
            "the carbon dioxide emissions of {country_code} in {year} in tonnes per inhabitant",
            ask="How many tonnes of carbon dioxide per inhabitant did {country_code} emit in "
            "{year}?",
        )
    },
)
def co2_per_capita(country_code: str, year: int) -> Response:
    return {"tonnes_per_capita": _co2(_of_year("emissions", country_code, year))}


@emissions.api(
    "The country at a place of the ranking by carbon dioxide emissions per inhabitant in a year, "
    "among countries of a million inhabitants.",
    {"place": takes("place", 5), "year": takes("year_1950_2012", 1990)},
    {
        "country_code": gives(
            "country_code",
            "the ISO alpha-2 code of the country that was in the {place} place by carbon dioxide "
            "emissions per inhabitant in {year}, among countries that have a million inhabitants "
            "today",
            entity="the country that was in the {place} place by carbon dioxide emissions per "
            "inhabitant in {year} (among countries that have a million inhabitants today)",
            ask="Which country was in the {place} place by carbon dioxide emissions per "
            "inhabitant in {year}, among countries that have a million inhabitants today?",
        )
    },
)
def emission_rank(place: int, year: int) -> Response:
    tonnes, code = _nth(_ranking("emissions", year, _co2), place)
    return {"country_code": code, "tonnes_per_capita": tonnes}


@emissions.api(
    "The year from 1950 to 2012 in which a country emitted most carbon dioxide per inhabitant.",
    {"country_code": takes("country_code", "SE")},
    {
        "year": gives(
            "year_1950_2012",
            "the year from 1950 to 2012 in which {country_code} emitted most carbon dioxide per "
            "inhabitant",
            ask="In which year from 1950 to 2012 did {country_code} emit most carbon dioxide per "
            "inhabitant?",
        ),
        "tonnes_per_capita": gives(
            "tonnes",
            "the most carbon dioxide, in tonnes per inhabitant, that {country_code} emitted in a "
            "year from 1950 to 2012",
        ),
    },
)
def emission_peak(country_code: str) -> Response:
    years = {y: _co2(values) or 0.0 for y, values in _of_country("emissions", country_code).items()}
    peak = min(years, key=lambda year: (-years[year], year))
    return {"year": peak, "tonnes_per_capita": years[peak]}


@emissions.api(
    "How much the carbon dioxide emissions per inhabitant of a country changed between two years.",
    {
        "country_code": takes("country_code", "CN"),
        "from_year": takes("year_1950_2012", 1980),
        "to_year": takes("year_1950_2012", 2010),
    },
    {
        "change": gives(
            "tonnes",
            "the change, in tonnes, of the carbon dioxide emissions per inhabitant of "
            "{country_code} from {from_year} to {to_year}",
            ask="By how many tonnes did the carbon dioxide emissions per inhabitant of "
            "{country_code} change from {from_year} to {to_year}?",
        )
    },
)
def emission_change(country_code: str, from_year: int, to_year: int) -> Response:
    if from_year >= to_year:
        raise HubError("to_year must be after from_year", 400)
    before = _co2(_of_year("emissions", country_code, from_year)) or 0.0
    after = _co2(_of_year("emissions", country_code, to_year)) or 0.0
    return {"change": round(after - before, 4)}


# ---------------------------------------------------------------- UsLabor
labor = Tool("UsLabor", "Data", "The unemployment rate of the United States, 1948 to 2016.")


@lru_cache(maxsize=1)
def _unemployment() -> dict[int, list[float]]:
    return {year: values for year, *values in table("us_unemployment")}


@labor.api(
    "The US unemployment rate of a month in percent, not seasonally adjusted.",
    {"month": takes("month_name", "October"), "year": takes("year_1948_2016", 2009)},
    {
        "rate_percent": gives(
            "percent",
            "the US unemployment rate in percent in {month} of {year} (not seasonally adjusted)",
            ask="How high, in percent, was the US unemployment rate (not seasonally adjusted) in "
            "{month} of {year}?",
        )
    },
)
def unemployment(month: str, year: int) -> Response:
    return {"rate_percent": _unemployment()[year][MONTHS.index(month)]}


@labor.api(
    "The US unemployment rate of a year: the average of its months, in percent.",
    {"year": takes("year_1948_2016", 1982)},
    {
        "rate_percent": gives(
            "percent",
            "the average US unemployment rate of {year} in percent",
            ask="How high, in percent, was the average US unemployment rate of {year}?",
        )
    },
)
def unemployment_of_year(year: int) -> Response:
    return {"rate_percent": _unemployment()[year][12]}


@labor.api(
    "The month of a year in which US unemployment was highest, the first one if several were.",
    {"year": takes("year_1948_2016", 1975)},
    {
        "month": gives(
            "text",
            "the first month of {year} in which the US unemployment rate (not seasonally "
            "adjusted) was at that year's highest",
            ask="In which month of {year}, the first if there are several, was the US "
            "unemployment rate (not seasonally adjusted) highest?",
        ),
        "rate_percent": gives(
            "percent",
            "the highest monthly US unemployment rate (not seasonally adjusted) of {year} in "
            "percent",
        ),
    },
)
def unemployment_peak(year: int) -> Response:
    months = _unemployment()[year][:12]
    return {"month": MONTHS[months.index(max(months))], "rate_percent": max(months)}


@labor.api(
    "By how many percentage points the average US unemployment rate of one year differs from "
    "that of another.",
    {
        "from_year": takes("year_1948_2016", 2007),
        "to_year": takes("year_1948_2016", 2010),
    },
    {
        "change": gives(
            "percentage_points",
            "the change, in percentage points, of the average US unemployment rate from "
            "{from_year} to {to_year}",
        )
    },
)
def unemployment_change(from_year: int, to_year: int) -> Response:
    if from_year >= to_year:
        raise HubError("to_year must be after from_year", 400)
    before, after = _unemployment()[from_year][12], _unemployment()[to_year][12]
    return {"change": round(after - before, 1)}


# ---------------------------------------------------------------- entities
def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _domains() -> list[str]:
    known = _countries().values()
    return [each["tld"] for each in known if each["tld"] and each["population"] >= MILLION]


entities("wpp_year", lambda: range(1950, 2101, 5))
entities("year_1964_2013", lambda: range(1964, 2014))
entities("year_1950_2012", lambda: range(1950, 2013))
entities("year_1948_2016", lambda: range(1948, 2017))
entities("continent", lambda: list(CONTINENTS.values()))
entities("tld", _domains, says=lambda v: (f"the internet top-level domain {v}",))
entities("place", lambda: range(2, 61), says=lambda v: (_ordinal(v),))
entities("life_years", lambda: range(45, 83))
