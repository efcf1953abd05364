"""Every API of the hub that can be called here keeps its contract, offline, on any machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from toolgrove.envs.hub.entities import ENTITIES
from toolgrove.envs.hub.registry import Endpoint, call, endpoints, everything
from toolgrove.envs.hub.types import TYPES, fits

NEEDS = "the hub's libraries are not installed: pip install 'toolgrove[hub]'"
HOSTILE: list[Any] = [
    *("", " ", "\x00", "a\nb", "x" * 100_000, "..", "'; --", "__import__('os')", "9" * 5000, "-1"),
    *("nan", "é🙂\u202e", "\ud800", "(" * 3000, "x**x**x**x", "1;2", -1, 0, 10**30, True, None),
    *(1e308, -1e308, float("nan"), float("inf"), [], [[[[]]]], {}, {"a": 1}, ["x" * 100_000]),
    [1e308] * 1000,
]
ALL: list[Any] = [*sorted(endpoints())] or [pytest.param("", marks=pytest.mark.skip(NEEDS))]


def known(id: str) -> Endpoint:
    return endpoints()[id]


@pytest.mark.parametrize("id", ALL)
def test_an_example_call_has_the_declared_keys_and_types(id: str) -> None:
    endpoint = known(id)
    answer = call(endpoint, endpoint.example)
    assert answer.status == 200, answer["error"]
    response = answer["response"]
    for key, gives in endpoint.returns.items():
        assert response.get(key) is not None, key
        assert fits(response[key], TYPES[gives.type])[1] == "", (key, response[key])
    assert call(endpoint, endpoint.example).text == answer.text
    assert json.loads(answer.text) == answer


@pytest.mark.parametrize("id", ALL)
def test_documentation_is_complete(id: str) -> None:
    endpoint = known(id)
    assert len(endpoint.about) > 15 and len(endpoint.tool.about) > 10
    assert len(endpoint.api.name) <= 64
    slots = {f"{{{name}}}" for name in endpoint.required}
    for key, gives in endpoint.returns.items():
        assert gives.phrases, key
        for text in (*gives.phrases, *filter(None, [gives.entity]), *gives.questions):
            assert all(text.count(slot) == 1 for slot in slots), (key, text)
            named = endpoint.name in text and "_" in endpoint.name  # "distance" is a word, too
            assert not named and endpoint.tool.name not in text, text
        for phrase in gives.phrases:
            assert phrase.startswith(("the ", "whether ")) and not phrase.endswith((".", "?")), (
                phrase
            )
        assert all(question.endswith("?") for question in gives.questions), key


@pytest.mark.parametrize("id", ALL)
def test_hostile_arguments_get_an_answer(id: str) -> None:
    endpoint = known(id)
    for bad in HOSTILE:
        for name in endpoint.params:
            answer = call(endpoint, {**endpoint.example, name: bad})
            assert answer.status in (200, 400, 404, 413, 422)
            assert len(answer.text) <= 20_200
    assert call(endpoint, {"no_such": 1, **endpoint.example}).status == 400
    if endpoint.required:
        assert call(endpoint, {}).status == 400


PROGRAM = """
import json
from toolgrove.envs.hub.registry import call, endpoints
for id, endpoint in endpoints().items():
    print(json.dumps([id, call(endpoint, endpoint.example).text]))
