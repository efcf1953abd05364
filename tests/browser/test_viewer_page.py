"""The viewer in a real browser: from a file, offline, and live on loopback."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from viewer_runs import HOSTILE, add, make_run, shop_run, write_page

from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.scored import tasks_of


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A tab that notes every request and every word in the console."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    opened = context.new_page()
    opened.said, opened.requests = [], []
    opened.on("console", lambda said: opened.said.append(said.text))
    opened.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.on("request", lambda request: opened.requests.append(request.url))
    yield opened
    assert opened.said == []
    context.close()


def opened_from_file(tab: Any, file: Path) -> None:
    tab.goto(file.as_uri())
    assert tab.requests == [file.as_uri()]


def until(tab: Any, condition: Callable[[], bool]) -> None:
    """Wait for it, ten seconds at most; the page's policy lets no one evaluate a text."""
    for _ in range(200):
        if condition():
            return
        tab.wait_for_timeout(50)
    raise AssertionError("it did not come")


def label_texts(tab: Any) -> list[str]:
    found: list[str] = tab.eval_on_selector_all(
        "svg.tree .label .name", "all => all.map((each) => each.textContent)"
    )
    return found


def test_a_run_of_200_trials(tab: Any, tmp_path: Path) -> None:
    opened_from_file(tab, write_page(make_run(tmp_path / "run"), tmp_path / "page.html"))
    rows = "#viewer tbody tr"
    assert tab.locator(rows).count() == 50 and tab.locator("#viewer .cell").count() == 200
    assert tab.inner_text("#viewer .count") == "50 of 50 tasks"
    # filters, and what they leave in the link
    tab.fill("#viewer input[type=search]", "NUMBER TASK-007")
    assert tab.locator(rows).count() == 1
    tab.fill("#viewer input[type=search]", "")
    tab.select_option("#viewer select[name=outcome]", "differ")
    differing = tab.locator(rows).count()
    assert 0 < differing < 50 and "outcome=differ" in tab.url
    tab.select_option("#viewer select[name=outcome]", "gave_up")
    assert tab.locator(rows).count() > 0
    tab.select_option("#viewer select[name=outcome]", "")
    tab.select_option("#viewer select[name=sort]", "calls")
    # a task under two planners side by side
    tab.click("#viewer tbody tr:nth-child(2) .name")
    assert tab.locator("svg.tree").count() == 2
    assert re.search(r"#t=\d+\.\d+", tab.url)
    tab.click(".pane:nth-child(2) button:has-text('close')")
    assert tab.locator("svg.tree").count() == 1
    tab.select_option(".pane header select", index=1)
    assert tab.locator("svg.tree").count() == 2
    # walking by keys, the card follows
    tab.focus("svg.tree >> nth=0")
    tab.keyboard.press("ArrowRight")
    assert "node 0.0" in tab.inner_text(".card .badges")
    tab.keyboard.press("ArrowDown")
    assert "node 0.1" in tab.inner_text(".card .badges")
    tab.keyboard.press("ArrowLeft")
    assert tab.locator(".card >> text=functions offered (5)").count() == 1
    shown = len(label_texts(tab))
    tab.keyboard.press("Enter")
    assert len(label_texts(tab)) < shown
    tab.keyboard.press("Enter")
    assert len(label_texts(tab)) == shown
    # the search, step by step
    tab.fill("#viewer input[type=range]", "3")
    assert tab.inner_text("#viewer output") == "step 3 of 11"
    assert "s=3" in tab.url
    before = len(label_texts(tab))
    tab.keyboard.press(".")
    assert tab.inner_text("#viewer output") == "step 4 of 11" and len(label_texts(tab)) > before
    # the next task where the planners disagree
    task = tab.inner_text("h2.task")
    tab.keyboard.press("d")
    until(tab, lambda: tab.inner_text("h2.task") != task)
    # the link opens the same again
    url, heading = tab.url, tab.inner_text("h2.task")
    tab.goto("about:blank")
    tab.goto(url)
    assert tab.inner_text("h2.task") == heading
    tab.keyboard.press("Escape")
    assert tab.locator(rows).count() == 50


def test_the_card_tells_everything(tab: Any, tmp_path: Path) -> None:
    opened_from_file(tab, write_page(make_run(tmp_path / "run", tasks=2), tmp_path / "page.html"))
    tab.click("#viewer .cell >> nth=0")
    tab.focus("svg.tree")
    for _ in range(2):
        tab.keyboard.press("ArrowRight")
    card = tab.inner_text(".card")
    for word in ("THOUGHT", "ARGUMENTS", "OBSERVATION", "recorded", "latency", "SIBLINGS (3)"):
        assert word in card, word
    assert '"n": ' in card
    assert tab.locator(".again button").count() <= 1
    assert tab.locator("text=the prompt as sent").count() == 0  # nobody knows what was sent
    tab.fill("textarea.note", "look again")
    tab.click("h2.task")
    with tab.expect_download() as waiting:
        tab.click("text=save notes as a file")
    assert list(json.loads(Path(waiting.value.path()).read_text()).values()) == ["look again"]


