"""``toolgrove data quickstart``: the whole pipeline, small, in one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ..core import UsageError
from .data import data

NEEDS = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


@data.command()
def quickstart(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where all of it goes.")] = Path(
        "quickstart"
    ),
    base: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="What is fine-tuned; else SmolLM2-135M, fetched once."),
    ] = None,
    tasks: Annotated[int, typer.Option(metavar="N", min=20, help="Instructions a level.")] = 60,
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="Optimizer steps.")] = 12,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="Tasks a suite that are benchmarked.")
    ] = 4,
    calls: Annotated[int, typer.Option(metavar="N", min=1, help="Calls a trial, at most.")] = 6,
    threads: Annotated[int, typer.Option(metavar="N", min=0, help="Of torch, on a CPU.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands only.")] = False,
) -> None:
    """Collect, instruct, annotate, train a few steps, benchmark: offline, with a simulated teacher.

    Each stage is a command of its own, printed before it runs: scale it by changing names.
    """
    import shlex
    from importlib.util import find_spec

    from ..training.quickstart import Quickstart, run_stages

    if dry_run:
        for stage in Quickstart(out, base or "SMOLLM2.gguf", tasks, steps, limit, calls,
                                threads).stages():  # fmt: skip
            print(f"# {stage.what}\n{shlex.join(('toolgrove', *stage.words))}")
        return
    if missing := [name for name in NEEDS if find_spec(name) is None]:
        raise UsageError(
            f"quickstart trains a model and needs {', '.join(missing)}: "
            f"pip install 'toolgrove[hub,train]'"
        )
    if base is None:
        from ..models.smollm2 import fetched

        base = os.environ.get("TOOLGROVE_SMOLLM2") or None
        try:
            base = base or str(fetched(out / "base"))
        except (OSError, ValueError) as error:
            raise UsageError(f"no base model: {error}. Give one with --base") from error
    took = run_stages(list(Quickstart(out, base, tasks, steps, limit, calls, threads).stages()))
    print()
    for what, seconds in took:
        print(f"{seconds:7.0f} s  {what}")
    print(f"all of it: {out}; the model: hf:{base},lora={out / 'model'}")
