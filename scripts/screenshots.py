"""The pictures of the README and the docs: ``make screenshots`` (needs playwright and chromium).

One is a DFSDT tree of ChatGPT's with real API responses, from ToolBench's release; the other a run
of three planners on the hub.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "pictures"
ANSWERS = ROOT.parent / "shared" / "data" / "toolbench_example" / "answer"
TREE = "G1_answer/57_ChatGPT_DFS_woFilter_w2"


def toolgrove(*words: object, folder: Path) -> None:
    """Run a command of toolgrove's."""
    command = [sys.executable, "-m", "toolgrove", *map(str, words)]
    subprocess.run(command, cwd=folder, check=False, capture_output=True)


def main() -> None:
    """Make them."""
    OUT.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        toolgrove("import", "toolbench", ANSWERS, "--out", "traces.jsonl", folder=folder)
        profile = "dfsdt:profile=toolbench,depth_backoff=2"
        toolgrove("bench", "--suite", "traces.jsonl", "--planner", profile, "--out", "traces",
                  folder=folder)  # fmt: skip
        toolgrove("report", "traces", "--html", "traces.html", folder=folder)
        toolgrove(
            "bench", "--suite", "hub:i3-inst", "--limit", 14, "--faults", "mixed",
            "--planner", "cot", "--planner", "react", "--planner", "dfsdt", "--out", "hub",
            folder=folder,
        )  # fmt: skip
        toolgrove("report", "hub", "--html", "hub.html", folder=folder)
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 760}, device_scale_factor=1.25)
        tab.goto((folder / "traces.html").as_uri())
        number = tab.evaluate(
            "(id) => viewer.data.trials.findIndex((t) => viewer.data.tasks[t.task].id === id)", TREE
        )
        tab.evaluate("(n) => viewer.openTrials([n])", number)
        tab.wait_for_selector("svg.tree .label .name")
        tab.evaluate("viewer.views[0].visit(viewer.views[0].tree.order.at(-1))")
        tab.evaluate("viewer.views[0].fit()")
        tab.wait_for_timeout(300)
        tab.locator(".opened").screenshot(path=OUT / "viewer.png")
        tab.goto((folder / "hub.html").as_uri())
        tab.wait_for_selector("#viewer tbody tr")
        tab.locator("#trees").screenshot(path=OUT / "matrix.png")
        browser.close()


if __name__ == "__main__":
    main()