"""


def answers(wrapper: list[str], **environment: str) -> dict[str, str]:
    command = [*wrapper, sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.skipif(not endpoints(), reason=NEEDS)
def test_answers_do_not_depend_on_hash_seed_time_zone_or_language() -> None:
    here = {id: call(endpoint, endpoint.example).text for id, endpoint in endpoints().items()}
    there = answers(
        [], PYTHONHASHSEED="7", TZ="Pacific/Apia", LANG="tr_TR.UTF-8", LC_ALL="tr_TR.UTF-8"
    )
    assert [id for id in here if there[id] != here[id]] == []


@pytest.mark.skipif(not endpoints(), reason=NEEDS)
def test_no_answer_needs_a_network() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("no unshare on this machine")
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine allows no network namespaces")
    here = {id: call(endpoint, endpoint.example).text for id, endpoint in endpoints().items()}
    assert answers(["unshare", "-rn"]) == here


@pytest.mark.skipif(not endpoints(), reason=NEEDS)
def test_entities_have_types_and_names() -> None:
    for type, known_ones in ENTITIES.items():
        values = known_ones.values
        assert len(values) >= 2, type
        for value in values[:: max(1, len(values) // 40)]:
            plain_value = list(value) if isinstance(value, tuple) else value
            assert fits(value, TYPES[type]) == (plain_value, ""), (type, value)
            assert all(isinstance(name, str) and name for name in known_ones.says(value)), type


@pytest.mark.skipif(not endpoints(), reason=NEEDS)
def test_every_required_parameter_can_be_had_from_somewhere() -> None:
    made = {gives.type for e in endpoints().values() for gives in e.returns.values()}
    for endpoint in endpoints().values():
        for name in endpoint.required:
            type = endpoint.params[name].type
            assert type in ENTITIES or TYPES[type].choices or type in made, (endpoint.id, type)


def test_the_hub_is_as_large_as_it_says() -> None:
    found = everything().values()
    assert len({e.tool.category for e in found}) >= 20
    assert len({e.tool.name for e in found}) >= 60
    assert len(found) >= 180


@pytest.mark.skipif(not endpoints(), reason=NEEDS)
def test_the_light_extra_alone_is_large_enough() -> None:
    from toolgrove.benchmarks.hub.graph import light_endpoints

    tools: dict[str, set[str]] = {}
    for endpoint in light_endpoints().values():
        tools.setdefault(endpoint.tool.category, set()).add(endpoint.tool.name)
    assert len(light_endpoints()) >= 110
    assert sum(map(len, tools.values())) >= 30
    assert sum(len(names) >= 2 for names in tools.values()) >= 10
    assert all(len(names) >= 2 for names in tools.values())


@pytest.mark.skipif("LocaleFormats.date_names" not in endpoints(), reason=NEEDS)
def test_a_locale_does_not_change_another() -> None:
    names = known("LocaleFormats.date_names")
    found: dict[str, Any] = {}
    for locale in ("ja_JP", "nl_NL", "ru_RU", "tr_TR", "nl_NL", "ja_JP"):
        response = call(names, {"date": "2019-09-05", "locale": locale})["response"]
        assert found.setdefault(locale, response) == response
    months = {locale: response["month"] for locale, response in found.items()}
    assert months["nl_NL"] == "september" and months["ja_JP"] == "9月"
    assert months["ru_RU"] == "сентябрь" and months["tr_TR"] == "Eylül"


@pytest.mark.skipif(not endpoints(), reason=NEEDS)
def test_the_order_of_calls_changes_no_answer() -> None:
    """Every API in another order, with other arguments in between, in a process of its own."""
    program = """
import json, random
from toolgrove.envs.hub.entities import ENTITIES
from toolgrove.envs.hub.registry import call, endpoints
rng = random.Random(5)
todo = list(endpoints().values())
rng.shuffle(todo)
for endpoint in todo:
    for _ in range(4):
        some = {}
        for name in endpoint.required:
            known = ENTITIES.get(endpoint.params[name].type)
            some[name] = rng.choice(known.values) if known else endpoint.params[name].example
        call(endpoint, some)
for id, endpoint in endpoints().items():
    print(json.dumps([id, call(endpoint, endpoint.example).text]))
"""
    here = {id: call(endpoint, endpoint.example).text for id, endpoint in endpoints().items()}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    there = dict(json.loads(line) for line in done.stdout.splitlines())
    assert [id for id in here if there[id] != here[id]] == []
