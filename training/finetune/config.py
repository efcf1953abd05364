"""What a fine-tuning is asked to do: from flags, a TOML file, or both."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

from ...core import UsageError


@dataclass(frozen=True)
class Recipe:
    """A fine-tuning, whole.

    After ToolLLM (Qin et al., ICLR 2024, section 3.2): learning rate 5e-5, 2 epochs, context 8,192
    by position interpolation from LLaMA's 2,048. Deviation: LoRA on all projections is the
    default, with a rate that fits it; ``full`` trains all weights.

    Attributes:
        base: a folder, a name on the hub, or a GGUF file.
        data: a folder of ``toolgrove export``, or a file of JSON lines.
        out: where the model goes.
        full: train all weights, not an adapter.
        layers: only the last so many layers are trained, or get an adapter; 0: all. Half of them
            save a third of the work, for little.
        rank: of LoRA's matrices (Hu et al., 2021, arXiv:2106.09685).
        alpha: LoRA's scale is ``alpha / rank``.
        dropout: on what goes into the adapter.
        epochs: how often all rows are seen.
        steps: optimizer steps in place of epochs; 0: epochs count.
        lr: the highest learning rate; 0: 2e-4 for LoRA, 5e-5 for full.
        warmup: share of the steps in which the rate grows.
        schedule: how it falls, as transformers names it.
        decay: weight decay of AdamW.
        clip: the norm that gradients are cut to.
        batch: rows of a forward pass, on each process.
        accumulate: forward passes of an optimizer step.
        context: tokens of a row at most; 0: the model's own window.
        rope_from: the window that the base was trained with; positions are then divided by
            ``context / rope_from`` (Chen et al., 2023, arXiv:2306.15595). 0: no interpolation.
        overlong: rows longer than the context are dropped, or their observations cut as
            ``guarded:context=trim`` cuts them.
        format: ``auto`` goes by the shape of the rows.
        calls: how chat rows with functions are asked and answered, as of ``hf:``: ``schema`` tells
            the functions as JSON, ``lines`` each in a line, ``brief`` by their names.
        template: a Jinja file in place of the model's chat template.
        bf16: bfloat16 where it is safe: matrix products, and the base under an adapter; what is
            trained, and the rest of a model whose layers are trained whole, stays in float32.
        packing: rows are joined up to the context, and none sees another.
        checkpointing: activations are computed twice instead of kept.
        seed: of the adapter, the order of rows and dropout.
        eval_share: share of the tasks that is kept out and measured after each epoch.
        save_every: optimizer steps between checkpoints.
        log_every: optimizer steps between lines.
        threads: of torch on a CPU; 0: its own choice.
        deepspeed: a DeepSpeed configuration, as JSON.
        policy: the spec that words the prompts at inference; "": what the data says.
    """

    base: str
    data: str
    out: str
    full: bool = False
    layers: int = 0
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    epochs: float = 2.0
    steps: int = 0
    lr: float = 0.0
    warmup: float = 0.04
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    decay: float = 0.0
    clip: float = 1.0
    batch: int = 4
    accumulate: int = 4
    context: int = 0
    rope_from: int = 0
    overlong: Literal["drop", "cut"] = "drop"
    format: Literal["auto", "toolllama", "chat"] = "auto"
    calls: Literal["schema", "lines", "brief"] = "schema"
    template: str = ""
    bf16: bool = False
    packing: bool = False
    checkpointing: bool = False
    seed: int = 0
    eval_share: float = 0.0
    save_every: int = 100
    log_every: int = 5
    threads: int = 0
    deepspeed: str = ""
    policy: str = ""

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return self.lr or (5e-5 if self.full else 2e-4)

    @property
    def rope(self) -> float:
        """What positions are divided by; 1 is no interpolation."""
        return self.context / self.rope_from if self.rope_from and self.context else 1.0


# What decides the weights; a checkpoint of a recipe that differs in another field may go on.
FREE: Final = frozenset({"out", "save_every", "log_every", "threads", "deepspeed", "policy"})
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "schedule": ("cosine", "linear", "constant", "constant_with_warmup"),
    "overlong": ("drop", "cut"),
    "format": ("auto", "toolllama", "chat"),
    "calls": ("schema", "lines", "brief"),
}
_LEAST: Final[Mapping[str, float]] = {
    "layers": 0, "rank": 1, "alpha": 1, "dropout": 0, "epochs": 0, "steps": 0, "lr": 0, "warmup": 0,
    "decay": 0, "clip": 0, "batch": 1, "accumulate": 1, "context": 0, "rope_from": 0, "seed": 0,
    "eval_share": 0, "save_every": 1, "log_every": 1, "threads": 0,
}  # fmt: skip


def recipe(file: Path | None, given: Mapping[str, Any]) -> Recipe:
    """A recipe from a TOML file and what was given beside it, which wins.

    Args:
        file: a file with the fields of :class:`Recipe`; ``lora = "r=16,alpha=32"`` is one, too.
        given: fields; None is not given.

    Raises:
        UsageError: an unknown field, a value that does not fit, or no base, data or out.
    """
    made: dict[str, Any] = _read(file) if file is not None else {}
    told = {key: value for key, value in given.items() if value is not None}
    if told.get("steps") and "epochs" not in told:
        made.pop("epochs", None)
    if "epochs" in told and "steps" not in told:
        made.pop("steps", None)
    made.update(told)
    lora = made.pop("lora", None)
    if lora is not None:
        if told.get("full") or (made.get("full") and "lora" not in told):
            raise UsageError("lora and full exclude each other: give one of them")
        made["full"] = False
        made.update(_lora(lora))
    for name in ("base", "data", "out"):
        if not made.get(name):
            raise UsageError(f"no {name}: give --{name}, or {name} = in the config file")
    kinds = {field.name: field.type for field in fields(Recipe)}
    for name, value in made.items():
        if name not in kinds:
            raise UsageError(f"no setting {name!r}; there are: lora, {', '.join(kinds)}")
        made[name] = _checked(name, str(kinds[name]), value)
    found = Recipe(**made)
    if found.rope_from and not found.context:
        raise UsageError("rope_from needs context: the window that the model is to have")
    if found.rope_from > found.context > 0:
        raise UsageError(
            f"rope_from ({found.rope_from:,}) is the window that the base was trained with, and "
            f"context ({found.context:,}) the longer one that it is to have"
        )
    if not found.steps and not found.epochs:
        raise UsageError("epochs is 0 and no steps are given: nothing would be learnt")
    return found


def packaged(name: str) -> str:
    """The path of a file that is there, or else of one of ours by that name."""
    ours = Path(__file__).parent / "data" / name
    return str(ours) if not Path(name).exists() and "/" not in name and ours.is_file() else name


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(tomllib.loads(Path(packaged(str(file))).read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not TOML: {error}") from error


def _lora(given: object) -> dict[str, Any]:
    """``r=16,alpha=32,dropout=0.05``, or a table of these."""
    names = {"r": "rank", "alpha": "alpha", "dropout": "dropout"}
    if isinstance(given, str):
        parts = [part.partition("=") for part in given.split(",") if part.strip()]
        given = {key.strip(): value.strip() for key, _, value in parts}
    if not isinstance(given, Mapping) or (wrong := [key for key in given if key not in names]):
        named = "" if not isinstance(given, Mapping) else f" ({', '.join(map(str, wrong))}?)"
        raise UsageError(f"lora is r=16,alpha=32,dropout=0.05, or some of these{named}")
    found: dict[str, Any] = {}
    for key, value in given.items():
        kind = "float" if key == "dropout" else "int"
        try:
            found[names[key]] = float(value) if kind == "float" else int(value)
        except (TypeError, ValueError):
            raise UsageError(f"lora: {key} must be a number, not {value!r}") from None
    if "rank" in found and "alpha" not in found:
        found["alpha"] = 2 * found["rank"]
    return found


def _checked(name: str, kind: str, given: Any) -> Any:
    value: Any = given
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    kinds: dict[str, type] = {"int": int, "float": float, "bool": bool}
    fits = kinds.get(kind, str)
    if not isinstance(value, fits) or (fits is int and isinstance(value, bool)):
        raise UsageError(f"{name} must be {'a text' if fits is str else kind}, not {value!r}")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise UsageError(f"{name} must be one of {', '.join(_CHOICES[name])}, not {value!r}")
    if isinstance(value, int | float) and not value >= _LEAST.get(name, value):
        raise UsageError(f"{name} must be {_LEAST[name]} or more, not {value}")
    if value == math.inf:
        raise UsageError(f"{name} must be finite, not {value}")
    shares = ("dropout", "eval_share", "warmup")
    if name in shares and isinstance(value, float) and value >= 1:
        raise UsageError(f"{name} is a share and must be less than 1, not {value}")
    return value


def as_toml(made: Recipe) -> str:
    """The whole recipe as a file that :func:`recipe` reads."""
    lines = []
    for field in fields(made):
        value = getattr(made, field.name)
        # A JSON string of ASCII is a TOML string, but for lone surrogates, which no path has.
        told = json.dumps(value) if isinstance(value, str | bool) else repr(value)
        lines.append(f"{field.name} = {told}\n")
    return "".join(lines)


def differs(now: Recipe, then: Recipe) -> list[str]:
    """In which settings, of those that decide the weights, two recipes differ."""
    then = replace(then, **{name: getattr(now, name) for name in FREE})
    return [
        f"{f.name} = {getattr(now, f.name)!r}, was {getattr(then, f.name)!r}"
        for f in fields(now)
        if getattr(now, f.name) != getattr(then, f.name)
    ]
