"""llama.cpp's own server for one GGUF file, on loopback: what :mod:`.llama_process` starts.

It is a script by itself, run by its path, so it imports nothing of toolgrove. In a process of its
own the server can be ended at any time; in the caller's it holds the interpreter while it loads,
hangs where it is dropped with a request under way, and crashes where it outlives the interpreter.

The first line on stdin is a JSON object of settings; the one line on stdout says the address or
what is wrong. It ends as stdin does, so it never outlives who started it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any


def main() -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it decides
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)  # llama.cpp may write there
        settings = json.loads(sys.stdin.readline())
        server = None
        try:
            server = serve(settings)
            said = {"address": server.listening_address}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=out, flush=True)
    if server is not None:
        sys.stdin.read()
    sys.stderr.flush()
    os._exit(0)  # without waiting for requests under way


def serve(settings: Mapping[str, Any]) -> Any:
    """The running server.

    Args:
        settings: ``model`` (a path), ``context`` (tokens of a slot), ``parallel`` (slots),
            ``threads``, ``reuse`` (of prompts' prefixes), ``keep`` (MiB of states kept beside
            the slots) and ``key``.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {os.path.basename(settings["model"])}
    params.n_ctx = settings["context"] * settings["parallel"]
    params.n_parallel = settings["parallel"]
    params.n_batch = params.n_ubatch = 512  # a request that was given up ends after its batch
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    params.cache_prompt, params.cache_ram_mib = settings["reuse"], settings["keep"]
    params.fit_params = False  # it would change what was asked for
    # With flash attention, the first token after a cached prompt is always computed otherwise.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys, params.cors_origins = [settings["key"]], ""
    params.ui = params.endpoint_slots = params.endpoint_metrics = False
    params.offline, params.use_jinja = True, True
    params.verbosity = 1  # errors alone
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
