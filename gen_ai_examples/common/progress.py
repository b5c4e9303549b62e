"""Progress of a training run: a live bar on a terminal, plain lines elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

LINE_SECONDS = 5  # between two plain lines


class Progress:
    """Shows step, losses and time left on standard error, as a context manager.

    Args:
        name: of what is trained.
        steps: in all.
        first: steps already done, by a run that is resumed.
        shown: False shows nothing.
    """

    def __init__(self, name: str, steps: int, first: int = 0, shown: bool = True):
        console = Console(stderr=True)
        self._shown = shown
        self._name, self._steps, self._first = name, steps, first
        self._started = self._printed = time.monotonic()
        self._bar = None
        if shown and (console.is_terminal or console.is_jupyter):
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[losses]}"),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=console,
            )
            self._task = self._bar.add_task(name, total=steps, completed=first, losses="")
        self._console = console

    def __enter__(self) -> "Progress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, step: int, logs: dict[str, float]) -> None:
        """Show that `step` steps are done, and the last losses."""
        losses = "  ".join(f"{name} {value:.3g}" for name, value in logs.items())
        if self._bar:
            self._bar.update(self._task, completed=step, losses=losses)
        elif self._shown:
            self._line(step, losses)

    def _line(self, step: int, losses: str) -> None:
        now = time.monotonic()
        if now - self._printed < LINE_SECONDS and step < self._steps:
            return
        left = (now - self._started) / (step - self._first) * (self._steps - step)
        self._printed = now
        text = f"{self._name}: step {step}/{self._steps}  {losses}  {left:.0f} s left"
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
