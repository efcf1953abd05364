"""The labelling page in a real browser: keys, what is kept, and what is downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.labelling import rendered

HOSTILE = "</script><img src=x onerror=\"document.title='broken'\"><!--<script>"


@pytest.fixture
def page(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """A page of four answers, one of them hostile, opened from a file without a network."""
    items = []
    for number in range(1, 5):
        text = {"text": f"{number} {HOSTILE}", "more": 7}
        call = {"api": "weather" + HOSTILE, "arguments": text, "result": text}
        items.append(
            {"id": f"{number:03}", "instruction": HOSTILE, "calls": [call] * 2, "answer": text}
        )
    file = tmp_path / "page.html"
    file.write_text(rendered({"sample": "abcdef012345", "items": items}))
    context = chromium.new_context(offline=True, accept_downloads=True)
    opened = context.new_page()
    opened.errors = []
    opened.on("console", lambda said: opened.errors.append(said.text))
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.goto(file.as_uri())
    yield opened
    assert opened.errors == []
    context.close()


def test_label_all_with_keys_reload_and_download(page: Any, tmp_path: Path) -> None:
    for key in ("1", "2", "3", "1"):
        page.keyboard.press(key)
    assert "4 of 4 labelled" in page.inner_text("#progress")
    page.fill("#note", "123")  # digits in a note are no labels
    page.keyboard.press("2")
    page.reload()
    assert "4 of 4 labelled" in page.inner_text("#progress")
    assert page.inner_text("#head") == "Answer 4 of 4"
    page.click("#download")
    assert "name" in page.inner_text("#message")
    page.fill("#rater", "Ann Ä/..")
    with page.expect_download() as waiting:
        page.click("#download")
    got = waiting.value
    assert got.suggested_filename == "labels-Ann-Ä--abcdef01.json"
    told = json.loads(Path(got.path()).read_text())
    assert (told["kind"], told["sample"]) == ("toolgrove labels", "abcdef012345")
    given = [told["labels"][f"00{n}"]["label"] for n in (1, 2, 3, 4)]
    assert given == ["passed", "failed", "cannot say", "passed"]
    assert told["labels"]["004"]["note"].startswith("123")

    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#clear")
    assert "0 of 4 labelled" in page.inner_text("#progress")
    page.set_input_files("#file", got.path())
    page.locator("#progress", has_text="4 of 4").wait_for()
    torn = tmp_path / "torn.json"
    torn.write_text('{"kind": "toolgro')
    page.set_input_files("#file", torn)
    page.locator("#message", has_text="torn").wait_for()


def test_hostile_text_is_text(page: Any) -> None:
    assert page.title() != "broken" and page.query_selector("img") is None
    assert page.inner_text("#instruction") == HOSTILE
    assert HOSTILE in page.inner_text("#answer")
    page.click("#unfold")
    assert page.locator("#calls pre").count() == 4


def test_arrows_and_back(page: Any) -> None:
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#head") == "Answer 2 of 4"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("2")
    page.keyboard.press("ArrowLeft")
    pressed = page.locator("[aria-pressed=true]")
    assert pressed.count() == 1 and "Failed" in pressed.inner_text()


def test_it_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
