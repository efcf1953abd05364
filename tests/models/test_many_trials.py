"""The script that runs many trials on one server, on the loopback server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from chat_server import Body, ChatServer, completion, shopkeeper

from toolgrove.core import make

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "many_trials.py"
TRIALS = 20


def script(*words: object, seconds: str = "5") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "OPENAI_API_KEY"}
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment, "TOOLGROVE_SERVER_SECONDS": seconds},
    )


def test_it_looks_at_the_cache_and_runs_all_trials_at_once(tmp_path: Path) -> None:
    play = shopkeeper(make("suites", "shop").tasks, 0.0)

    def brain(body: Body) -> object:
        if "Say yes" in body["messages"][0]["content"]:
            made = completion({"content": "yes"}, 1500, 1)
            known = sum("Say yes" in b["messages"][0]["content"] for b in server.bodies) > 1
            made["usage"]["prompt_tokens_details"] = {"cached_tokens": 1472 if known else 0}
            return made
        return play(body)

    with ChatServer(brain) as server:  # type: ignore[arg-type]
        done = script(
            server.url, "m", TRIALS, "--suite", "shop",
            "--planner", "react", "--planner", "dfsdt", "--out", tmp_path / "run", "--json",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1472 tokens of the second prompt" in done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["planned"] for row in rows] == [TRIALS, TRIALS]
    assert server.most >= 4
    assert set(server.keys) <= {"", "Bearer none"}


def test_a_server_without_a_cache_is_told(tmp_path: Path) -> None:
    with ChatServer(lambda body: {"content": "yes"}) as server:
        done = script(server.url, "m", 2, "--suite", "none", "--planner", "react")
    assert "prefix cache" in done.stderr and done.returncode == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "options of bench"),
        (("http://127.0.0.1:9/v1", "m", "many"), "options of bench"),
        (("http://127.0.0.1:9/v1", "m", "4"), "no server at"),
    ],
)
def test_mistakes_are_told(words: tuple[str, ...], says: str) -> None:
    done = script(*words, seconds="0.3")
    assert done.returncode == 1 and says in done.stderr and "Traceback" not in done.stderr
