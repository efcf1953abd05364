"""Filters: each reason by examples, near-duplicates against comparing all, real instructions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.benchmarks.toolbench import read_source
from toolgrove.core import API
from toolgrove.training.documents import Document
from toolgrove.training.instruct.candidates import Candidate, candidate
from toolgrove.training.instruct.filters import Filters, foreign, has_literal, literals, named
from toolgrove.training.instruct.reading import Item
from toolgrove.training.instruct.sampling import Sample

CITY = {"city": {"type": "string"}}


def api(tool: str, name: str, properties: Any = None, required: Any = ()) -> API:
    schema = {"type": "object", "properties": properties or {}, "required": list(required)}
    function = f"{name}_for_{tool}".lower().replace(" ", "_")
    return API(function, "", schema, "Weather", tool, name)


SKY = api("Sky Report", "Current Weather", CITY, ["city"])
AIR = api("Sky Report", "air_quality", CITY, ["city"])
NEAR = api("FindMe", "where am I")
KNOWN = {("sky_report", "current_weather"), ("sky_report", "air_quality"), ("other", "thing")}


def made(
    text: str, *pairs: tuple[str, str], level: Any = "I1", apis: Any = (SKY, AIR, NEAR)
) -> Candidate:
    sample = Sample(f"{level}/0000", level, "train", tuple(Document(each) for each in apis))
    return candidate(sample, 0, Item(text, pairs or (("Sky Report", "Current Weather"),)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What is the current weather in Oslo?", ""),
        ("Use Current Weather for Oslo.", "Current Weather"),
        ("Ask the sky report tool about Oslo.", "Sky Report"),
        ("Please call the function current weather for Oslo.", "Current Weather"),
        ("How is AIR_QUALITY in Oslo?", "air_quality"),
        ("How is the air quality in Oslo?", ""),
        ("Let findme tell me where I stand.", "FindMe"),
        ("The call is air_quality_for_sky_report then.", "air_quality_for_sky_report"),
        ("He said: find me where am I.", ""),
    ],
)
def test_naming_an_api(text: str, found: str) -> None:
    assert named(text, (SKY, AIR, NEAR)) == found


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("Is it dry in Oslo?", True),
        ("Is it dry in the city?", False),
        ("I think I'd like it dry. Is it?", False),
        ("What is 5 plus five?", True),
        ("Who wrote 'the waves' and when?", True),
        ("It's my friend's car and the dog's bed", False),
        ("Check me@example.org please", True),
    ],
)
def test_literals_in_a_text(text: str, has: bool) -> None:
    assert has_literal(text) is has


def test_values_are_needed_where_no_other_call_can_give_them() -> None:
    text = "Tell me whether it is dry in the city."
    assert "city" in literals(made(text))
    assert literals(made(text, ("Sky Report", "Current Weather"), ("FindMe", "where am I"))) == ""
    chosen = api("Sky Report", "Current Weather", {"city": {"enum": ["a", "b"]}}, ["city"])
    assert literals(made(text, apis=(chosen,))) == ""
    default = api("Sky Report", "Current Weather", {"city": {"default": "Oslo"}}, ["city"])
    assert literals(made(text, apis=(default,))) == ""
    for blank in ("<city>", "[city name]", "{city}", "city XYZ"):
        assert "blank" in literals(made(f"Tell me whether it is dry in {blank} in May 2025."))


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Please tell me whether it will rain in Łódź on Friday.", True),
        ('What does "Я тебя люблю, моя дорогая" mean, and how is it said?', True),
        ("Find hotels in Berlin near the zoo", True),
        ("Wie ist das Wetter morgen in Berlin und was soll ich anziehen?", False),
        ("Quel temps fait-il demain dans la ville de Lyon?", False),
        ("Cuál es el precio de la acción para el día de hoy", False),
        ("Какая погода завтра в Москве, и что мне надеть?", False),
        ("今天北京的天气怎么样?我需要带伞吗?", False),
        ("Hoe is het weer morgen in Utrecht en wat kost een kaartje?", False),
        ("blorp zanzi frobnicate wug tove mimsy", False),
    ],
)
def test_language(text: str, english: bool) -> None:
    assert (foreign(text) == "") is english


def test_each_filter_counts_what_it_drops_and_shows_the_first() -> None:
    pytest.importorskip("datasketch", reason="needs toolgrove[instruct]")
    filters = Filters(KNOWN)
    good = "Please tell me whether it is dry in Oslo on the 3rd of May, for a picnic."
    two = (("Sky Report", "Current Weather"), ("Sky Report", "air_quality"))
    given_: list[tuple[str, Candidate]] = [
        ("", made(good)),
        ("duplicate", made(good.replace("picnic", "party"))),
        ("unknown_api", made(good, ("Sky Report", "no such"))),
        ("not_offered", made(good, ("Other", "thing"))),
        ("few_tools", made("Is the air in Oslo good, and is it dry there?", *two, level="I2")),
        ("length", made("Oslo dry today?")),
        ("language", made("Wie ist das Wetter morgen in Oslo und Bergen?")),
        ("named", made("What does Sky Report say of the rain in Oslo?")),
        ("literals", made("Would you tell me whether it is going to be dry?")),
    ]
    for reason, each in given_:
        assert filters.passes(each) is (reason == "")
    report = filters.report.to_json()
    assert report["dropped"] == dict.fromkeys(report["dropped"], 1)
    assert len(report["dropped"]) == 8 and report["seen"] == 9 and report["kept"] == 1
    assert report["examples"]["named"]["why"] == "Sky Report"
    assert all(row["instruction"] for row in report["examples"].values())


WORDS = st.lists(st.sampled_from("abcdefg"), min_size=4, max_size=14).map(" ".join)


@settings(max_examples=30)
@given(st.lists(WORDS, min_size=2, max_size=25))
def test_near_duplicates_are_those_that_comparing_all_finds(texts: list[str]) -> None:
    pytest.importorskip("datasketch", reason="needs toolgrove[instruct]")
    from toolgrove.training.instruct.near import Near, jaccard, shingles

    near = Near(0.7)
    kept: dict[str, frozenset[str]] = {}
    for number, text in enumerate(texts):
        name, own = str(number), shingles(text)
        found = near.find(text, name)
        scores = {other: jaccard(own, theirs) for other, theirs in kept.items()}
        close = [other for other, score in scores.items() if score >= 0.7]
        # An index of bands may overlook one pair in thousands at the threshold; never equal ones.
        if found is None:
            assert all(scores[other] < 0.9 for other in close)
            kept[name] = own
        else:
            assert found in close


def test_most_of_toolbenchs_own_instructions_pass(shared: Path) -> None:
    """Those that fail name a tool, or lack a value, which ToolLLM's own prompt forbids."""
    files = sorted((shared / "toolbench_test" / "test_instruction").glob("*.json"))
    tasks = [task for file in files for task in read_source(file)]
    assert len(tasks) == 217
    dropped = {"named": 0, "literals": 0, "language": 0}
    for task in tasks:
        documents = {each.name: Document(each) for each in task.apis}
        sample = Sample("I1/0000", "I1", "train", tuple(documents.values()))
        relevant = tuple(documents[name] for name in task.relevant if name in documents)
        each = Candidate(sample, 0, Item(task.instruction, ()), relevant)
        dropped["named"] += bool(named(task.instruction, task.apis))
        dropped["literals"] += bool(literals(each))
        dropped["language"] += bool(foreign(task.instruction))
    assert dropped == {"named": 30, "literals": 19, "language": 0}
