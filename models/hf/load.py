"""Weights into an engine: device, precision, adapter, and a check that the attention fits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import torch

from .attention import NAME, Chain, Piece, attend, packed
from .engine import Engine, OwnCache

if TYPE_CHECKING:
    from .model import HFModel

TURNED: Final = 128  # tokens, at most, to be multiplied from the right


def engine(asked: HFModel) -> Engine:
    """The engine of a model as it was asked for.

    Raises:
        UsageError: it cannot be loaded.
    """
    from transformers import AutoModelForCausalLM

    if asked.threads is not None:
        torch.set_num_threads(asked.threads)
    device = asked.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype: Any = asked.dtype
    if dtype == "auto":
        dtype = torch.float32 if device == "cpu" else "auto"
    else:
        dtype = getattr(torch, dtype)
    model = asked._from(AutoModelForCausalLM, config=asked._config, dtype=dtype)
    if asked.lora is not None:
        model = with_adapter(model, asked.lora)
    model = model.to(device).eval()
    if device == "cpu":
        turn(model)
    ends = ends_of(model, asked._tokenizer)
    own = model.config._attn_implementation
    settings = {"batch": asked.batch, "chunk": asked.chunk}
    if fits(model):
        return Engine(model, ends, keep=int(asked.keep * (1 << 30)), **settings)
    model.set_attn_implementation(own)
    return OwnCache(model, ends, keep=0, **settings)


def with_adapter(model: Any, name: str) -> Any:
    """The model with a LoRA adapter merged into its weights."""
    from peft import PeftModel

    from ...core import UsageError

    try:
        return PeftModel.from_pretrained(model, name).merge_and_unload()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        told = " ".join(str(error).split())[:300]
        raise UsageError(f"cannot load the adapter {name}: {told}") from error


def turn(model: Any) -> None:
    """Have linear layers multiply their weights by the tokens, not the tokens by their weights.

    It is the same product. With few tokens torch's libraries for CPUs take up to three times as
    long for the second (docs/design/performance.md).
    """
    for module in model.modules():
        if type(module) is torch.nn.Linear:
            module.forward = partial(_turned, module)


def _turned(layer: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    rows = x.reshape(-1, x.shape[-1])
    if not 1 < len(rows) <= TURNED:
        return torch.nn.functional.linear(x, layer.weight, layer.bias)
    made = (layer.weight @ rows.T).T.contiguous()
    if layer.bias is not None:
        made += layer.bias
    return made.view(*x.shape[:-1], -1)


def ends_of(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end a reply."""
    told = [getattr(model.generation_config, "eos_token_id", None), tokenizer.eos_token_id]
    ends: set[int] = set()
    for each in told:
        ends.update(each if isinstance(each, list | tuple) else [] if each is None else [each])
    return sorted(ends)


def fits(model: Any) -> bool:
    """Whether the model computes the same with our attention, its tokens in two passes.

    Models with other layers than attention (state spaces, linear attention) do not; afterwards our
    attention is in place where they do.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    tokens = torch.arange(2, 10, device=model.device)[None] % model.config.vocab_size
    with torch.inference_mode():
        told = model(input_ids=tokens, use_cache=False).logits[0, -1].float()
        try:
            model.set_attn_implementation(NAME)
            kv = Chain()
            for start, stop in ((0, 5), (5, 7), (7, 8)):
                with packed([Piece(kv, 0, stop - start)]):
                    out = model(
                        input_ids=tokens[:, start:stop],
                        position_ids=torch.arange(start, stop, device=model.device)[None],
                        use_cache=False,
                    )
                kv.own.length = stop
        except Exception:  # whatever a layer that we do not know does with it
            return False
    found = out.logits[0, -1].float()
    close = 1e-3 if model.dtype == torch.float32 else 5e-2
    return bool((found - told).abs().max() <= close * told.abs().max()) and bool(kv.own.nbytes)