def test_the_prompt_is_shown_as_it_was_sent(tab: Any, tmp_path: Path) -> None:
    opened_from_file(tab, write_page(shop_run(tmp_path / "run"), tmp_path / "page.html"))
    tab.click("#viewer .cell >> nth=1")
    tab.focus("svg.tree")
    for _ in range(2):
        tab.keyboard.press("ArrowRight")
    tab.click("text=the prompt as sent")
    tab.wait_for_selector(".messages .message.system")
    roles = tab.eval_on_selector_all(
        ".messages .message", "all => all.map((each) => each.className.split(' ')[1])"
    )
    assert roles[:4] == ["system", "user", "assistant", "tool"]
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.className") == "name"  # back where one was
    tab.go_back()
    assert tab.locator("svg.tree").count() == 1  # and again to the tree


def test_a_tree_of_5000_nodes(tab: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tasks=1, planners=("dfsdt",), trials=1, size=5000)
    opened_from_file(tab, write_page(run, tmp_path / "page.html"))
    tab.click("#viewer .cell")
    assert "5,000 nodes" in tab.inner_text(".tools")
    tab.click("text=fit")
    elements = tab.eval_on_selector("svg.tree", "svg => svg.querySelectorAll('.far *').length")
    assert elements < 60  # far away a kind is one element
    tab.click(".tools >> text=answer")
    for _ in range(40):
        tab.click("button[aria-label=nearer]")
    assert 0 < len(label_texts(tab)) < 400  # near by only what is in sight has labels
    tab.keyboard.press("Escape")


def test_hostile_text_is_only_text(tab: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tasks=2, text=HOSTILE)
    opened_from_file(tab, write_page(run, tmp_path / "page.html"))
    tab.click("#viewer tbody tr:nth-child(1) .name")
    tab.focus("svg.tree >> nth=0")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "Home"):
        tab.keyboard.press(key)
    for summary in tab.locator("summary").all():
        summary.click()
    assert tab.evaluate("window.ran") is None
    assert tab.locator("#viewer img, #viewer a, #viewer script").count() == 0
    text = tab.inner_text("#viewer")
    assert "<script>window.ran" in text and "\u202e" not in text and "␀" in text and "␛" in text


def test_an_observation_of_a_megabyte(tab: Any, tmp_path: Path) -> None:
    run = make_run(
        tmp_path / "run", tasks=1, planners=("react",), trials=1, size=3, text="x" * 1_000_000
    )
    opened_from_file(tab, write_page(run, tmp_path / "page.html"))
    tab.click("#viewer .cell")
    tab.focus("svg.tree")
    tab.keyboard.press("ArrowRight")
    shown = tab.eval_on_selector_all(".card pre", "all => all.map((p) => p.textContent.length)")
    assert max(shown) < 2000
    tab.click("button.more >> nth=-1")
    shown = tab.eval_on_selector_all(".card pre", "all => all.map((p) => p.textContent.length)")
    assert max(shown) >= 1_000_000


