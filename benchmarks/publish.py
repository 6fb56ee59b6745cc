"""Regenerates the page about the benchmarks: ``python -m benchmarks.publish RUN.json``."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import plots
from .errors import BrokenError
from .ground import ROOT
from .publishing.page import compose
from .publishing.sources import put_together, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE: Final = ROOT / "docs" / "benchmarks.md"

#: Exit status: a file is no run, or nothing can be drawn.
REFUSED: Final = 2

_OURS: Final = re.compile(
    rf".+-({'|'.join(plots.THEMES)})\.({'|'.join(plots.FORMS)})",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and its pictures.

    Args:
        arguments: None for those of the process.

    Returns:
        0; `REFUSED` when nothing was written, with the reason on standard error.
    """
    asked = _parser().parse_args(arguments)
    page: Path = asked.page
    folder = page.with_suffix("")
    if (reason := plots.missing()) is not None:
        sys.stderr.write(f"the pictures cannot be drawn: {reason}\n")
        return REFUSED

    try:
        measured = put_together(map(read, asked.files))
        text = compose(measured, folder.name)
        charts = [chart for one in measured for chart in one.part.charts]
        written = plots.write_plots(charts, folder)
    except BrokenError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED

    page.write_text(text, encoding="utf-8")
    _remove_stale(folder, written)
    parts = ", ".join(one.part.name for one in measured)
    sys.stdout.write(f"{page.name} and {len(written)} pictures written, from: {parts}\n")
    return 0


def _remove_stale(folder: Path, written: Iterable[Path]) -> None:
    """Remove pictures of charts that are no more; whatever is called otherwise stays."""
    kept = set(written)
    for file in folder.iterdir():
        if file not in kept and _OURS.fullmatch(file.name):
            file.unlink()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.publish",
        description="Regenerate the page about the benchmarks, and its plots, from runs.",
        epilog="Of a part that several files have, the last one counts.",
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="RUN.json",
        help="what `python -m benchmarks --json` or `python -m benchmarks.soak --json` wrote",
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=PAGE,
        metavar="FILE",
        help="where to; the plots go into a folder beside it, of the same name",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
