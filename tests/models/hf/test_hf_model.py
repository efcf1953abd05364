"""``hf:`` as planners see it, on a tiny random LLaMA: calls that hold, counts, errors in words."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
pytest.importorskip("transformers", reason="the extra hf is not installed")

import tiny

from toolgrove.core import (
    API,
    Completion,
    Message,
    ModelError,
    Prompt,
    Request,
    ToolCall,
    UsageError,
    make,
    run_sync,
)
from toolgrove.core.finish import API_DOC
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.context import Guarded
from toolgrove.models.hf.model import HFModel
from toolgrove.models.policies import FunctionPolicy
from toolgrove.models.tokens import prompt_tokens
from toolgrove.planners import DFSDT, ReACT
from toolgrove.testing import check_model

WEATHER = API(
    "get weather!",  # a name that may not be sent as it is
    "The weather.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 8},
            "days": {"type": "integer", "minimum": 1, "maximum": 5},
            "unit": {"enum": ["C", "F"]},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2},
        },
        "required": ["city", "days", "unit"],
    },
)
OFFERED = (WEATHER, API_DOC)
TALK = [Message("system", "Be good."), Message("user", "Weather in Rome?")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder: Path) -> HFModel:
    return HFModel(str(folder), temperature=0.8, max_tokens=1500)


def said(model: HFModel, *requests: Request) -> list[Completion]:
    made = asyncio.run(model.complete(requests))
    assert all(isinstance(each, Completion) for each in made), made
    return [each for each in made if isinstance(each, Completion)]


def failed(model: HFModel, request: Request) -> ModelError:
    [made] = asyncio.run(model.complete([request]))
    assert isinstance(made, ModelError)
    return made


def test_it_keeps_the_contract(folder: Path) -> None:
    check_model(lambda: HFModel(str(folder), max_tokens=40))


def test_a_call_is_always_well_formed(model: HFModel) -> None:
    """A random model, held to the schema, calls what is offered as its schema says."""
    asked = [Request(Prompt(TALK), OFFERED, sample=i, seed=i) for i in range(24)]
    seen = set()
    for made in said(model, *asked):
        assert len(made.calls) == 1, made
        name, text = made.calls[0]
        given = json.loads(text)
        seen.add(name)
        if name == "Finish":
            assert given["return_type"] in ("give_answer", "give_up_and_restart")
            assert given.keys() <= {"return_type", "final_answer"}
            continue
        assert name == WEATHER.name
        assert {"city", "days", "unit"} <= given.keys() <= {"city", "days", "unit", "tags"}
        assert len(given["city"]) <= 8 and 1 <= given["days"] <= 5 and given["unit"] in "CF"
        assert all(len(tag) <= 3 for tag in given.get("tags", []))
    assert seen == {WEATHER.name, "Finish"}


def test_functions_told_in_lines_are_held_to_just_the_same(folder: Path) -> None:
    model = HFModel(str(folder), calls="lines", temperature=0.8, max_tokens=1500)
    asked = [Request(Prompt(TALK), OFFERED, sample=i, seed=i) for i in range(4)]
    for made in said(model, *asked):
        [(name, text)] = made.calls
        assert name in (WEATHER.name, "Finish") and isinstance(json.loads(text), dict)
    assert 'unit: "C" | "F", tags?: list): The weather.' in model._decode(model.encode(asked[0]))
    assert model.identity["parameters"]["calls"] == "lines"


def test_brief_calls_are_held_to_just_the_same(folder: Path) -> None:
    model = HFModel(str(folder), calls="brief", temperature=0.8, max_tokens=1500)
    asked = [Request(Prompt(TALK), OFFERED, sample=i, seed=i) for i in range(16)]
    seen = set()
    for made in said(model, *asked):
        [(name, text)] = made.calls
        given = json.loads(text)
        seen.add(name)
        if name == WEATHER.name:
            assert {"city", "days", "unit"} <= given.keys() <= {"city", "days", "unit", "tags"}
            assert len(given["city"]) <= 8 and 1 <= given["days"] <= 5 and given["unit"] in "CF"
        assert "\n" not in (made.content or "")
    assert seen == {WEATHER.name, "Finish"}
    assert "(city, days, unit, tags?)\nFinish(return_type, final_answer?)\n" in model._decode(
        model.encode(asked[0])
    )


def test_where_several_calls_are_asked_for_brief_ones_are_as_in_lines(folder: Path) -> None:
    plan = Request(Prompt(TALK), (WEATHER,), seed=1, purpose="propose")
    brief, lines = (HFModel(str(folder), calls=calls) for calls in ("brief", "lines"))
    assert brief.encode(plan) == lines.encode(plan)
    assert said(brief, plan)[0].calls == said(lines, plan)[0].calls


ODD = API(
    "odd",
    "",
    {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/missing"}, "n": {"type": "integer"}},
        "required": ["n"],
    },
)


def test_a_schema_that_no_grammar_takes_is_held_to_its_plain_part(model: HFModel) -> None:
    [made] = said(model, Request(Prompt(TALK), (ODD,), seed=1, purpose="propose"))
    assert all(call.name == "odd" and "n" in json.loads(call.arguments) for call in made.calls)


def test_nor_does_one_end_a_brief_reply(folder: Path) -> None:
    model = HFModel(str(folder), calls="brief", temperature=0.8, max_tokens=1500)
    asked = [Request(Prompt(TALK), (ODD, OFFERED[-1]), seed=i) for i in range(6)]
    for made in said(model, *asked):
        [(name, text)] = made.calls
        assert name == "Finish" or "n" in json.loads(text)


def test_tokens_are_counted_with_its_own_tokenizer(model: HFModel, folder: Path) -> None:
    request = Request(Prompt(TALK), OFFERED, seed=1)
    [made] = said(model, request)
    assert made.prompt_tokens == len(model.encode(request))
    tokens, usd = model.bound(request)
    assert tokens == made.prompt_tokens + 1500 and usd == 0
    assert model.counter.exact and model.counter.count("abc") == 3
    assert Guarded(model)._tally.counter is model.counter
    assert made.logprob is not None and made.logprob < 0
    [again] = said(model, request)
    assert again.reused == made.prompt_tokens - 1
    assert (again.content, again.calls) == (made.content, made.calls)
    assert "reused" in model.report and HFModel(str(folder)).report == ""


def test_a_child_reuses_its_parents_prompt_and_what_it_said(folder: Path) -> None:
    """A search with a policy: only what a turn added is computed."""
    model = HFModel(str(folder), temperature=0.8, max_tokens=1500, context=20_000)
    [task] = shop_tasks(1, seed=3)
    result = run_sync(
        DFSDT(width=2, max_steps=3, answers=9, back=1), task,
        model=model, env=ShopEnv, policy=FunctionPolicy(), seed=5,
    )  # fmt: skip
    counts = model.counts
    assert counts.requests > 2
    assert counts.prefilled < 0.6 * (counts.prefilled + counts.reused), result


def test_sharing_changes_nothing_but_the_work(folder: Path) -> None:
    def searched(keep: float) -> tuple[list[Any], Any]:
        model = HFModel(str(folder), temperature=0.0, max_tokens=900, keep=keep)
        asked: list[tuple[str, str]] = []
        for task in shop_tasks(2, seed=3):
            result = run_sync(
                DFSDT(width=2, max_steps=2, answers=9, back=1), task,
                model=model, env=ShopEnv, policy=FunctionPolicy(), seed=5,
            )  # fmt: skip
            asked += [(n.id, str(n.action)) for n in result.tree.root.walk()]
        return asked, model.counts

    shared, counts = searched(1.0)
    alone, whole = searched(0.0)
    assert shared == alone and len(shared) > 4
    assert whole.reused == 0 and whole.prefilled == counts.prefilled + counts.reused
    assert counts.prefilled < 0.6 * whole.prefilled


def test_a_prompt_that_is_too_long_is_not_made(folder: Path) -> None:
    model = HFModel(str(folder), context=300, max_tokens=50)
    assert model.context == 300
    error = failed(model, Request(Prompt([Message("user", "x" * 400)]), node="0.1"))
    assert error.kind == "context" and "300" in str(error) and "0.1" in str(error)
    [short] = said(model, Request(Prompt([Message("user", "x" * 270)])))
    assert short.completion_tokens <= 300 - short.prompt_tokens


def test_a_text_policys_reply_ends_with_its_call(folder: Path) -> None:
    model = HFModel(str(folder), max_tokens=60, temperature=0)
    request = Request(Prompt(TALK))
    complete = model._format.complete
    assert not complete('Thought: a\nAction: f\nAction Input: {"a": {}', request)
    assert complete('Thought: a\nAction: f\nAction Input: {"a": {}}', request)
    assert not complete("Thought: {}", request)
    [made] = said(model, request)
    assert made.calls == () and made.completion_tokens <= 60


def test_functions_can_be_handed_to_the_template(tmp_path: Path) -> None:
    template = (
        "{% for t in tools or [] %}[{{ t.function.name }}]{% endfor %}"
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}"
        "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.arguments.city }}</tool_call>"
        "{% endfor %}</s>{% endfor %}<|assistant|>"
    )
    model = HFModel(str(tiny.saved(tmp_path, template)), calls="tools", max_tokens=20)
    history = [
        *TALK,
        Message("assistant", None, ((WEATHER.name, '{"city": "Rome"}'),)),
        Message("tool", "sunny", (), WEATHER.name),
    ]
    request = Request(Prompt(history), OFFERED)
    text = model._format.text(request)
    assert text.startswith("[get_weather") and "<tool_call>Rome</tool_call>" in text
    assert text.endswith("sunny</s><|assistant|>")
    read = model._format.read
    name = model._format.text(request)[1:].partition("]")[0]
    reply = f'Look.\n<tool_call>{{"name": "{name}", "arguments": {{"days": 1}}}}</tool_call>'
    assert read(reply, request) == ("Look.", (ToolCall(WEATHER.name, '{"days": 1}'),))
    assert read("Sunny.", request) == ("Sunny.", ())
    said(model, request)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "{% for m in messages %}{% if m.role == 'system' and not loop.first %}"
            "{{ raise_exception('no') }}{% endif %}{% if not loop.first and m.role == "
            "messages[loop.index0 - 1].role %}{{ raise_exception('turns') }}{% endif %}"
            "({{ m.role }}:{{ m.content }}){% endfor %}",
            "(system:s)(user:u)(assistant:a)(user:b\n\nc)",
        ),
        (
            "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}"
            "{% endif %}{% if not loop.first and m.role == messages[loop.index0 - 1].role %}"
            "{{ raise_exception('turns') }}{% endif %}({{ m.role }}:{{ m.content }}){% endfor %}",
            "(user:s\n\nu)(assistant:a)(user:b\n\nc)",
        ),
    ],
    ids=["roles take turns", "no system role"],
)
def test_templates_that_want_less(tmp_path: Path, template: str, expected: str) -> None:
    model = HFModel(str(tiny.saved(tmp_path, template)))
    talk = [("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "b"), ("user", "c")]
    request = Request(Prompt([Message(role, content) for role, content in talk]))
    assert model._format.text(request) == expected


def test_a_template_of_ones_own(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.jinja"
    own.write_text("{% for m in messages %}[{{ m.content }}]{% endfor %}")
    model = HFModel(str(folder), template=own)
    assert model._format.text(Request(Prompt(TALK))) == "[Be good.][Weather in Rome?]"


def test_identity_tells_models_apart_and_holds_no_path(folder: Path, tmp_path: Path) -> None:
    one, other = HFModel(str(folder)), HFModel(str(tiny.saved(tmp_path, seed=1)))
    weights = [m.identity["parameters"]["weights"] for m in (one, other)]
    assert weights[0] != weights[1] and one.identity["provider"] == "hf"
    assert one.identity == HFModel(str(folder)).identity != HFModel(str(folder), top_p=0.5).identity
    assert str(folder) not in json.dumps(one.identity)


def test_only_another_try_at_a_node_is_drawn_by_again(folder: Path) -> None:
    greedy, drawn, both = (
        HFModel(str(folder), max_tokens=40, temperature=first, again=again)
        for first, again in ((0, None), (2, None), (0, 2))
    )
    asked = [Request(Prompt(TALK), seed=seed, attempt=seed) for seed in range(4)]
    texts = [[reply.content for reply in said(model, *asked)] for model in (greedy, drawn, both)]
    assert len(set(texts[0])) == 1 and len(set(texts[1])) == 4
    assert texts[2] == [texts[0][0], *texts[1][1:]]
    named = [model.identity["parameters"].get("again") for model in (greedy, drawn, both)]
    assert named == [None, None, 2]


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft reads a name that will go
def test_an_adapter_is_merged(folder: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="the extra hf is not installed")
    torch.manual_seed(3)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    adapted = peft.get_peft_model(tiny.llama(), config)
    adapted.save_pretrained(tmp_path)
    model = HFModel(str(folder), lora=str(tmp_path), temperature=0, max_tokens=20)
    request = Request(Prompt([Message("user", "Hello there")]))
    prompt = torch.tensor([model.encode(request)])
    told = adapted.generate(
        input_ids=prompt, max_new_tokens=20, do_sample=False, pad_token_id=0
    )[0, prompt.shape[1] :].tolist()  # fmt: skip
    [made] = said(model, request)
    assert made.content == (model._decode([t for t in told if t != 2]) or None)
    [plain] = said(HFModel(str(folder), temperature=0, max_tokens=20), request)
    assert plain.content != made.content
    with pytest.raises(UsageError, match="cannot load the adapter"):
        HFModel(str(folder), lora=str(tmp_path / "none"))._load()


def test_positions_are_interpolated(folder: Path) -> None:
    """Position 4p with rope=4 is position p without (Chen et al., equation 4)."""
    plain, scaled = HFModel(str(folder)), HFModel(str(folder), rope=4)
    assert scaled.context == 4 * plain.context
    at = torch.tensor([[0, 1, 2, 700]])
    hidden = torch.zeros(1, 4, 48)
    told = plain._engine.model.model.rotary_emb(hidden, at)
    found = scaled._engine.model.model.rotary_emb(hidden, 4 * at)
    for a, b in zip(told, found, strict=True):
        assert torch.allclose(a, b)
    assert not torch.allclose(scaled._engine.model.model.rotary_emb(hidden, at)[0], told[0])


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ("hf:{tmp}/none", "cannot load"),
        ("hf:{tmp}/none.gguf", "no such file"),
        ("hf:{tmp}/empty", "cannot load"),
        ("hf:{folder},max_tokens=0", "max_tokens must be 1 or more"),
        ("hf:{folder},top_p=0", "top_p"),
        ("hf:{folder},again=-1", "again must be 0 or more"),
        ("hf:{folder},template={tmp}/none.jinja", "no such file"),
        ("hf:{bare}", "no chat template"),
    ],
)
def test_mistakes_are_told(spec: str, error: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bare = tiny.saved(tmp_path / "bare", None)
    with pytest.raises(UsageError, match=error):
        make("models", spec.format(folder=folder, tmp=tmp_path, bare=bare))._load()


def test_a_model_that_cannot_be_loaded_ends_the_trials_in_words(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "toolgrove", "bench", "--suite", "shop", "--limit", "2",
               "--planner", "react", "--out", str(tmp_path / "run")]  # fmt: skip
    done = subprocess.run(
        [*command, "--model", f"hf:{tmp_path}/none"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert "cannot load" in done.stderr


def test_many_trials_share_one_batch(model: HFModel) -> None:
    """Sixteen searches at once; every request is answered, and rows run together."""
    passes, requests = model.counts.passes, model.counts.requests

    async def all_of_them() -> Sequence[Completion | ModelError]:
        asked = [Request(Prompt([Message("user", f"Q{i}")]), OFFERED, seed=i) for i in range(16)]
        made = await asyncio.gather(*[model.complete([request]) for request in asked])
        return [result for [result] in made]

    made = asyncio.run(all_of_them())
    tokens = sum(m.completion_tokens for m in made if isinstance(m, Completion))
    assert model.counts.requests - requests == 16
    assert model.counts.passes - passes < tokens / 3


def test_react_runs_on_it(model: HFModel) -> None:
    [task] = shop_tasks(1, seed=1)
    result = run_sync(ReACT(max_steps=3), task, model=model, env=ShopEnv, policy=FunctionPolicy())
    assert result.end in ("answered", "gave_up", "limit")


def test_a_guard_counts_what_is_sent(folder: Path) -> None:
    """Functions in lines take a fraction of what they take as JSON."""
    model = HFModel(str(folder), calls="lines")
    request = Request(Prompt(TALK), OFFERED, seed=1)
    size = len(model.encode(request))
    assert size < prompt_tokens(request, model.counter) / 2
    guard = Guarded(model, window=size + 40, reply=40)
    [made] = asyncio.run(guard.complete([request]))
    assert not isinstance(made, ModelError)
    tight = Guarded(model, window=size + 39, reply=40)
    [refused] = asyncio.run(tight.complete([request]))
    assert isinstance(refused, ModelError) and refused.kind == "context"
