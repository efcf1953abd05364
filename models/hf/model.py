"""``hf:`` and ``toolllama:``: causal language models of transformers, in this process."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...core import Completion, ModelError, Request, UsageError
from ...core.registry import parse
from ..identity import weights_mark
from ..trained import Calls, trained

if TYPE_CHECKING:
    from .engine import Counts, Engine, Generated, Wanted
    from .formats import Format
    from .grammar import Constraint, Grammars

DType = Literal["auto", "float32", "bfloat16", "float16"]


class HFModel:
    """A causal language model of transformers', with batching and shared prefixes.

    Nothing is loaded before it is needed: the tokenizer for the first count of tokens, the weights
    for the first request. Code that comes with a model is never run (``trust_remote_code``).

    Args:
        model: a folder, a GGUF file, or a name on the hub (which transformers may download).
        lora: an adapter of peft's, as a folder or a name; it is merged into the weights.
        rope: RoPE position interpolation (Chen et al., 2023, arXiv:2306.15595): positions are
            divided by this factor, and the context window is multiplied by it.
        context: tokens of prompt and reply together; else the model's own.
        max_tokens: of a reply.
        temperature: 0 is greedy.
        again: the temperature of further samples at a node, where a planner wants another try
            (``Request.attempt``); else ``temperature``, too.
        top_p: only the likeliest tokens that together have this probability.
        calls: ``schema`` holds replies to a call that is well-formed; ``lines`` does, too, and
            tells each function in a line, for small models; ``brief`` tells their names alone, and
            replies take two lines (:mod:`toolgrove.models.brief`); ``tools`` hands functions to
            the chat template and reads what comes. Else what the model was trained on, or
            ``schema``.
        format: ``chat`` or ``toolllama``.
        template: a Jinja file instead of the model's chat template.
        device: as torch names it; ``auto`` takes CUDA where there is one.
        dtype: ``auto`` is float32 on a CPU, and the model's own elsewhere.
        batch: replies under way at once.
        chunk: tokens of a forward pass, about at most.
        keep: gibibytes of keys and values kept for later prompts; 0 shares no prefix.
        threads: of torch, on a CPU; else torch's own choice.

    Raises:
        UsageError: a package is missing, or there is no such model.
    """

    main = "model"
    provider: ClassVar[str] = "hf"
    policy: ClassVar[str] = ""  # the one that all models of this kind were trained on

    def __init__(
        self,
        model: str,
        lora: str | None = None,
        rope: float = 1.0,
        context: int | None = None,
        max_tokens: int = 512,
        temperature: float = 0.7,
        top_p: float = 1.0,
        again: float | None = None,
        calls: Calls | None = None,
        format: Literal["chat", "toolllama"] = "chat",
        template: Path | None = None,
        device: str = "auto",
        dtype: DType = "auto",
        batch: int = 16,
        chunk: int = 512,
        keep: float = 2.0,
        threads: int | None = None,
    ) -> None:
        for name, value, least in (
            ("rope", rope, 1),
            ("context", 1 if context is None else context, 1),
            ("max_tokens", max_tokens, 1),
            ("temperature", temperature, 0),
            ("again", 0 if again is None else again, 0),
            ("batch", batch, 1),
            ("chunk", chunk, 1),
            ("keep", keep, 0),
            ("threads", 1 if threads is None else threads, 1),
        ):
            if not value >= least:
                raise ValueError(f"{name} must be {least} or more, not {value}")
        if not 0 < top_p <= 1:
            raise ValueError(f"top_p must be over 0 and at most 1, not {top_p}")
        need = ["torch", "transformers", "llguidance", *(["peft"] if lora else [])]
        gguf = model.endswith(".gguf")
        if missing := [p for p in (*need, *(["gguf"] if gguf else [])) if not _installed(p)]:
            raise UsageError(
                f"the model {self.provider!r} needs {', '.join(missing)}: "
                f"pip install 'toolgrove[hf]'"
            )
        self.trained = trained(model, lora)
        if lora and rope == 1:
            rope = float(self.trained.get("rope") or 1)
        learnt = self.trained.get("format") or format
        if learnt != format:
            name = "toolllama" if learnt == "toolllama" else "hf"
            raise UsageError(f"{lora or model} was trained on the format {learnt}: use {name}:")
        self.model, self.lora, self.rope = model, lora, rope
        self.max_tokens, self.temperature, self.top_p = max_tokens, temperature, top_p
        self.again = again
        self.calls: Calls = calls or self.trained.get("calls") or "schema"
        self.format, self.template = format, template
        self.device, self.dtype, self.threads = device, dtype, threads
        self.batch, self.chunk, self.keep = batch, chunk, keep
        self._context, self._lock = context, threading.Lock()
        self._place: dict[str, Any] = {}
        if gguf:
            path = Path(model)
            if not path.is_file():
                raise UsageError(f"no such file: {model}")
            self._folder, self._place = str(path.parent), {"gguf_file": path.name}
        else:
            self._folder = model
        if template is not None and not template.is_file():
            raise UsageError(f"no such file: {template}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r})"

    # ------------------------------------------------------------------ the contract

    @property
    def needs_policy(self) -> str:
        """The policy whose words it was trained on, by name; "" where nothing says."""
        said = self.trained.get("policy")
        return parse(said).name if isinstance(said, str) and said else self.policy

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """One result a request, in order; they are batched with all others under way."""
        await asyncio.to_thread(self._load)
        return list(await asyncio.gather(*[self._one(request) for request in requests]))

    def bound(self, request: Request) -> tuple[int, float]:
        """The most tokens that a request can cost; dollars are none."""
        prompt = len(self.encode(request))
        return prompt + max(0, min(self.max_tokens, self.context - prompt)), 0.0

    @property
    def identity(self) -> dict[str, Any]:
        """What decides a reply beside the request."""
        parameters = {
            "weights": self._weights(),
            **{k: getattr(self, k) for k in ("lora", "rope", "max_tokens", "temperature")},
            **{k: getattr(self, k) for k in ("top_p", "calls", "format", "dtype")},
            **({} if self.again is None else {"again": self.again}),
            "context": self.context,
            "template": None if self.template is None else self.template.read_text("utf-8"),
        }
        named = Path(self.model).name if Path(self.model).exists() else self.model
        return {"provider": self.provider, "base_url": "", "model": named, "parameters": parameters}

    @property
    def counts(self) -> Counts:
        """Tokens prefilled, reused and generated so far."""
        return self._engine.counts

    @property
    def report(self) -> str:
        """The counts in a line; "" before the first request."""
        if "_engine" not in self.__dict__ or not (c := self.counts).requests:
            return ""
        whole = c.prefilled + c.reused
        return (
            f"{c.requests:,} replies: {c.prefilled:,} prompt tokens computed, {c.reused:,} reused "
            f"({c.reused / max(1, whole):.0%}); {c.generated:,} generated, {c.forced:,} of them "
            f"forced by the grammar; {c.passes:,} passes, {c.seconds:.0f} s"
        )

    async def _one(self, request: Request) -> Completion | ModelError:
        try:
            if self.format == "toolllama" and request.tools:
                from .formats import refuse_functions

                return refuse_functions(request)
            tokens = self.encode(request)
            room = min(self.max_tokens, self.context - len(tokens))
            if room < 1:
                return self._too_long(request, len(tokens))
            wanted = self._wanted(request, tokens, room)
            made = await asyncio.wrap_future(self._engine.submit(wanted))
            return self._completion(request, len(tokens), made)
        except UsageError as error:
            return ModelError(str(error), kind="contract")
        except Exception as error:
            told = f"{self.model}: {type(error).__name__}: {error}"
            return ModelError(told, kind="server")

    def _wanted(self, request: Request, tokens: list[int], room: int) -> Wanted:
        from .engine import Wanted

        held, finished = self._held(request), None
        if held is None:

            def finished(reply: Sequence[int]) -> bool:
                return self._format.complete(self._decode(reply), request)

        heat = self.temperature if self.again is None or not request.attempt else self.again
        return Wanted(tokens, room, heat, self.top_p, request.seed, held, finished)

    def _held(self, request: Request) -> Constraint | None:
        if not self._format.holds(request):
            return None
        offered = tuple(api.digest for api in request.tools)
        return self._grammars.of(offered, self._format.schemas(request))

    def _completion(self, request: Request, prompt: int, made: Generated) -> Completion:
        content, calls = self._format.read(self._decode(made.tokens), request)
        return Completion(
            content,
            calls,
            prompt_tokens=prompt,
            completion_tokens=len(made.tokens),
            logprob=made.logprob,
            reused=made.reused,
        )

    def _too_long(self, request: Request, size: int) -> ModelError:
        return ModelError(
            f"the prompt at node {request.node} has {size:,} tokens and {self.model} a context "
            f"window of {self.context:,}: offer fewer APIs, take shorter paths (max_steps=), or "
            f"let guarded: cut observations",
            kind="context",
        )

    # ------------------------------------------------------------------ tokens

    def encode(self, request: Request) -> list[int]:
        """The prompt of a request in tokens."""
        text = self._format.text(request)
        special = self._format.special
        return list(self._tokenizer(text, add_special_tokens=special)["input_ids"])

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text

    @cached_property
    def counter(self) -> TokenizerCounter:
        """What counts texts, for context windows and budgets."""
        return TokenizerCounter(self.model, self._tokenizer)

    @cached_property
    def context(self) -> int:
        """Tokens of prompt and reply together, at most."""
        if self._context is not None:
            return self._context
        own = getattr(self._config, "max_position_embeddings", None) or 4096
        return int(own * self.rope)

    # ------------------------------------------------------------------ what is loaded

    @cached_property
    def _config(self) -> Any:
        from transformers import AutoConfig

        config = self._from(AutoConfig)
        config = getattr(config, "text_config", None) or config
        if self.rope != 1:
            known = dict(getattr(config, "rope_parameters", None) or {})
            if known.get("rope_type", "default") != "default":
                raise UsageError(f"{self.model} has its own RoPE scaling: leave out rope=")
            config.rope_parameters = {**known, "rope_type": "linear", "factor": self.rope}
        return config

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return self._from(AutoTokenizer)

    @cached_property
    def _format(self) -> Format:
        from .formats import ChatFormat, ToolLLaMAFormat

        if self.format == "toolllama":
            return ToolLLaMAFormat()
        text = None if self.template is None else self.template.read_text("utf-8")
        return ChatFormat(self._tokenizer, self.calls, text)

    @cached_property
    def _engine(self) -> Engine:
        from .load import engine

        return engine(self)

    @cached_property
    def _grammars(self) -> Grammars:
        from .grammar import Grammars

        return Grammars(self._tokenizer, self._engine.vocabulary, sorted(self._engine.ends))

    def _load(self) -> None:
        """Load all of it, once."""
        with self._lock:
            for part in ("_tokenizer", "_format", "_engine", "_grammars"):
                getattr(self, part)

    def _from(self, kind: Any, **more: Any) -> Any:
        """Something of transformers' from the model's place, or an error in words."""
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        try:
            return kind.from_pretrained(
                self._folder, trust_remote_code=False, **self._place, **more
            )
        except (OSError, ValueError, KeyError) as error:
            told = " ".join(str(error).split())[:300]
            raise UsageError(f"cannot load {self.model}: {told}") from error

    def _weights(self) -> str:
        """What tells the weights from others: those of a folder, or the hub's commit."""
        files = _weight_files(Path(self.model))
        if not files:
            return str(getattr(self._config, "_commit_hash", None) or "")
        return weights_mark(files)


