"""The engine on a tiny random LLaMA: the same tokens as transformers' own generation."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, wait
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
pytest.importorskip("transformers", reason="the extra hf is not installed")

import tiny

from toolgrove.models.hf.engine import Engine, OwnCache, Wanted, choose
from toolgrove.models.hf.load import fits

SYSTEM = list(range(3, 203))


def reference(model: Any, prompt: Sequence[int], n: int) -> list[int]:
    """What transformers generates greedily, with its own cache and attention."""
    out = model.generate(
        torch.tensor([list(prompt)]), max_new_tokens=n, do_sample=False, pad_token_id=0
    )
    made: list[int] = out[0, len(prompt) :].tolist()
    return made[: made.index(2)] if 2 in made else made


def prompts() -> list[list[int]]:
    """A small tree of prompts: siblings, a parent's, one that shares nothing, one token."""
    tree = [SYSTEM + [210 + 10 * i + j for j in range(9)] for i in range(3)]
    return [*tree, SYSTEM, tree[0] + [7, 8, 9], tree[0] + [7, 8, 9], [5, 6, 7], [9]]


@pytest.fixture(scope="module")
def told() -> list[list[int]]:
    model = tiny.llama()
    return [reference(model, prompt, 24) for prompt in prompts()]


def engine(**options: Any) -> Engine:
    model = tiny.llama()
    assert fits(model)
    return Engine(model, [2], **options)


@pytest.mark.parametrize("keep", [0, 1 << 30, 60_000])
@pytest.mark.parametrize("batch", [1, 3, 16])
@pytest.mark.parametrize("chunk", [5, 512])
def test_greedy_tokens_are_those_of_transformers(
    told: list[list[int]], keep: int, batch: int, chunk: int
) -> None:
    made = engine(keep=keep, batch=batch, chunk=chunk)
    futures = [made.submit(Wanted(prompt, 24)) for prompt in prompts()]
    assert [f.result(60).tokens for f in futures] == told
    again = [made.submit(Wanted(prompt, 24)) for prompt in prompts()]
    assert [f.result(60).tokens for f in again] == told
    counts, whole = made.counts, 2 * sum(map(len, prompts()))
    assert counts.prefilled + counts.reused == whole
    assert counts.requests == 2 * len(prompts())
    if keep == 1 << 30:
        # Each token of the tree of prompts once; the last of a prompt is read for its logits.
        distinct = {tuple(p[: n + 1]) for p in prompts() for n in range(len(p))}
        assert counts.prefilled <= len(distinct) + counts.requests
    elif not keep:
        assert counts.reused == 0 and counts.prefilled == whole
    assert made.trie.nbytes <= keep


def test_siblings_that_arrive_together_read_what_they_share_once() -> None:
    made = engine(batch=16, chunk=64)
    siblings = [SYSTEM + [i] for i in range(3, 11)]
    wait([made.submit(Wanted(prompt, 4)) for prompt in siblings])
    assert made.counts.prefilled <= len(SYSTEM) + 2 * len(siblings)


def test_samples_differ_by_seed_and_are_the_same_again() -> None:
    def sampled(batch: int) -> list[list[int]]:
        made = engine(batch=batch)
        wanted = [Wanted(SYSTEM, 12, temperature=1.0, top_p=0.9, seed=i % 4) for i in range(8)]
        return [f.result(60).tokens for f in [made.submit(w) for w in wanted]]

    first = sampled(8)
    assert first[:4] == first[4:] == sampled(1)[:4]
    assert len({tuple(tokens) for tokens in first}) == 4


def test_choose_keeps_to_the_likeliest_and_says_how_likely() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.2]))
    token, logprob = choose(logits, 0.0, 1.0, None)
    assert token == 0 and logprob == pytest.approx(-0.6931, abs=1e-3)
    generator = torch.Generator().manual_seed(1)
    drawn = [choose(logits, 1.0, 0.6, generator)[0] for _ in range(400)]
    assert set(drawn) == {0, 1} and 0.5 < drawn.count(0) / 400 < 0.75
    assert {choose(logits, 1.0, 0.01, generator)[0] for _ in range(20)} == {0}


class Fixed:
    """A form that allows one reply, and forces all but its first token."""

    done = False

    def __init__(self, broken: bool = False) -> None:
        self.broken, self.taken = broken, 0

    def forced(self) -> list[int]:
        return [8, 9] if self.taken == 1 else []

    def mask(self, logits: Any) -> Any:
        if self.broken:
            raise RuntimeError("no such grammar")
        out = torch.full_like(logits, float("-inf"))
        out[2 if self.taken else 7] = 0.0
        return out

    def take(self, token: int) -> None:
        self.taken += 1


class Endless(Fixed):
    """A form that never ends."""

    def forced(self) -> list[int]:
        return []

    def mask(self, logits: Any) -> Any:
        return logits.clone().index_fill_(0, torch.tensor([2]), float("-inf"))


