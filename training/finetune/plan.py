"""What a fine-tuning will take: parameters, tokens, steps, memory, disk."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .base import outline

if TYPE_CHECKING:
    from .trainer import Job


@dataclass(frozen=True)
class Plan:
    """The plan.

    Attributes:
        parameters: of the model, the adapter's included.
        trainable: of these.
        rows: of the data.
        dropped: rows that were too long.
        partly: rows of which some turns were too long, and the others are there.
        cut: rows whose observations were cut.
        sequences: that are trained on.
        held: sequences that are kept out and measured.
        batches: items of an epoch (packs where packing is on).
        tokens: of an epoch.
        learnt: tokens with a loss, of all sequences.
        longest: tokens of the longest row.
        context: tokens of a sequence, at most.
        processes: that share the work.
        steps: of the optimizer.
        tokens_a_step: on average.
        memory: bytes of a process without sharding, about.
        disk: bytes of two checkpoints and the model.
    """

    parameters: int
    trainable: int
    rows: int
    dropped: int
    partly: int
    cut: int
    sequences: int
    held: int
    batches: int
    tokens: int
    learnt: int
    longest: int
    context: int
    processes: int
    steps: int
    tokens_a_step: float
    memory: int
    disk: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        left = [f"{self.dropped:,} dropped (too long)"] if self.dropped else []
        left += [f"{self.partly:,} without turns that were too long"] if self.partly else []
        left += [f"{self.cut:,} cut to fit"] if self.cut else []
        held = f", {self.held:,} more kept out" if self.held else ""
        return "\n".join(
            [
                f"parameters  {self.parameters:,}, {self.trainable:,} of them trained "
                f"({self.trainable / self.parameters:.2%})",
                f"rows        {self.rows:,}" + (f": {', '.join(left)}" if left else ""),
                f"sequences   {self.sequences:,}{held}; {self.batches:,} items an epoch",
                f"tokens      {self.tokens:,} an epoch, {self.learnt:,} learnt; the longest row "
                f"has {self.longest:,} of {self.context:,}",
                f"steps       {self.steps:,} of {self.tokens_a_step:,.0f} tokens, on "
                f"{self.processes} process{'es' if self.processes > 1 else ''}",
                f"memory      about {self.memory / 1e9:.1f} GB a process, not sharded",
                f"disk        about {self.disk / 1e9:.2f} GB",
            ]
        )


def plan_of(job: Job) -> Plan:
    """Count; no weights are loaded."""
    recipe, made = job.recipe, job.tokenised
    model = outline(job.model, recipe)
    whole = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    per_pass = recipe.batch * processes
    passes = math.ceil(len(job.packs) / per_pass)
    an_epoch = max(1, math.ceil(passes / recipe.accumulate))
    steps = recipe.steps or max(1, math.ceil(recipe.epochs * an_epoch))
    tokens = sum(len(s.ids) for s in job.train)
    longest = max(sum(len(s.ids) for s in pack) for pack in job.packs)
    frozen = 2 if recipe.bf16 and not recipe.full else 4
    # AdamW: two moments, a gradient and the weight, each in float32 for what is trained.
    state = 16 * trained + frozen * (whole - trained)
    saved = whole if recipe.full else trained  # three checkpoints: the oldest goes last
    return Plan(
        parameters=whole,
        trainable=trained,
        rows=made.rows,
        dropped=made.dropped,
        partly=made.partly,
        cut=made.cut,
        sequences=len(job.train),
        held=len(job.held),
        batches=len(job.packs),
        tokens=tokens,
        learnt=sum(s.targets for s in job.train),
        longest=made.longest,
        context=job.model.context,
        processes=processes,
        steps=steps,
        tokens_a_step=tokens / an_epoch,
        memory=state + activations(job.model._config, recipe.batch * longest, recipe),
        disk=3 * (4 * saved + 8 * trained) + 4 * saved + (1 << 20),
    )


def activations(config: Any, tokens: int, recipe: Any) -> int:
    """Bytes of activations of a forward pass, about.

    After Korthikanti et al. (2022, arXiv:2205.05198), equation 2 without the square of attention
    (which no attention of torch's keeps): 34 bytes a token, layer and hidden unit in 16 bits; with
    checkpointing 2, and one layer whole. Logits are counted whole, though fewer are made.
    """
    hidden, layers = int(config.hidden_size), int(config.num_hidden_layers)
    wide = 1 if recipe.bf16 else 2
    layer = 34 * wide * tokens * hidden
    kept = 2 * wide * tokens * hidden * layers + layer if recipe.checkpointing else layer * layers
    return kept + 8 * tokens * int(config.vocab_size)
