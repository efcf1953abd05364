"""``toolgrove train toolllama``: fine-tune a causal language model on conversations."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from .train import train


@train.command("toolllama")
def toolllama(
    base: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A folder, a hub name, or a GGUF file.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="What `export --format sft` wrote, or JSON lines."),
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Where the model goes.")] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Settings; what is given here wins.")
    ] = None,
    lora: Annotated[
        str | None, typer.Option(metavar="r=16,alpha=32", help="An adapter (the default).")
    ] = None,
    full: Annotated[bool | None, typer.Option("--full", help="Train all weights.")] = None,
    layers: Annotated[
        int | None, typer.Option(metavar="N", help="Only the last so many layers.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="How often rows are seen.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps in place of epochs.")] = None,
    lr: Annotated[float | None, typer.Option(help="The highest learning rate.")] = None,
    batch: Annotated[int | None, typer.Option(help="Rows of a forward pass.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Forward passes of a step.")] = None,
    context: Annotated[int | None, typer.Option(metavar="N", help="Tokens of a row.")] = None,
    rope_from: Annotated[
        int | None, typer.Option(metavar="N", help="Interpolate positions from this window.")
    ] = None,
    overlong: Annotated[
        str | None, typer.Option(metavar="drop|cut", help="Rows longer than the context.")
    ] = None,
    calls: Annotated[
        str | None,
        typer.Option(metavar="C", help="Functions are told as JSON (schema), in lines, or brief."),
    ] = None,
    template: Annotated[
        str | None, typer.Option(metavar="FILE", help="A Jinja chat template.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(metavar="Y", help="The policy that worded the rows.")
    ] = None,
    bf16: Annotated[bool | None, typer.Option("--bf16/--fp32", help="bfloat16.")] = None,
    packing: Annotated[
        bool | None, typer.Option("--packing/--no-packing", help="Join short rows.")
    ] = None,
    checkpointing: Annotated[
        bool | None,
        typer.Option("--checkpointing/--no-checkpointing", help="Compute activations twice."),
    ] = None,
    eval_share: Annotated[
        float | None, typer.Option(metavar="X", help="Share of the tasks kept out.")
    ] = None,
    save_every: Annotated[
        int | None, typer.Option(metavar="N", help="Steps between checkpoints.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Of torch, on a CPU.")] = None,
    deepspeed: Annotated[
        str | None, typer.Option(metavar="JSON", help="A DeepSpeed configuration.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all chance.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Fine-tune a model on conversations; the result loads back as hf: or toolllama:."""
    from ..training.finetune.base import check_packages
    from ..training.finetune.config import recipe
    from ..training.finetune.rows import open_rows

    given: dict[str, Any] = {
        "base": base, "data": data, "out": out, "lora": lora, "full": full, "layers": layers,
        "epochs": epochs, "steps": steps, "lr": lr, "batch": batch, "accumulate": accumulate,
        "context": context, "rope_from": rope_from, "overlong": overlong,
        "calls": calls, "template": template, "policy": policy,
        "bf16": bf16, "packing": packing, "checkpointing": checkpointing, "seed": seed,
        "eval_share": eval_share, "save_every": save_every, "threads": threads,
        "deepspeed": deepspeed,
    }  # fmt: skip
    made = recipe(config, given)
    check_packages()
    open_rows(Path(made.data))  # what is wrong with it is told before torch is loaded
    from ..training.finetune.trainer import Job
    from ..training.finetune.trainer import train as run

    job = Job(made)
    first = os.environ.get("RANK", "0") == "0"
    if dry_run:
        if first:
            print(json.dumps(job.plan.to_json()) if as_json else job.plan)
        return
    if first and not as_json:
        print(job.plan, flush=True)
    said = run(job, resume=resume)
    if first:
        print(json.dumps(said) if as_json else f"{made.out}: load it as {said['load']}")
