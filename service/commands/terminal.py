"""What people and machines see: lines, tables, JSON, refusals, progress."""

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from service.errors import Problem, WatershedError

PATIENCE_SECONDS = 1.0
"""How long somebody may wait before being told what for."""


def one_line(text: str) -> str:
    """The text with everything that could break a line, or move a cursor, spelled out."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_problems(problems: Iterable[Problem], err: bool = False) -> None:
    for problem in problems:
        click.echo(one_line(str(problem)), err=err)


def print_refusal(error: WatershedError) -> None:
    """`error: …` on standard error, and each problem on a line of its own."""
    problems = error.problems
    if len(problems) > 1:
        message = f"{error.what} is refused: {len(problems)} problems"
    else:
        message = str(error)
    click.echo(f"{click.style('error:', fg='red')} {one_line(message)}", err=True)
    if len(problems) > 1:
        print_problems(problems, err=True)


def problems_of(error: WatershedError, path: str) -> list[Problem]:
    """What a refusal says, as problems; one that names no place is a problem of `path`."""
    return list(error.problems) or [Problem(path, None, str(error))]


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table: drawn and wrapped on a terminal, aligned lines without a heading elsewhere."""
    texts = [[one_line("" if cell is None else str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, texts)
        return
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*texts, strict=True)]
    for row in texts:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _draw(columns: Sequence[str], texts: Iterable[Iterable[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in texts:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def write_file(path: Path, text: str) -> None:
    """Put `text` into the file, in place of what it holds."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WatershedError(f"`{path}` cannot be written: {error.strerror}") from None


Progress = Callable[[str, int], None]
"""Called with what is being done and how many are done."""


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Progress]:
    """What to call as work goes on; a person at a terminal sees it once the work takes its time."""
    if not sys.stderr.isatty():
        yield lambda what, done: None
        return
    display = _Display(title, total)
    try:
        yield display.update
    finally:
        display.stop()


class _Display:
    """A line on standard error that appears after PATIENCE_SECONDS and leaves nothing behind."""

    def __init__(self, title: str, total: int | None):
        self._title = title
        self._total = total
        self._bar = None
        # A thread, because the slowest steps (parsing, compiling) call nobody while they last.
        self._timer = threading.Timer(PATIENCE_SECONDS, self._show)
        self._timer.daemon = True
        self._timer.start()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        if self._total is not None:
            columns.append(BarColumn())
        bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
        bar.add_task(self._title, total=self._total)
        bar.start()
        self._bar = bar

    def update(self, what: str, done: int) -> None:
        if self._bar is not None:
            text = f"{self._title}: {what} {done:,}"
            self._bar.update(self._bar.task_ids[0], description=text, completed=done)

    def stop(self) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._bar is not None:
            self._bar.stop()
