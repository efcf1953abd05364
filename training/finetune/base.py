"""The base model: as inference asks it, and with weights to train."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ...core import UsageError
from ...models.hf.model import HFModel
from .config import Recipe

NEEDED: Final = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "tensorboard")


def check_packages() -> None:
    """See that all packages are there.

    Raises:
        UsageError: one is missing.
    """
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise UsageError(f"training needs {', '.join(missing)}: pip install 'toolgrove[train]'")


def asked(recipe: Recipe, shape: str) -> HFModel:
    """The base as inference asks it: tokenizer, template and configuration; no weights yet.

    Raises:
        UsageError: it cannot be loaded, or it has no such context window.
    """
    format: Any = recipe.format
    if format == "auto":
        format = "toolllama" if shape == "toolllama" else "chat"
    found = HFModel(
        recipe.base,
        rope=recipe.rope,
        context=recipe.context or None,
        calls=recipe.calls,
        format=format,
        template=Path(recipe.template) if recipe.template else None,
    )
    own = getattr(found._config, "max_position_embeddings", None)
    if own and not recipe.rope_from and found.context > own:
        raise UsageError(
            f"{recipe.base} has a context window of {own:,} tokens and --context is "
            f"{found.context:,}: give a smaller one, or --rope-from {own} to interpolate positions"
        )
    if recipe.rope_from:
        found._config.max_position_embeddings = recipe.context
    _ = found._format  # a chat template that is missing is told now
    return found


def ends_of(model: HFModel) -> list[int]:
    """The tokens at which the engine will stop (as :func:`toolgrove.models.hf.load.ends_of`)."""
    from transformers import GenerationConfig

    told = [model._tokenizer.eos_token_id, getattr(model._config, "eos_token_id", None)]
    if not model._place:
        with suppress(OSError, ValueError):  # it has none: then the configuration's holds
            told.append(GenerationConfig.from_pretrained(model._folder).eos_token_id)
    ends: set[int] = set()
    for each in told:
        ends.update(each if isinstance(each, list | tuple) else [] if each is None else [each])
    return sorted(ends)


def weights(model: HFModel, recipe: Recipe) -> Any:
    """The base with its weights, ready to be trained.

    In float32; frozen ones (LoRA's base) in bfloat16 where that is asked for. An adapter is not
    yet there.

    Raises:
        UsageError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    # A GGUF's weights are made whole in float32 only, and cast afterwards.
    narrow, gguf = recipe.bf16 and not recipe.full, bool(model._place)
    dtype = torch.bfloat16 if narrow and not gguf else torch.float32
    made = model._from(AutoModelForCausalLM, config=model._config, dtype=dtype)
    if narrow and gguf:
        made = made.to(torch.bfloat16)
    made.hf_quantizer, made.is_quantized = None, False  # a GGUF's weights are whole by now
    if hasattr(made.config, "quantization_config"):
        del made.config.quantization_config
    made.config.use_cache = False
    made.name_or_path = made.config._name_or_path = recipe.base
    if recipe.full:
        freeze(made, recipe.layers)
    return made


def freeze(model: Any, layers: int) -> None:
    """Leave only the last so many layers to be trained; 0 leaves all.

    Raises:
        UsageError: it has not so many.
    """
    if layers:
        model.requires_grad_(False)
        for name in trained_layers(model, layers):
            model.get_submodule(name).requires_grad_(True)


def trained_layers(model: Any, layers: int) -> list[str]:
    """The names of the last so many layers.

    Raises:
        UsageError: it has not so many.
    """
    import torch

    stacks = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList)
    ]
    name, stack = max(stacks, key=lambda found: len(found[1]), default=("", []))
    if len(stack) < layers:
        raise UsageError(f"layers is {layers}, and the model has {len(stack)}")
    return [f"{name}.{i}" for i in range(len(stack) - layers, len(stack))]


def outline(model: HFModel, recipe: Recipe) -> Any:
    """The model without any weights, adapter included: for counting."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        made = AutoModelForCausalLM.from_config(model._config)
        if recipe.full:
            freeze(made, recipe.layers)
            return made
        from peft import get_peft_model

        return get_peft_model(made, adapter(recipe, made))


def adapter(recipe: Recipe, model: Any) -> Any:
    """LoRA on all projections, or on those of the last layers; the output layer is left alone."""
    import torch
    from peft import LoraConfig

    targets: str | list[str] = "all-linear"
    if recipe.layers:
        targets = [
            f"{layer}.{name}"
            for layer in trained_layers(model, recipe.layers)
            for name, module in model.get_submodule(layer).named_modules()
            if isinstance(module, torch.nn.Linear)
        ]
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
