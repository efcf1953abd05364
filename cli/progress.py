"""What is told while a run grows: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from ..benchmarks.judges import Verdict
    from ..benchmarks.trial import Trial

EVERY = 5.0  # seconds between plain lines
ERRORS = 5  # different ones that are told while the run grows


class Progressing:
    """Says where a run is, on stderr; each error that breaks trials is told once."""

    def __init__(self, err: Console) -> None:
        self.err = err
        self.bar: Progress | None = None
        if err.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self.bar = Progress(*columns, TimeRemainingColumn(), console=err)
        self._errors: set[str] = set()

    def started(self, total: int, done: int) -> None:
        """The run begins, so many trials being there already."""
        self.total, self.done, self._last = total, done, time.monotonic()
        if self.bar is not None:
            self._task = self.bar.add_task("trials", total=total, completed=done)
            self.bar.start()
        elif done:
            self.say(f"{done} of {total} trials are there already")
        else:
            self.say(f"{total} trials to run")

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        """One more trial is done."""
        self.done += 1
        if trial.error and trial.end == "infra":
            error = trial.error.splitlines()[-1]
            if error not in self._errors and len(self._errors) < ERRORS:
                self.say(f"{trial.key.task}, {trial.key.planner}: {error}")
            self._errors.add(error)
        if self.bar is not None:
            self.bar.advance(self._task)
        elif self.done == self.total or time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            self.say(f"{self.done} of {self.total} trials")

    def say(self, text: str) -> None:
        """A line of its own, above the bar if there is one."""
        self.err.print(text, markup=False, soft_wrap=True)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self.bar is not None:
            self.bar.stop()
