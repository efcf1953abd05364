"""Training a tiny random model: packing, resuming, loading back, two processes."""

# ruff: noqa: E402 - they skip before they import torch
from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

for package in ("torch", "peft", "trl", "datasets", "accelerate", "tensorboard"):
    pytest.importorskip(package, reason="the extra train is not installed")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "models" / "hf")]

import parts
import tiny
import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import TrainerCallback

from toolgrove.core import UsageError
from toolgrove.models.hf.model import HFModel
from toolgrove.models.trained import policy_of
from toolgrove.training.finetune import base
from toolgrove.training.finetune.batches import ByLength, collate, columns, packed
from toolgrove.training.finetune.config import Recipe
from toolgrove.training.finetune.licence import licence_of
from toolgrove.training.finetune.tokens import IGNORED, Tokens
from toolgrove.training.finetune.trainer import Job, Trainer, train

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base and rows."""
    folder = tmp_path_factory.mktemp("made")
    tiny.saved(folder / "base")
    parts.written(folder / "rows.jsonl", [parts.talked(n) for n in range(12)])
    parts.written(folder / "said.jsonl", [parts.said(n) for n in range(12)])
    return folder


def recipe(made: Path, out: Path, **more: Any) -> Recipe:
    given: dict[str, Any] = {"steps": 4, "batch": 2, "accumulate": 1, "save_every": 2, "lr": 1e-2}
    given["log_every"] = 1
    given |= {"base": str(made / "base"), "data": str(made / "rows.jsonl"), "out": str(out)}
    return Recipe(**{**given, "threads": 1, **more})


def weights(out: Path) -> dict[str, Any]:
    [file] = list(out.glob("*.safetensors"))
    found: dict[str, Any] = load_file(file)
    return found


def test_packed_rows_do_not_see_each_other() -> None:
    """Packed or padded, the summed loss is the same, and so are its gradients."""
    draw = torch.Generator().manual_seed(0)
    sequences = []
    for size in (30, 7, 19, 12, 5, 26, 9):
        ids = torch.randint(3, 260, (size,), generator=draw).tolist()
        labels = [IGNORED] * (size // 3) + ids[size // 3 :]
        sequences.append(Tokens.of(ids, labels, "r"))
    packs = packed(sequences, 40)
    assert sorted(len(s.ids) for p in packs for s in p) == sorted(len(s.ids) for s in sequences)
    assert len(packs) == 3 and all(sum(len(s.ids) for s in p) <= 40 for p in packs)
    found = []
    for items in (packs, [[s] for s in sequences]):
        rows = list(Dataset.from_dict(columns(items)))
        batch = collate(rows, pad=0)
        assert ("position_ids" in batch) == (items is packs)
        model = tiny.llama()
        assert model.config._attn_implementation == "sdpa"
        labels = batch.pop("labels")
        logits = model(**batch, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
        )
        loss.backward()
        found.append((loss.item(), model.model.layers[0].self_attn.q_proj.weight.grad))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-3, atol=1e-4)


def test_the_order_is_drawn_from_seed_and_epoch_alone() -> None:
    lengths = [(7 * i) % 50 + 1 for i in range(203)]
    sampler = ByLength(lengths, 4, seed=1)
    first = list(sampler)
    assert sorted(first) == list(range(203)) and len(sampler) == 203
    torch.rand(1)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first
    batches = [first[i : i + 4] for i in range(0, 200, 4)]
    wide = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches]
    assert sum(wide) / len(wide) < 10  # at random it is 30


class Stop(TrainerCallback):  # type: ignore[misc]
    """A process that dies after a step."""

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == 9:
            raise KeyboardInterrupt


@pytest.mark.parametrize("full", [False, True])
def test_resumed_is_uninterrupted(made: Path, tmp_path: Path, full: bool) -> None:
    """Stopped in the second epoch, between checkpoints: the weights are the same to the bit."""
    more = {"steps": 10, "full": full, "dropout": 0.0 if full else 0.1, "eval_share": 0.2}
    one, two = tmp_path / "one", tmp_path / "two"
    said = train(Job(recipe(made, one, **more)))
    with pytest.raises(KeyboardInterrupt):
        train(Job(recipe(made, two, **more)), callbacks=[Stop()])
    assert not (two / "toolgrove.json").exists()
    with pytest.raises(UsageError, match="--resume goes on"):
        train(Job(recipe(made, two, **more)))
    with pytest.raises(UsageError, match=r"another training \(lr = 0.5, was 0.01\)"):
        train(Job(recipe(made, two, **{**more, "lr": 0.5})), resume=True)
    # A checkpoint that was cut off while it was written is passed over.
    (two / "checkpoints" / "checkpoint-9").mkdir()
    again = train(Job(recipe(made, two, **more)), resume=True)
    a, b = weights(one), weights(two)
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    assert again["loss"] == said["loss"] and again["eval_loss"] == said["eval_loss"]
    assert list((two / "tensorboard").glob("events.out.tfevents.*"))
    card = (two / "README.md").read_text()
    assert said["data"]["sha256"] in card and "| step | loss |" in card and "$" not in card
    assert not any("lora_B" in k and not v.any() for k, v in a.items())


def test_the_loss_is_the_mean_over_the_tokens_of_a_step(made: Path, tmp_path: Path) -> None:
    """However its rows are dealt out: at once, or one by one as with ``accumulate``."""
    job = Job(recipe(made, tmp_path / "none", full=True))
    model = base.weights(job.model, job.recipe)
    items = list(Dataset.from_dict(columns([[sequence] for sequence in job.train[:3]])))
    trainer = Trainer.__new__(Trainer)
    trainer.accelerator = type("One", (), {"num_processes": 1})()
    whole = collate(items, pad=0)
    total = int((whole["labels"][:, 1:] != IGNORED).sum())
    logits = model(input_ids=whole["input_ids"], attention_mask=whole["attention_mask"]).logits
    plain = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), whole["labels"][:, 1:].flatten(), ignore_index=IGNORED
    )
    together = trainer.compute_loss(model, whole, num_items_in_batch=total)
    alone = [
        trainer.compute_loss(model, collate([item], pad=0), num_items_in_batch=total)
        for item in items
    ]
    assert torch.allclose(together, plain, atol=1e-5)
    assert torch.allclose(sum(alone), plain, atol=1e-5)
    assert torch.allclose(trainer.compute_loss(model, whole), plain, atol=1e-5)


@torch.no_grad()  # type: ignore[untyped-decorator]
def held_loss(job: Job, model: Any) -> float:
    """By hand: the mean over all tokens of the held-out rows that are learnt."""
    total, count = 0.0, 0
    for sequence in job.held:
        logits = model(input_ids=torch.tensor([list(sequence.ids)])).logits[0, :-1].float()
        labels = torch.tensor(sequence.labels[1:])
        loss = torch.nn.functional.cross_entropy
        total += float(loss(logits, labels, ignore_index=IGNORED, reduction="sum"))
        count += sequence.targets
    return total / count


def test_the_held_out_loss_is_the_mean_over_tokens(made: Path, tmp_path: Path) -> None:
    """Not of batches: of three rows in batches of two, the last would count twice."""
    said = parts.written(tmp_path / "r.jsonl", [parts.said(10**n, 1 + n % 3) for n in range(12)])
    more = {"data": str(said), "full": True, "steps": 1, "lr": 1e-9, "eval_share": 0.3, "seed": 6}
    job = Job(recipe(made, tmp_path / "out", **more))
    assert len(job.held) % 2 and len({len(s.ids) for s in job.held}) > 1
    hand = held_loss(job, base.weights(job.model, job.recipe))
    assert train(job)["eval_loss"] == pytest.approx(hand, rel=1e-5)


def test_an_adapter_is_saved_without_looking_for_its_base(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GGUF file and a name that cannot be reached have no config.json: no reason to warn."""

    class Elsewhere(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            more["model"].peft_config["default"].base_model_name_or_path = "no/such-model"

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    train(Job(recipe(made, tmp_path / "out", steps=1)), callbacks=[Elsewhere()])
    said = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert said["base_model_name_or_path"] == "no/such-model"
    assert not any("embed" in name for name in weights(tmp_path / "out"))


def test_the_card_names_licences(made: Path, tmp_path: Path) -> None:
    own = tiny.saved(tmp_path / "base")
    (own / "README.md").write_text("---\nlicense: Apache-2.0\ntags: [x]\n---\n# B\n")
    given = recipe(made, tmp_path / "out", steps=1, base=str(own))
    assert train(Job(given))["licence"] == {"base": "Apache-2.0", "data": []}
    card = (tmp_path / "out" / "README.md").read_text()
    assert "\nlicense: apache-2.0\n" in card and "| licence of the base | Apache-2.0 |" in card
    # What was tuned is a base itself: its card says the same.
    assert licence_of(HFModel(str(own))) == "Apache-2.0"
    (own / "README.md").unlink()
    train(Job(replace(given, out=str(tmp_path / "two"))))
    card = (tmp_path / "two" / "README.md").read_text()
    assert "unknown: that of the base model" in card and "\nlicense:" not in card


def test_a_changed_template_is_no_resumption(made: Path, tmp_path: Path) -> None:
    template = tmp_path / "t.jinja"
    told = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    template.write_text(told)
    more = {"template": str(template), "steps": 2, "save_every": 1}
    train(Job(recipe(made, tmp_path / "out", **more)))
    template.write_text(told + "{# the same words #}")
    train(Job(recipe(made, tmp_path / "out", **more)), resume=True)
    template.write_text(told.replace("<", "["))
    with pytest.raises(UsageError, match=r"other tokens than before: .*t\.jinja has changed"):
        train(Job(recipe(made, tmp_path / "out", **more)), resume=True)


@pytest.mark.parametrize("full", [False, True])
def test_only_the_last_layers_are_trained(made: Path, tmp_path: Path, full: bool) -> None:
    job = Job(recipe(made, tmp_path / "out", full=full, layers=1))
    layers = int(job.model._config.num_hidden_layers)
    assert layers > 1
    said = train(job)
    assert said["plan"]["trainable"] < Job(recipe(made, tmp_path / "all", full=full)).plan.trainable
    after = weights(tmp_path / "out")
    if not full:
        assert {name.split(".layers.")[1].split(".")[0] for name in after} == {str(layers - 1)}
        return
    before = base.weights(job.model, job.recipe).state_dict()
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert moved and all(f".layers.{layers - 1}." in name for name in moved)
    with pytest.raises(UsageError, match="the model has"):
        train(Job(recipe(made, tmp_path / "many", layers=99)))


def test_what_was_trained_says_its_policy(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train(Job(recipe(made, out, policy="functions:texts=short", calls="lines", steps=1)))
    loaded = HFModel(str(made / "base"), lora=str(out))
    assert loaded.needs_policy == "functions" and loaded.calls == "lines"
    assert policy_of(f"hf:{made / 'base'},lora={out}") == "functions:texts=short"
    with pytest.raises(UsageError, match="trained on the format chat: use hf:"):
        HFModel(str(made / "base"), lora=str(out), format="toolllama")
    (out / "toolgrove.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        policy_of(f"hf:{made / 'base'},lora={out}")


def test_bad_jobs_are_told(made: Path, tmp_path: Path) -> None:
    def refused(match: str, **more: Any) -> None:
        with pytest.raises(UsageError, match=match):
            train(Job(recipe(made, tmp_path / "out", **more)))

    refused("context window of 4,096 tokens and --context is 8,192.*--rope-from 4096", context=8192)
    refused("leaves none to measure", eval_share=1e-9)
    bare = tiny.saved(tmp_path / "bare", None)
    refused("no chat template", base=str(bare))
    (tmp_path / "empty").mkdir()
    refused("cannot load .*empty", base=str(tmp_path / "empty"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    refused("is no training and not empty")
    with pytest.raises(UsageError, match="nothing to resume"):
        train(Job(recipe(made, tmp_path / "new")), resume=True)
    job = Job(recipe(made, tmp_path / "big"))
    job.plan = replace(job.plan, disk=10**18)
    with pytest.raises(UsageError, match="GB of free space"):
        train(job)


def test_two_processes_train_one_model(made: Path, tmp_path: Path) -> None:
    """torchrun, gloo: as one process with twice the batch; the gradients are averaged."""
    words = ["train", "toolllama", "--base", str(made / "base"), "--data",
             str(made / "rows.jsonl"), "--steps", "2", "--accumulate", "1", "--threads", "1",
             "--lr", "0.01", "--eval-share", "0.3", "--seed", "2"]  # fmt: skip
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    done = parts.command(*words, "--batch", "2", "--out", str(tmp_path / "two"), launch=launch)
    assert done.returncode == 0, done.stderr
    assert "on 2 processes" in done.stdout and done.stdout.count("load it as") == 1
    job = Job(recipe(made, tmp_path / "one", steps=2, batch=4, eval_share=0.3, seed=2))
    assert len(job.held) % 4, "two processes repeat rows to fill their last round"
    one = train(job)["eval_loss"]
    two = json.loads((tmp_path / "two" / "toolgrove.json").read_text())["eval_loss"]
    assert one == pytest.approx(two, rel=1e-4)
    a, b = weights(tmp_path / "one"), weights(tmp_path / "two")
    for key in a:
        torch.testing.assert_close(a[key], b[key], rtol=1e-3, atol=2e-4)


def test_an_adapter_is_benchmarked_by_one_command(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "tuned"
    file = tmp_path / "train.toml"
    file.write_text(f'base = "{made / "base"}"\ndata = "{made / "said.jsonl"}"\nlr = 0.01\n'
                    'steps = 9\nbatch = 2\naccumulate = 1\npacking = true\n')  # fmt: skip
    done = parts.command(
        "train", "toolllama", "--config", str(file), "--out", str(out), "--steps", "2",
        "--context", "16384", "--rope-from", "4096", "--lora", "r=4", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["steps"] == 2 and said["rope"] == 4 and said["format"] == "toolllama"
    assert said["load"] == f"toolllama:{made / 'base'},lora={out},rope=4,context=16384"
    bench = parts.command(
        "bench", "--suite", "shop", "--limit", "2", "--planner", "react:max_steps=2", "--policy",
        "toolllama", "--model", f"{said['load']},max_tokens=20", "--out", str(tmp_path / "run"),
    )  # fmt: skip
    assert bench.returncode == 0, bench.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    [row] = summary["runs"]
    assert row["planned"] == 2 and "infra" not in {k for k, v in row["outcomes"].items() if v}


def test_a_task_is_held_out_with_all_its_paths(made: Path, tmp_path: Path) -> None:
    """Several planners and trials solve one task: none of them is learnt if one is measured."""
    rows = [{**parts.talked(n), "id": f"shop/{n}/{planner}/{trial}"}
            for n in range(12) for planner in ("react", "dfsdt") for trial in range(2)]  # fmt: skip
    data = parts.written(tmp_path / "r.jsonl", rows)
    job = Job(recipe(made, tmp_path / "out", data=str(data), eval_share=0.3))
    train, held = ({sequence.task for sequence in part} for part in (job.train, job.held))
    assert train and held and not train & held
    assert len(job.train) + len(job.held) == 48
