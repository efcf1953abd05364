"""A tiny random LLaMA with a byte tokenizer, made on the spot: no weights are fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tokenizer(template: str | None = CHAT) -> Any:
    """A token for each byte, and four special ones."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(["<unk>", "<s>", "</s>", *letters])}
    made = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    fast.chat_template = template
    return fast


def llama(seed: int = 0, **more: Any) -> Any:
    """Two layers, grouped heads, random weights wide enough that replies differ."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=264,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=more.pop("positions", 4096),
        initializer_range=0.2,
        bos_token_id=1,
        eos_token_id=2,
        **more,
    )
    return LlamaForCausalLM(config).eval()


def saved(folder: Path, template: str | None = CHAT, **more: Any) -> Path:
    """A checkpoint in a folder."""
    llama(**more).save_pretrained(folder)
    tokenizer(template).save_pretrained(folder)
    return folder