def test_forced_tokens_are_not_sampled_and_count_as_generated() -> None:
    made = engine()
    got = made.submit(Wanted(SYSTEM, 10, held=Fixed())).result(60)
    assert (got.tokens, got.ended, got.logprob) == ([7, 8, 9], True, 0.0)
    assert made.counts.forced == 2 and made.counts.generated == 3


def test_a_reply_that_breaks_fails_alone(told: list[list[int]]) -> None:
    made = engine()
    bad = made.submit(Wanted(SYSTEM, 10, held=Fixed(broken=True)))
    good = made.submit(Wanted(prompts()[0], 24))
    assert good.result(60).tokens == told[0]
    with pytest.raises(RuntimeError, match="no such grammar"):
        bad.result(60)


def test_a_reply_that_cannot_begin_fails_alone(told: list[list[int]]) -> None:
    class Unborn(Fixed):
        def forced(self) -> list[int]:
            raise RuntimeError("no such form")

    made = engine()
    asked = [Wanted(SYSTEM, 10, held=Unborn()), Wanted(prompts()[0], 24)]
    bad, good = [made.submit(wanted) for wanted in asked]
    assert good.result(60).tokens == told[0]
    with pytest.raises(RuntimeError, match="no such form"):
        bad.result(60)


def test_a_model_that_fails_lets_nobody_wait() -> None:
    made = engine()
    forward, calls = made.model.forward, itertools.count()

    def failing(*args: Any, **more: Any) -> Any:
        if next(calls) == 3:
            raise RuntimeError("out of memory")
        return forward(*args, **more)

    made.model.forward = failing
    futures = [made.submit(Wanted(prompt, 24, held=Endless())) for prompt in prompts()[:2]]
    for future in futures:
        with pytest.raises(RuntimeError, match="out of memory"):
            future.result(60)
    assert made.submit(Wanted(SYSTEM, 4)).result(60).tokens  # and it goes on


def test_a_cancelled_reply_makes_room() -> None:
    made = engine(batch=1)
    long = made.submit(Wanted(SYSTEM, 4000, held=Endless()))
    time.sleep(0.2)
    assert long.cancel()
    start = made.counts.generated
    assert len(made.submit(Wanted([9], 5)).result(60).tokens) <= 5
    assert made.counts.generated - start <= 5
    with pytest.raises(CancelledError):
        long.result(0)


def test_the_thread_ends_with_the_work() -> None:
    import threading

    made = engine()
    made.submit(Wanted(SYSTEM, 2)).result(60)
    for _ in range(100):
        if not any(t.name == "toolgrove-hf" and t.is_alive() for t in threading.enumerate()):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the engine's thread is still there")
    assert made.submit(Wanted(SYSTEM, 2)).result(60).reused == len(SYSTEM) - 1


def test_no_prompt_is_an_error() -> None:
    with pytest.raises(ValueError, match="no tokens"):
        engine().submit(Wanted([], 3))


def architectures() -> list[Any]:
    from transformers import Gemma2Config, GptOssConfig, MistralConfig, Phi3Config, Qwen3Config

    shape = {
        "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "pad_token_id": 0,
        "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.3,
    }  # fmt: skip
    return [
        Qwen3Config(**shape),
        MistralConfig(**shape, sliding_window=5),
        Gemma2Config(**shape, sliding_window=5),
        Phi3Config(**{k: v for k, v in shape.items() if k != "head_dim"}),
        GptOssConfig(**shape, num_local_experts=2, num_experts_per_tok=1, sliding_window=5),
    ]


@pytest.mark.parametrize("which", range(5), ids=["qwen3", "mistral", "gemma2", "phi3", "gpt_oss"])
def test_other_attentions(which: int) -> None:
    """Sliding windows, capped scores and sinks: the logits are those of transformers' own."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(architectures()[which], attn_implementation="eager")
    model.eval()
    prompt = torch.arange(3, 23).tolist()
    told = reference(model, prompt, 12)
    assert fits(model)
    for keep in (0, 1 << 30):
        made = Engine(model, [2], keep=keep, chunk=7)
        for _ in range(2):
            assert made.submit(Wanted(prompt, 12)).result(60).tokens == told


def test_a_model_without_attention_keeps_its_own_cache() -> None:
    from transformers import MambaConfig, MambaForCausalLM

    torch.manual_seed(1)
    model = MambaForCausalLM(
        MambaConfig(
            vocab_size=64, hidden_size=32, state_size=8, num_hidden_layers=2, initializer_range=0.3,
            pad_token_id=0, bos_token_id=1, eos_token_id=2,
        )
    ).eval()  # fmt: skip
    prompt = list(range(3, 23))
    told = reference(model, prompt, 12)
    assert not fits(model)
    made = OwnCache(model, [2], keep=0)
    futures = [made.submit(Wanted(prompt, 12)) for _ in range(2)]
    assert [f.result(60).tokens for f in futures] == [told, told]