def test_runs_that_are_missing_torn_or_empty(tab: Any, tmp_path: Path) -> None:
    empty = make_run(tmp_path / "empty", tasks=3, done=0)
    opened_from_file(tab, write_page(empty, tmp_path / "empty.html"))
    assert tab.locator("#viewer tbody tr").count() == 3
    assert tab.locator("#viewer .cell:enabled").count() == 0
    tab.requests.clear()
    torn = make_run(tmp_path / "torn", tasks=3)
    lines = (tmp_path / "torn" / "trials.jsonl").read_bytes()
    (tmp_path / "torn" / "trials.jsonl").write_bytes(lines[:-100])
    opened_from_file(tab, write_page(type(torn)(tmp_path / "torn"), tmp_path / "torn.html"))
    assert "1 damaged lines were left out" in tab.inner_text(".warning")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a run of which one trial is finished."""
    path = tmp_path / "run"
    make_run(path, tasks=4, done=1)
    command = [sys.executable, "-m", "toolgrove", "view", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), path
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def test_a_run_that_grows(tab: Any, served: tuple[str, Path]) -> None:
    url, path = served
    tab.goto(url)
    tab.wait_for_selector("#viewer tbody tr")
    assert tab.locator("#viewer .cell:enabled").count() == 1
    directory = RunDirectory(path, write=True)
    with closing(directory):
        tasks = list(tasks_of(directory).values())
        for number in range(1, 6):
            planner = ("react", "dfsdt:width=2")[number % 2]
            key = next(iter(directory.trials))._replace(
                task=f"task-{number % 4:03}", planner=planner
            )
            add(directory, key, tasks, number, 12, "found")
    until(tab, lambda: tab.locator("#viewer .cell:enabled").count() == 4)
    assert "4 of 16 trials are finished" in tab.inner_text("#above")
    tab.click("#viewer .cell:enabled >> nth=1")
    tab.wait_for_selector("svg.tree .label .name")
    tab.fill("textarea.note", "kept")
    tab.click("h2.task")
    tab.wait_for_timeout(300)
    assert list(json.loads((path / "notes.json").read_text()).values()) == ["kept"]
    assert {request.partition("/?")[0] for request in tab.requests} != set()
    assert all(request.startswith("http://127.0.0.1:") for request in tab.requests)


def test_only_who_has_the_link_may_look(chromium: Any, served: tuple[str, Path]) -> None:
    url, _ = served
    api = chromium.new_context().request
    base = url.partition("?")[0]
    token = url.partition("token=")[2]
    assert api.get(url).status == 200
    assert api.get(base).status == 403 and api.get(f"{base}data?token=wrong").status == 403
    assert api.get(url, headers={"host": "evil.example"}).status == 403
    for origin in ("http://evil.example", ""):
        refused = api.post(f"{base}notes?token={token}", data="{}", headers={"origin": origin})
        assert refused.status == 403
    head = api.get(url).headers
    assert "default-src 'none'" in head["content-security-policy"]
    assert head["referrer-policy"] == "no-referrer"


SCRIPT = {
    "replies": {
        "0#0": {"calls": [["list_shelf", {}]]},
        "0.0#0": {
            "text": "two apples",
            "calls": [["add_to_cart", {"item": "apple", "quantity": 2}]],
        },
    },
    "default": {
        "calls": [["Finish", {"return_type": "give_answer", "final_answer": "two apples bought"}]]
    },
}


def test_an_instruction_is_asked_on_the_page(tab: Any, tmp_path: Path) -> None:
    make_run(tmp_path / "run", tasks=2, done=2)
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    command = [
        sys.executable, "-m", "toolgrove", "view", "run", "--model", "scripted:script.json",
        "--env", "shop", "--planner", "react", "--planner", "dfsdt",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    try:
        tab.goto(process.stdout.readline().strip())
        tab.wait_for_selector(".ask textarea")
        tab.fill(".ask textarea", f"Buy two apples {HOSTILE}")
        tab.select_option(".ask select[name=planner]", "dfsdt")
        tab.click(".ask button")
        until(tab, lambda: "Buy two apples" in tab.inner_text(".instruction"))
        until(tab, lambda: "Finish" in label_texts(tab))
        assert label_texts(tab) == ["list_shelf", "add_to_cart", "Finish"]
        until(tab, lambda: tab.inner_text(".pane .badge") == "passed")
        tab.click("text=← back to all tasks")
        assert tab.locator("#viewer tbody tr").count() == 3
        # what was not offered at the start is not run
        refused = tab.evaluate(
            """async () => (await fetch("/ask" + location.search, {method: "POST",
            body: JSON.stringify({instruction: "x", planner: "evil.py:X", model: "m", env: "e"}),
            })).status"""
        )
        assert refused == 400
        tab.said.clear()  # the browser told of that refusal
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
    assert len(list((tmp_path / "runs").glob("solve-*/trials.jsonl"))) == 1


def test_solve_shows_the_tree_while_it_grows(tab: Any, tmp_path: Path) -> None:
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    (tmp_path / "slow.py").write_text(
        "import asyncio\n\nfrom toolgrove.models.scripted import ScriptedModel\n\n\n"
        "class Slow(ScriptedModel):\n"
        "    def __init__(self) -> None:\n"
        "        from pathlib import Path\n\n"
        "        super().__init__(Path('script.json'))\n\n"
        "    async def complete(self, requests):\n"
        "        await asyncio.sleep(1.5)\n"
        "        return await super().complete(requests)\n"
    )
    command = [
        sys.executable, "-m", "toolgrove", "solve", "Buy two apples", "--view", "--planner",
        "react", "--model", "slow.py:Slow", "--env", "shop",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        tab.goto(process.stdout.readline().strip() + "#t=0")
        until(tab, lambda: label_texts(tab) == ["list_shelf"])
        until(tab, lambda: label_texts(tab) == ["list_shelf", "add_to_cart"])
        until(tab, lambda: label_texts(tab) == ["list_shelf", "add_to_cart", "Finish"])
        until(tab, lambda: tab.inner_text(".pane .badge") == "passed")
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "answered: two apples bought" in out
    assert "list_shelf" in err and "kept: toolgrove tree" in err
