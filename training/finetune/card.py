"""What came out: ``toolgrove.json`` for programs and a model card for people."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from ... import __version__
from ...core import UsageError
from ...models.policies import fill
from .config import as_toml
from .licence import UNKNOWN, front_matter, licence_of, licences_of_data

if TYPE_CHECKING:
    from .trainer import Job

VERSION: Final = 1
PACKAGES: Final = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


def write_card(
    job: Job, history: Sequence[Mapping[str, Any]], steps: int, seconds: float, speed: float
) -> dict[str, Any]:
    """Write both; what ``toolgrove.json`` says.

    Args:
        job: what was done.
        history: transformers' log.
        steps: of the optimizer.
        seconds: this run took, without what was resumed.
        speed: tokens a second.

    Raises:
        UsageError: they cannot be written.
    """
    losses = [(int(h["step"]), float(h["loss"])) for h in history if "loss" in h]
    held = [(int(h["step"]), float(h["eval_loss"])) for h in history if "eval_loss" in h]
    said = told(job, steps, losses, held, seconds, speed)
    text = (files("toolgrove.training.finetune") / "data" / "model_card.md").read_text("utf-8")
    values = {
        "base": job.recipe.base,
        "method": said["method"],
        "name": job.out.name,
        "kind": "a LoRA adapter" if said["method"] == "lora" else "all weights",
        "load": said["load"],
        "policy": said["policy"] or "not said by the data",
        "format": said["format"],
        "context": f"{said['context']:,}",
        "rope": f"{said['rope']:g}",
        "data": str(job.rows.path),
        "sha256": job.rows.sha256,
        "front": front_matter(said["licence"]["base"]),
        "licence": _cell(said["licence"]["base"] or UNKNOWN),
        "licences": _cell(", ".join(said["licence"]["data"]) or "not said by the data"),
        "plan": str(job.plan),
        "losses": _table(("step", "loss"), losses),
        "held": _table(("step", "held-out loss"), held) if held else "None was kept out.",
        "speed": f"{speed:,.0f}",
        "seconds": f"{seconds:,.0f}",
        "config": as_toml(job.recipe),
        "versions": ", ".join(f"{name} {version}" for name, version in said["versions"].items()),
    }
    try:
        (job.out / "README.md").write_text(fill(text, values), "utf-8", "replace")
        (job.out / "toolgrove.json").write_text(json.dumps(said, indent=1), "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {job.out}: {error.strerror or error}") from error
    return said


def told(
    job: Job,
    steps: int,
    losses: Sequence[tuple[int, float]],
    held: Sequence[tuple[int, float]],
    seconds: float,
    speed: float,
) -> dict[str, Any]:
    """What ``toolgrove.json`` says; it is written last, so a model that has it is whole."""
    recipe, rows = job.recipe, job.rows
    policy = rows.info.get("policy", {})
    return {
        "version": VERSION,
        "method": "full" if recipe.full else "lora",
        "base": {"model": recipe.base, "weights": job.model._weights()},
        "format": job.model.format,
        "calls": job.model.calls,
        "policy": recipe.policy or rows.policy,
        "fingerprint": policy.get("fingerprint", "") if isinstance(policy, Mapping) else "",
        "context": job.model.context,
        "rope": recipe.rope,
        "data": {"path": str(rows.path), "sha256": rows.sha256, "rows": job.tokenised.rows},
        "licence": {"base": licence_of(job.model), "data": licences_of_data(rows.info)},
        "load": load_spec(job),
        "steps": steps,
        "loss": losses[-1][1] if losses else None,
        "eval_loss": held[-1][1] if held else None,
        "plan": job.plan.to_json(),
        "tokens_per_second": round(speed, 1),
        "seconds": round(seconds, 1),
        "versions": {"toolgrove": __version__, **versions()},
    }


def load_spec(job: Job) -> str:
    """The spec that loads the model back."""
    recipe = job.recipe
    name = "toolllama" if job.model.format == "toolllama" else "hf"
    items = [_quoted(recipe.out)]
    if not recipe.full:  # of a whole model, positions and context stand in its config.json
        items = [_quoted(recipe.base), f"lora={_quoted(recipe.out)}"]
    if recipe.rope != 1 and not recipe.full:
        items.append(f"rope={recipe.rope:g}")
        items.append(f"context={recipe.context}")
    if recipe.template:
        items.append(f"template={_quoted(recipe.template)}")
    return f"{name}:{','.join(items)}"


def _quoted(text: str) -> str:
    return f'"{text}"' if any(c in text for c in ',"()= ') else text


def _cell(text: str) -> str:
    """A cell of a table that stays one."""
    return " ".join(text.split()).replace("|", "\\|")


def versions() -> dict[str, str]:
    """Of the packages that trained it."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def _table(head: Sequence[str], rows: Sequence[tuple[int, float]]) -> str:
    """At most twenty rows, the last one among them."""
    every = max(1, -(-len(rows) // 20))
    some = [row for i, row in enumerate(rows) if i % every == 0 or i == len(rows) - 1]
    lines = [f"| {step} | {loss:.4f} |" for step, loss in some]
    return "\n".join([f"| {' | '.join(head)} |", "|---|---|", *lines])
