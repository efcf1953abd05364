"""How fast the viewer is in a real browser (needs playwright and chromium).

Prints the milliseconds from opening the file to the first picture of a tree of 5,000 nodes, and
the longest of 60 folds and unfolds; and the same for ten times fewer nodes, for the slope.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "browser"))
from viewer_runs import make_run, write_page

FOLDS = """async () => {
  const view = viewer.views[0];
  const inner = view.tree.nodes.filter((node) => node.children.length && node.depth > 0);
  const frame = () => new Promise(requestAnimationFrame);
  let longest = 0;
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    view.toggle(inner[(i >> 1) * 7 % inner.length]);
    await frame();
    longest = Math.max(longest, performance.now() - start);
  }
  return longest;
}"""
PANS = """async () => {
  const view = viewer.views[0];
  const frame = () => new Promise(requestAnimationFrame);
  let longest = 0;
  for (let i = 0; i < 120; i++) {
    const start = performance.now();
    view.top -= 40; view.left -= 15; view._sight();
    await frame();
    longest = Math.max(longest, performance.now() - start);
  }
  return longest;
}"""


def main() -> None:
    """Print the figures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for size in (500, 5000):
            path = Path(folder, str(size))
            run = make_run(path, tasks=1, planners=("dfsdt",), trials=1, size=size)
            page = write_page(run, path.with_suffix(".html"))
            draws = []
            for _ in range(5):
                tab = browser.new_page(viewport={"width": 1400, "height": 900})
                tab.goto(page.as_uri() + "#t=0")
                tab.wait_for_selector("svg.tree .label .name")
                draws.append(tab.evaluate("performance.getEntriesByName('shown')[0].startTime"))
                last = tab
            folds, pans = last.evaluate(FOLDS), last.evaluate(PANS)
            last.evaluate("viewer.views[0].fit()")
            far = last.evaluate(PANS)
            print(
                f"{size:,} nodes ({page.stat().st_size / 1e6:.1f} MB): first picture "
                f"{sorted(draws)[2]:.0f} ms (worst {max(draws):.0f}); longest of 60 folds "
                f"{folds:.0f} ms; longest frame of 120 while panning {pans:.0f} ms near, "
                f"{far:.0f} ms far"
            )
        browser.close()


if __name__ == "__main__":
    main()
