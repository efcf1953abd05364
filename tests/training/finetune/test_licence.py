"""Licences, as bases and data say them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="the extra train is not installed")

from toolgrove.models.hf.model import HFModel
from toolgrove.training.finetune.licence import (
    _of_card,
    front_matter,
    licence_of,
    licences_of_data,
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\nlicense: mit\n---\n# A", "mit"),
        ("---\r\nlicense: mit\r\n---\r\n", "mit"),
        ("---\nlicense: [mit, apache-2.0]\n---\n", "mit, apache-2.0"),
        ("---\nlicense: other\nlicense_name: llama 2\n---\n", "llama 2"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlicense: {a: 1}\n---\n", ""),
        ("---\n- license\n---\n", ""),
        ("---\nlicense: [\n---\n", ""),
        ("---\ntags: []\n---\nlicense: mit", ""),
        ("# A\nlicense: mit\n", ""),
        ("", ""),
    ],
)
def test_a_card_says_its_licence_in_its_front_matter(text: str, said: str) -> None:
    assert _of_card(text) == said


def test_only_an_identifier_is_front_matter() -> None:
    assert front_matter("Apache-2.0") == "\nlicense: apache-2.0"
    for odd in ("", "llama 2", "mit\nbase_model: x", "mit, gpl"):
        assert front_matter(odd) == ""


def test_a_data_set_has_licences_of_its_own_and_of_its_apis() -> None:
    info = {"licences": ["CC-BY-4.0"], "statistics": {"licences": {"MIT": 3, "unknown": 2}}}
    assert licences_of_data(info) == ["CC-BY-4.0", "MIT (3 APIs)", "unknown (2 APIs)"]
    assert licences_of_data({}) == []


def test_a_gguf_says_its_licence() -> None:
    pytest.importorskip("gguf", reason="the extra hf is not installed")
    path = os.environ.get("TOOLGROVE_SMOLLM2", "")
    if not Path(path).is_file():
        pytest.skip("TOOLGROVE_SMOLLM2 names no GGUF of SmolLM2")
    assert licence_of(HFModel(path)) == "apache-2.0"
