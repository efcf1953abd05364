"""``hf:`` on a real small model: SmolLM2-135M-Instruct, on tasks of the hub."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
pytest.importorskip("transformers", reason="the extra hf is not installed")

from toolgrove.benchmarks.local import searched
from toolgrove.core import Completion, Message, Prompt, Request, make
from toolgrove.core.finish import API_DOC
from toolgrove.models.hf.engine import Wanted
from toolgrove.models.hf.model import HFModel

CALLS = 4


@pytest.fixture(scope="module")
def model() -> Iterator[HFModel]:
    file = os.environ.get("TOOLGROVE_SMOLLM2", "")
    if not Path(file).is_file():
        pytest.skip("TOOLGROVE_SMOLLM2 names no file: python -m toolgrove.models.smollm2 FOLDER")
    made = HFModel(file, temperature=0)
    made._load()
    yield made


def test_greedy_tokens_are_those_of_transformers(model: HFModel) -> None:
    """A prompt of some hundred tokens, alone, again from the trie, and with others."""
    text = "List the capital of each country of South America, one a line. " * 12
    requests = [Request(Prompt([Message("user", text + f"Number {i}.")])) for i in range(3)]
    prompts = [model.encode(request) for request in requests]
    engine, told = model._engine, []
    own = engine.model.config._attn_implementation
    engine.model.set_attn_implementation("sdpa")
    for prompt in prompts:
        out = engine.model.generate(
            torch.tensor([prompt]), max_new_tokens=24, do_sample=False, pad_token_id=2
        )
        told.append([t for t in out[0, len(prompt) :].tolist() if t not in engine.ends])
    engine.model.set_attn_implementation(own)
    for _ in range(2):
        futures = [engine.submit(Wanted(prompt, 24)) for prompt in prompts]
        assert [future.result(60).tokens for future in futures] == told


def test_dfsdt_on_ten_hub_tasks_computes_each_token_once(model: HFModel) -> None:
    """At most 35 % of what re-encoding every prompt needs, and every call well-formed."""
    tasks = list(make("suites", "hub:i2-inst").tasks[:10])
    cost = asyncio.run(searched(model, tasks, make("planners", "dfsdt"), CALLS, 10))
    whole = cost.prefilled + cost.reused
    assert cost.prefilled <= 0.35 * whole, (cost.prefilled, whole)
    assert sum(len(tree) - 1 for tree in cost.trees) >= 20


def test_a_call_names_what_is_offered(model: HFModel) -> None:
    [task] = make("suites", "hub:i1-inst").tasks[:1]
    request = Request(Prompt([Message("user", task.instruction)]), (*task.apis, API_DOC))
    [made] = asyncio.run(model.complete([request]))
    assert isinstance(made, Completion)
    [call] = made.calls
    offered = {api.name: api for api in (*task.apis, API_DOC)}
    given = json.loads(call.arguments)
    assert set(offered[call.name].parameters.get("required", ())) <= given.keys()
