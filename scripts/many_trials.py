"""Run many trials on one OpenAI-compatible server, and see first that its prefix cache works.

    python scripts/many_trials.py http://127.0.0.1:8000/v1 MODEL TRIALS [options of bench]

It waits until the server answers, sends a long prompt twice and says how much of the second came
from the cache, and then becomes toolgrove bench with TRIALS trials and requests at once. See
docs/serving.md. A key, if the server wants one, stands in OPENAI_API_KEY.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any

PATIENCE = float(os.environ.get("TOOLGROVE_SERVER_SECONDS", "600"))  # large models load slowly
LONG = "The quick brown fox jumps over the lazy dog. " * 150  # well over a block of any cache


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    """One request; the reply as JSON."""
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("OPENAI_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)
    with urllib.request.urlopen(request, timeout=300) as reply:
        return json.load(reply)


def wait_for(url: str) -> None:
    """Wait until the server lists its models."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            ask(f"{url}/models")
            return
        except urllib.error.HTTPError as error:
            sys.exit(f"many_trials: {url}/models says HTTP {error.code}; is the address right?")
        except (OSError, ValueError) as error:
            if time.monotonic() > ends:
                sys.exit(f"many_trials: no server at {url} within {PATIENCE:.0f} s: {error}")
            time.sleep(min(2.0, PATIENCE / 10))


def probe(url: str, model: str) -> str:
    """What the server's prefix cache did with a prompt that it had just read, in words."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"{time.time_ns()} {LONG} Say yes."}],
        "max_tokens": 1,
    }
    taken, cached = [], 0
    for _ in range(2):
        start = time.perf_counter()
        try:
            reply = ask(f"{url}/chat/completions", body)
        except urllib.error.HTTPError as error:
            told = error.read(300).decode("utf-8", "replace")
            sys.exit(f"many_trials: the server refuses {model!r}: HTTP {error.code}: {told}")
        taken.append(time.perf_counter() - start)
        details = (reply.get("usage") or {}).get("prompt_tokens_details") or {}
        cached = details.get("cached_tokens") or 0
    first, second = taken
    told = f"first {first:.2f} s, again {second:.2f} s"
    if cached:
        return f"prefix cache: {cached} tokens of the second prompt came from it ({told})"
    if second < 0.5 * first:
        return f"prefix cache: the second prompt was quicker, so it seems to work ({told})"
    return f"prefix cache: NO sign of it ({told}); turn it on, or each call reads all of its prompt"


def main(words: list[str]) -> None:
    """Wait, look, and become the benchmark."""
    if len(words) < 3 or not words[2].isdigit() or not words[0].startswith("http"):
        sys.exit(__doc__)
    url, model, trials, *rest = words
    url = url.rstrip("/")
    wait_for(url)
    print(probe(url, model), file=sys.stderr, flush=True)
    key = "" if os.environ.get("OPENAI_API_KEY") else ",key_env=none"
    spec = f"openai:{model},base_url={url},calls=schema,concurrency={trials}{key}"
    command = ["bench", "--concurrency", trials, "--model", spec, *rest]
    os.execv(sys.executable, [sys.executable, "-m", "toolgrove", *command])


if __name__ == "__main__":
    main(sys.argv[1:])