class ToolLLaMAModel(HFModel):
    """A ToolLLaMA checkpoint, or another trained on its format (ToolLLM, section 3).

    As :class:`HFModel`, with the format ``toolllama`` and what ToolBench samples with: temperature
    0.5, at most 512 tokens. ToolLLaMA's first version was trained with ``rope=4`` (2,048 to 8,192
    tokens). It needs ``--policy toolllama``.
    """

    provider = "toolllama"
    policy = "toolllama"

    def __init__(
        self,
        model: str,
        lora: str | None = None,
        rope: float = 1.0,
        context: int | None = None,
        max_tokens: int = 512,
        temperature: float = 0.5,
        top_p: float = 1.0,
        device: str = "auto",
        dtype: DType = "auto",
        batch: int = 16,
        chunk: int = 512,
        keep: float = 2.0,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            model, lora, rope, context, max_tokens, temperature, top_p, format="toolllama",
            device=device, dtype=dtype, batch=batch, chunk=chunk, keep=keep, threads=threads,
        )  # fmt: skip


class TokenizerCounter:
    """Counts tokens with a model's own tokenizer."""

    exact = True

    def __init__(self, name: str, tokenizer: Any) -> None:
        self.name, self._tokenizer = name, tokenizer

    def count(self, text: str) -> int:
        """How many tokens the text is."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"]) if text else 0


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _weight_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    names = sorted(os.listdir(path)) if path.is_dir() else []
    return [path / name for name in names if name.endswith((".safetensors", ".bin", ".gguf"))]
