"""The training itself: trl's trainer, with the tokens of inference and an order that resumes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from transformers import (
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer

from ...core import UsageError
from ...core.whole import whole
from ..checkpoints import whole_checkpoints
from . import base
from .batches import ByLength, collate, columns, packed
from .config import Recipe, as_toml, differs, packaged
from .plan import Plan, plan_of
from .rows import Rows, open_rows
from .tokens import IGNORED, Tokenised, Tokeniser, Tokens, mark_of

CHECKPOINTS: Final = "checkpoints"


class Trainer(SFTTrainer):  # type: ignore[misc]
    """trl's, with our order of rows; on a CPU only tokens with a loss reach the output layer.

    The output layer is a third of a small model's work. trl leaves out what is not learnt on GPUs
    alone.
    """

    lengths: Sequence[int]
    measured: list[float]  # the summed loss of held-out tokens, and how many there were

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        together = self.args.train_batch_size * self.args.world_size
        return ByLength(self.lengths, together, self.args.seed)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The mean loss of tokens that are learnt."""
        if return_outputs or inputs["input_ids"].device.type != "cpu":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs["labels"][:, 1:]
        some = (labels != IGNORED).any(0).nonzero().flatten()
        given = {key: value for key, value in inputs.items() if key != "labels"}
        logits = model(**given, use_cache=False, logits_to_keep=some).logits
        loss = torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), labels[:, some].flatten(), ignore_index=IGNORED,
            reduction="sum",
        )  # fmt: skip
        if num_items_in_batch is None:
            return loss / (labels != IGNORED).sum().clamp(min=1)
        # It counts the tokens of all processes, and their gradients are averaged.
        return loss / num_items_in_batch * self.accelerator.num_processes

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """The mean loss of all tokens that are learnt; transformers' is a mean of batches' means.

        Rows that a sampler repeats to fill the last round of several processes count once.
        """
        self.measured = [0.0, 0]
        done = super().evaluation_loop(*args, **kwargs)
        mine = torch.tensor(self.measured, dtype=torch.float64, device=self.accelerator.device)
        total, count = self.accelerator.reduce(mine, "sum").tolist()
        done.metrics[f"{kwargs.get('metric_key_prefix', 'eval')}_loss"] = total / max(count, 1)
        return done

    def prediction_step(
        self,
        model: Any,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> Any:
        """The loss of a batch."""
        batch = self._prepare_inputs(inputs)
        state = self.accelerator.gradient_state
        if state.end_of_dataloader and state.remainder > 0:
            first = self.accelerator.process_index * len(batch["labels"])
            batch["labels"][max(0, state.remainder - first) :] = IGNORED
        count = int((batch["labels"][:, 1:] != IGNORED).sum())
        with torch.no_grad(), self.compute_loss_context_manager():
            loss = self.compute_loss(model, batch)
        self.measured = [self.measured[0] + float(loss) * count, self.measured[1] + count]
        return loss.detach(), None, None

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """None: the card is ours."""


class Told(TrainerCallback):  # type: ignore[misc]
    """A line every few steps: how far, the loss, tokens a second, time left."""

    def __init__(self, tokens_a_step: float) -> None:
        self._tokens = tokens_a_step
        self._started, self._first = 0.0, 0
        self.speed = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Start the clock."""
        self._started, self._first = time.monotonic(), state.global_step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Measure."""
        used = max(1e-9, time.monotonic() - self._started)
        self.speed = (state.global_step - self._first) * self._tokens / used

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Print."""
        logs = more.get("logs") or {}
        if not state.is_world_process_zero:
            return
        if "eval_loss" in logs:
            print(f"step {state.global_step}: held-out loss {logs['eval_loss']:.4f}",
                  file=sys.stderr, flush=True)  # fmt: skip
        elif "loss" in logs:
            left = (state.max_steps - state.global_step) * self._tokens / max(self.speed, 1e-9)
            print(
                f"step {state.global_step}/{state.max_steps}: loss {float(logs['loss']):.4f}, "
                f"{self.speed:,.0f} tokens/s, {duration(left)} left",
                file=sys.stderr, flush=True,
            )  # fmt: skip


def duration(seconds: float) -> str:
    """As people say it: ``1 h 02 min``, ``3 min 10 s``."""
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"


class Job:
    """A fine-tuning that was checked and is ready to run.

    Args:
        recipe: what to do.

    Raises:
        UsageError: something of it cannot be done.
    """

    def __init__(self, recipe: Recipe) -> None:
        base.check_packages()
        # peft asks transformers for it by the name that it had.
        warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)
        self.recipe = recipe
        self.rows: Rows = open_rows(Path(recipe.data))
        self.model = base.asked(recipe, self.rows.shape)
        self.tokeniser = Tokeniser(
            self.model, base.ends_of(self.model), self.model.context, recipe.overlong
        )
        self.tokenised: Tokenised = self.tokeniser.all(self.rows)
        self.train, self.held = held_out(self.tokenised.sequences, recipe.eval_share, recipe.seed)
        context = self.model.context
        if recipe.packing:
            self.packs, self.held_packs = packed(self.train, context), packed(self.held, context)
        else:
            self.packs, self.held_packs = [[s] for s in self.train], [[s] for s in self.held]
        self.plan: Plan = plan_of(self)

    @property
    def out(self) -> Path:
        """Where the model goes."""
        return Path(self.recipe.out)


def held_out(
    sequences: Sequence[Tokens], share: float, seed: int
) -> tuple[list[Tokens], list[Tokens]]:
    """Sequences to train on and to measure: all turns of all paths of a task on one side.

    Raises:
        UsageError: one of the sides is empty.
    """
    train: list[Tokens] = []
    held: list[Tokens] = []
    for sequence in sequences:
        name = sequence.task or sequence.row.partition("#")[0]
        draw = blake2b(f"{seed} {name}".encode("utf-8", "replace"), digest_size=8).digest()
        (held if int.from_bytes(draw) < share * 2**64 else train).append(sequence)
    if not train or (share and not held):
        raise UsageError(
            f"eval_share={share} of {len(sequences)} sequences leaves none to "
            f"{'learn' if not train else 'measure'}: give another share, or more data"
        )
    return train, held


def train(job: Job, *, resume: bool = False, callbacks: Sequence[Any] = ()) -> dict[str, Any]:
    """Train, and write the model, its card and ``toolgrove.json``.

    Args:
        job: what to do.
        resume: go on from the last checkpoint.
        callbacks: of transformers', beside our own.

    Returns:
        What ``toolgrove.json`` says.

    Raises:
        UsageError: the folder holds another training, or there is no space.
    """
    from .card import write_card

    recipe, out = job.recipe, job.out
    checkpoint = prepare(job, resume)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    from datasets import Dataset
    from torch.utils.tensorboard import SummaryWriter
    from transformers import set_seed
    from transformers.integrations import TensorBoardCallback
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    set_seed(recipe.seed)
    weights = base.weights(job.model, recipe)
    told = Told(job.plan.tokens_a_step)
    trainer = Trainer(
        model=weights,
        args=arguments(job),
        data_collator=partial(collate, pad=pad_of(job.model._tokenizer)),
        train_dataset=Dataset.from_dict(columns(job.packs)),
        eval_dataset=Dataset.from_dict(columns(job.held_packs)) if job.held_packs else None,
        processing_class=job.model._tokenizer,
        peft_config=None if recipe.full else base.adapter(recipe, weights),
        callbacks=[told, *callbacks],
    )
    if not recipe.full:
        # The vocabulary stays as it is. To see that, peft would look for the base's config.json, on
        # the hub, too, and warn where the base is a GGUF file or nothing can be reached.
        save = partial(trainer.model.save_pretrained, save_embedding_layers=False)
        trainer.model.save_pretrained = save
    trainer.remove_callback(PrinterCallback)
    if trainer.is_world_process_zero():
        trainer.add_callback(TensorBoardCallback(SummaryWriter(str(out / "tensorboard"))))
    trainer.lengths = [sum(len(s.ids) for s in pack) for pack in job.packs]
    started = time.monotonic()
    try:
        done = trainer.train(resume_from_checkpoint=checkpoint)
        seconds = time.monotonic() - started
        trainer.save_model(str(out))
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "inline_container" not in str(error):
            raise  # torch.save says so where a file cannot be written
        raise UsageError(
            f"cannot write to {out}: {error}. What was saved before is whole: make room, then "
            f"--resume goes on from the last checkpoint"
        ) from error
    if not trainer.is_world_process_zero():
        return {}
    return write_card(job, trainer.state.log_history, done.global_step, seconds, told.speed)


def pad_of(tokenizer: Any) -> int:
    """The token to fill batches up with: any, since no loss is on it and no other token sees it."""
    pad = tokenizer.pad_token_id
    return int(pad if pad is not None else tokenizer.eos_token_id or 0)


def arguments(job: Job) -> Any:
    """The recipe in trl's words."""
    recipe, plan = job.recipe, job.plan
    return SFTConfig(
        output_dir=str(job.out / CHECKPOINTS),
        per_device_train_batch_size=recipe.batch,
        per_device_eval_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulate,
        num_train_epochs=recipe.epochs,
        max_steps=recipe.steps or -1,
        learning_rate=recipe.rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=int(recipe.warmup * plan.steps),
        weight_decay=recipe.decay,
        max_grad_norm=recipe.clip,
        bf16=recipe.bf16,
        fp16=False,
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=recipe.checkpointing,
        seed=recipe.seed,
        data_seed=recipe.seed,
        logging_steps=recipe.log_every,
        logging_first_step=True,
        save_steps=recipe.save_every,
        save_total_limit=2,
        eval_strategy="epoch" if job.held_packs else "no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        packing=False,
        prediction_loss_only=True,
        deepspeed=packaged(recipe.deepspeed) if recipe.deepspeed else None,
        ddp_find_unused_parameters=False,
    )


def prepare(job: Job, resume: bool) -> str | None:
    """Claim the folder; the checkpoint to go on from, or None.

    Raises:
        UsageError: it holds something else, another training's checkpoints, or has no space.
    """
    recipe, out = job.recipe, job.out
    mark, first = out / "train.json", int(os.environ.get("RANK", "0")) == 0
    base_mark = job.model._weights()
    now: dict[str, Any] = {
        "data": job.rows.sha256,
        "base": base_mark,
        "tokens": mark_of([*job.train, *job.held]),
        "recipe": asdict(recipe),
    }
    last = None
    if (out / CHECKPOINTS).is_dir():
        last = next(reversed(whole_checkpoints(out / CHECKPOINTS)), None)
    if mark.is_file():
        then = _then(mark)
        changed = differs(recipe, Recipe(**then["recipe"])) if resume else []
        if resume and then["data"] != now["data"]:
            changed.append(f"data has SHA-256 {now['data'][:12]}.., was {then['data'][:12]}..")
        if resume and then["base"] != now["base"]:
            changed.append("the base's weights are others")
        if resume and not changed and then.get("tokens", now["tokens"]) != now["tokens"]:
            said = recipe.template or "the base's chat template or its tokenizer"
            changed.append(f"the rows make other tokens than before: {said} has changed")
        if changed:
            raise UsageError(
                f"{out} holds checkpoints of another training ({'; '.join(changed)}): give what "
                f"it was started with, or another --out"
            )
        if not resume and (last or (out / "toolgrove.json").exists()):
            raise UsageError(
                f"{out} holds a training already: --resume goes on with it; another --out starts "
                f"anew"
            )
    elif first and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is no training and not empty: give another --out")
    elif resume and first:
        raise UsageError(f"nothing to resume in {out}: leave out --resume")
    try:
        out.mkdir(parents=True, exist_ok=True)
        free, need = shutil.disk_usage(out).free, job.plan.disk
        if free < need:
            raise UsageError(
                f"{out} has {free / 1e9:.1f} GB of free space, and checkpoints and the model need "
                f"{need / 1e9:.1f} GB"
            )
        if first:
            with whole(mark) as file:  # other ranks may be reading
                file.write(json.dumps(now, indent=1).encode())
            (out / "train.toml").write_text(as_toml(recipe), "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from error
    return str(last) if resume and last else None


def _then(mark: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(mark.read_text("utf-8"))
        Recipe(**found["recipe"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{mark} is damaged ({error}): give another --out") from None
    return found
