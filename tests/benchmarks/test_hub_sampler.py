"""How the hub's tasks are made: words for facts, what is turned away, mirrors, rewording."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.hub.expressions import Fact, Input, Seed, execute
from toolgrove.benchmarks.hub.filters import Filters
from toolgrove.benchmarks.hub.fingerprint import fingerprint, pack_digest
from toolgrove.benchmarks.hub.graph import Graph, light_endpoints
from toolgrove.benchmarks.hub.make import DATA, make_sets, write, write_lines
from toolgrove.benchmarks.hub.mirrors import Mirrors, renames
from toolgrove.benchmarks.hub.paraphrase import faithful, paraphrase, reword
from toolgrove.benchmarks.hub.questions import Question
from toolgrove.benchmarks.hub.wording import Speaker, capital, enumerate_words, readable, smooth
from toolgrove.cli import main
from toolgrove.core import Completion, ModelError, Request, UsageError
from toolgrove.core.solution import Operator
from toolgrove.envs.hub.registry import by_function, endpoints
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import Line, line

pytestmark = pytest.mark.skipif(
    "CountryAtlas.country_profile" not in endpoints(), reason="needs the extra hub"
)
JAPAN, FRANCE, INDIA = (Seed("country_code", code) for code in ("JP", "FR", "IN"))
NARITA = Seed("iata", "NRT")
KYOTO, TOKYO = Seed("city_name", "Kyoto"), Seed("city_name", "Tokyo")
DAY = Seed("date", "2024-03-12")


def fact(what: str, /, **inputs: Input) -> Fact:
    """``Tool.api.key`` of these inputs."""
    id, _, key = what.rpartition(".")
    return Fact(endpoints()[id], key, inputs)


def country_of(city: Seed) -> Fact:
    return fact("WorldCities.search_city.country_code", name=city)


def sunrise(**place: Input) -> Fact:
    return fact("SunMoon.sun_times.sunrise_utc", **place, date=Seed("date", "2024-03-29"))


def at_narita() -> Fact:
    here = {
        key: fact(f"AirportDirectory.airport_by_iata.{key}", iata=NARITA)
        for key in ("latitude", "longitude")
    }
    return sunrise(**here)


def said(about: Fact, times: int = 40) -> set[str]:
    """All ways in which the question comes out."""
    return {Speaker(random.Random(i)).question(about) for i in range(times)}


# Words


@pytest.mark.parametrize(
    ("text", "smoothed"),
    [
        ("What is the BIC the BIC of ING?", "What is the BIC of ING?"),
        ("the capital of Japan", "the capital of Japan"),
        ("the film called the film of 1999", "the film of 1999"),
        ("the planet called the one nearest", "the planet nearest"),
        ("the main language the main language of Peru", "the main language of Peru"),
    ],
)
def test_stumbles_of_nesting_are_smoothed(text: str, smoothed: str) -> None:
    assert smooth(text) == smoothed


def test_what_is_too_long_or_says_a_thing_twice_in_a_row_is_not_readable() -> None:
    assert readable("What is the capital of Japan?")
    assert not readable("What is the capital of the capital of the capital of Japan?")
    assert not readable("in Paris, in Paris")
    assert readable("x y" * 106) is False and readable("".join(map(str, range(140)))[:320])
    assert not readable("".join(map(str, range(150)))[:321])


def test_words_are_listed_as_people_do() -> None:
    assert enumerate_words(["a"]) == "a"
    assert enumerate_words(["a", "b"]) == "a and b"
    assert enumerate_words(["a", "b", "c"], "or") == "a, b or c"
    assert capital("ümlaut") == "Ümlaut" and capital("") == ""


def test_things_are_called_by_their_names_and_not_by_codes() -> None:
    asked = said(fact("CountryAtlas.country_profile.capital", country_code=JAPAN))
    assert len(asked) >= 5
    for text in asked:
        assert "Japan" in text and "JP" not in text and "country_code" not in text
    assert "What is the capital of Japan?" in asked


def test_what_a_code_stands_for_is_said_in_its_place() -> None:
    nested = fact("CountryAtlas.country_profile.capital", country_code=country_of(KYOTO))
    assert "What is the capital of the country in which Kyoto lies?" in said(nested)
    assert not any("ISO" in text or "code" in text for text in said(nested))


def test_a_speaker_keeps_to_one_name_and_remembers_what_was_said() -> None:
    for i in range(10):
        speaker = Speaker(random.Random(i))
        names = {speaker.name(Seed("date", "2024-03-29")) for _ in range(5)}
        assert len(names) == 1 and speaker.literals == list(names)


def test_latitude_and_longitude_of_one_place_collapse_into_it() -> None:
    asked = said(at_narita())
    assert any("sunrise in UTC at Narita International Airport (NRT) on" in t for t in asked)
    for text in asked:
        assert text.count("Narita") == 1
        assert not any(word in text for word in ("latitude", "longitude", "the point", "{", "()"))


def test_a_point_of_numbers_stays_one() -> None:
    place = {"latitude": Seed("latitude", 35.5), "longitude": Seed("longitude", 139.25)}
    assert all("the point (35.5° N, 139.25° E)" in text for text in said(sunrise(**place)))


# What is turned away


@lru_cache(maxsize=1)
def filters() -> Filters:
    names = (
        "IsoRegistry.search_country", "IsoRegistry.country_codes", "IsoRegistry.country_of_alpha3",
        "WorldCities.search_city", "WorldCities.largest_cities", "CountryAtlas.country_profile",
        "HolidayCalendar.holiday_on",
    )  # fmt: skip
    return Filters(Graph([endpoints()[name] for name in names], "test"), "test")


def reason(operator: Operator, *facts: Fact) -> str:
    question = Question(operator, facts)
    done = execute(question.solution()[0], by_function())
    assert done is not None
    return filters().reason(question, done[1], random.Random(0))


def test_a_question_worth_asking_is_kept() -> None:
    capital = fact("CountryAtlas.country_profile.capital", country_code=JAPAN)
    assert reason("value", capital) == ""
    chain = fact("CountryAtlas.country_profile.calling_code", country_code=country_of(KYOTO))
    assert chain.value() == "81" and reason("value", chain) == ""


def test_a_hop_that_does_not_matter() -> None:
    day = fact("HolidayCalendar.holiday_on.is_holiday", country_code=country_of(KYOTO), date=DAY)
    assert day.value() is False  # and so it is nearly everywhere
    assert reason("value", day) == "a hop does not matter"


def test_a_shorter_way() -> None:
    name = Seed("country_name", "Japan")
    alpha2 = fact("IsoRegistry.search_country.alpha_2", query=name)
    long = fact("IsoRegistry.country_codes.alpha_3", code=alpha2)
    short = fact("IsoRegistry.search_country.alpha_3", query=name)
    assert long.value() == short.value() == "JPN"
    assert reason("value", long) == "there is a shorter way"
    assert reason("value", short) == ""


def test_an_answer_that_is_in_the_question() -> None:
    city = fact("WorldCities.largest_cities.top", country_code=country_of(TOKYO))
    assert city.value() == "Tokyo" and reason("value", city) == "answer is in the question"
    other = fact("WorldCities.largest_cities.top", country_code=country_of(KYOTO))
    assert reason("value", other) == ""


def test_a_circle() -> None:
    alpha3 = fact("IsoRegistry.country_codes.alpha_3", code=country_of(KYOTO))
    back = fact("IsoRegistry.country_of_alpha3.alpha_2", alpha_3=alpha3)
    assert back.value() == country_of(KYOTO).value() == "JP"
    assert reason("value", back) == "a hop leads back"


def test_a_list_is_no_answer_and_one_thing_is_not_compared_with_itself() -> None:
    neighbours = fact("CountryAtlas.land_borders.borders", country_code=FRANCE)
    area = fact("CountryAtlas.country_profile.area_km2", country_code=FRANCE)
    assert reason("both", area, neighbours) == "answer is a list"
    twice = fact("WorldCities.city_distance.distance_km", city_1=KYOTO, city_2=KYOTO)
    question = Question("value", (twice,))
    told = filters().reason(question, 1.0, random.Random(0))
    assert told == "a fact is about one thing twice"


def test_values_that_are_too_close_to_compare() -> None:
    area = fact("CountryAtlas.country_profile.area_km2", country_code=FRANCE)
    assert reason("difference", area, area) == "values are too close"
    india = fact("CountryAtlas.country_profile.area_km2", country_code=INDIA)
    assert reason("difference", area, india) == ""


def test_filters_count_what_they_turn_away() -> None:
    counting = Filters(filters().graph, "test")
    capital = fact("CountryAtlas.country_profile.capital", country_code=JAPAN)
    city = fact("WorldCities.largest_cities.top", country_code=country_of(TOKYO))
    for each in (capital, city, city):
        counting.passes(Question("value", (each,)), each.value(), random.Random(0))
    assert counting.dropped == {"kept": 1, "answer is in the question": 2}


# Mirrors


@lru_cache(maxsize=1)
def mirrors() -> Mirrors:
    return Mirrors(list(light_endpoints().values()))


def alike(about: Fact) -> set[str]:
    """The APIs that say the same in one call."""
    ways = mirrors().of(about)
    return {w.endpoint.id for w in ways if not any(isinstance(i, Fact) for i in w.inputs.values())}


@pytest.mark.parametrize(
    "name", ["CountryAtlas.land_borders", "BorderAtlas.neighbours", "GeoNamesCountries.neighbours"]
)
def test_three_sources_of_land_neighbours_are_mirrors(name: str) -> None:
    there = {"CountryAtlas.land_borders", "BorderAtlas.neighbours", "GeoNamesCountries.neighbours"}
    assert alike(fact(f"{name}.count", country_code=FRANCE)) >= there - {name}


def test_a_mirror_says_the_same_of_the_same() -> None:
    count = fact("CountryAtlas.land_borders.count", country_code=INDIA)
    assert all(seed == INDIA for way in mirrors().of(count) for seed in way.seeds())


def test_the_largest_city_is_no_mirror_of_the_capital() -> None:
    capital = fact("CountryAtlas.country_profile.capital", country_code=FRANCE)
    largest = fact("WorldCities.largest_cities.top", country_code=FRANCE)
    assert capital.value() == largest.value() == "Paris"  # here, and by chance
    assert "WorldCities.largest_cities" not in alike(capital)
    assert "CountryAtlas.country_profile" not in alike(largest)


def test_a_certificate_does_without_the_api_and_reaches_the_answer() -> None:
    kenya = Seed("country_code", "KE")
    question = Question("value", (fact("CountryAtlas.land_borders.count", country_code=kenya),))
    [(dead, ways)] = mirrors().certificates(question, question.facts[0].value()).items()
    assert dead == "CountryAtlas.land_borders" and 1 <= len(ways) <= 2
    assert all(dead not in way["path"] for way in ways)
    assert mirrors().certificates(question, 99) == {}


def test_a_certificate_holds_on_the_instance_and_not_by_analogy() -> None:
    count = fact("CountryAtlas.land_borders.count", country_code=INDIA)
    assert alike(count) and count.value() == 8  # the two others say 6
    assert mirrors().certificates(Question("value", (count,)), 8) == {}


def test_documents_may_misname_the_parameter_of_apis_that_have_one() -> None:
    path = ["CountryAtlas.land_borders", "SunMoon.sun_times", "IsoRegistry.search_country"]
    assert renames(endpoints(), path) == {
        "CountryAtlas.land_borders": ["country_code", "query"],
        "IsoRegistry.search_country": ["query", "term"],
    }


# Rewording


RECORD: dict[str, Any] = {
    "instruction": "What is the capital of the country in which Kyoto 2 lies?",
    "answer": "Tokyo",
    "literals": ["Kyoto 2"],
    "path": ["WorldCities.search_city", "CountryAtlas.country_profile"],
}


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("Kyoto 2 lies in some country: which city is its capital?", True),
        ("Kyoto lies in some country: which city is its capital?", False),  # a name is lost
        ("kyoto 2 lies in some country: which city is its capital?", False),
        ("Kyoto 2 lies in 1 country: which city is its capital?", False),  # a number is new
        ("Is Tokyo the capital of the country in which Kyoto 2 lies?", False),  # tells the answer
        ("Ask WorldCities for the capital of Kyoto 2's country.", False),  # names a tool
        ("Use search_city for the capital of Kyoto 2's country.", False),  # names an API
        ("What is the capital of the country in which Kyoto 2 lies?", False),  # nothing new
        ("Kyoto 2?", False),
        ("Kyoto 2 " + "really " * 80, False),
        ("", False),
    ],
)
def test_a_rewording_is_taken_only_if_it_is_still_the_task(text: str, taken: bool) -> None:
    assert faithful(text, RECORD) is taken


def test_an_answer_that_the_instruction_holds_may_stay() -> None:
    choice = {
        "instruction": "Which is larger, Kyoto or Osaka?",
        "answer": "Osaka",
        "literals": ["Kyoto", "Osaka"],
        "path": [],
    }
    assert faithful("Of Kyoto and Osaka, which one is larger?", choice)
    yes = {**RECORD, "answer": True}
    assert faithful("Is it true that Kyoto 2 lies in its own country?", yes)


def test_instructions_are_reworded_where_the_model_did_it_well() -> None:
    good = "Kyoto 2 lies in some country:\n which city is its capital?"
    replies: list[Line] = [
        Completion(f'"{good}"'),
        Completion("Tokyo!"),
        ModelError("down"),
        Completion(),
    ]
    asked: list[Request] = []

    class Noting(ScriptedModel):
        async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
            asked.extend(requests)
            return await super().complete(requests)

    records = [{**RECORD, "id": str(i)} for i in range(4)]
    first, *others = asyncio.run(paraphrase(records, Noting(replies=replies)))
    assert first == {
        **records[0],
        "instruction": "Kyoto 2 lies in some country: which city is its capital?",
        "plain": RECORD["instruction"],
    }
    assert others == records[1:]
    assert len({request.seed for request in asked}) == 4
    assert all(str(r.messages[-1].content).endswith(RECORD["instruction"]) for r in asked)


# Files


def test_a_set_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no set 'nonsense'; there are: i1-inst, i1-tool, i1-cat"):
        list(make_sets(tmp_path, ["i1-inst", "nonsense"]))
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_so_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["toolgrove", "hub", "tasks", "--out", str(tmp_path / "out"), "--set", "nonsense"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("toolgrove: no set 'nonsense'; there are: i1-")
    assert not (tmp_path / "out").exists()


def test_a_fingerprint_names_versions_and_the_data_pack() -> None:
    made = fingerprint(["pycountry", "dateutil", "babel.core", "no_such_module"])
    assert made == {
        "pycountry": version("pycountry"),
        "dateutil": version("python-dateutil"),
        "babel.core": version("babel"),
        "no_such_module": "",
        "pack": pack_digest(),
    }
    assert len(pack_digest()) == 16


def test_versions_are_those_that_importlib_finds() -> None:
    found = packages_distributions()
    libs = {lib for endpoint in endpoints().values() for lib in endpoint.libs}
    assert len(libs) > 30
    for lib, made in fingerprint(libs).items():
        names = found.get(lib.partition(".")[0], [])
        assert lib == "pack" or made == (version(names[0]) if names else "")


def test_equal_tasks_make_equal_files_with_the_fingerprint_first(tmp_path: Path) -> None:
    import gzip

    tasks = [{**RECORD, "id": "x-0000", "path": ["CountryAtlas.country_profile"]}]
    for name in ("a", "b"):
        write("x", tasks, tmp_path / name)
    packed = (tmp_path / "a" / "x.jsonl.gz").read_bytes()
    assert packed == (tmp_path / "b" / "x.jsonl.gz").read_bytes()
    head, task = map(json.loads, gzip.decompress(packed).splitlines())
    assert task == tasks[0]
    assert (head["set"], head["tasks"]) == ("x", 1)
    assert set(head["fingerprint"]) == {*endpoints()["CountryAtlas.country_profile"].libs, "pack"}


def test_the_sets_are_shipped() -> None:
    assert len(list(DATA.glob("*.jsonl.gz"))) == 9


def test_a_sets_file_is_reworded_in_place(tmp_path: Path) -> None:
    record = {
        "instruction": "What is the capital of Kenya?",
        "answer": "Nairobi",
        "literals": ["Kenya"],
        "path": ["CountryAtlas.country_profile"],
    }
    path = tmp_path / "set.jsonl.gz"
    write_lines(path, [{"set": "x"}, record, {**record, "literals": ["Uganda"]}])
    said = ScriptedModel(default=line("Which city is the seat of Kenya's government, please?"))
    assert reword(path, said) == 1
    lines = [json.loads(text) for text in gzip.decompress(path.read_bytes()).splitlines()]
    assert lines[0] == {"set": "x"}
    assert lines[1]["instruction"] == "Which city is the seat of Kenya's government, please?"
    assert lines[1]["plain"] == lines[2]["instruction"] == "What is the capital of Kenya?"
