"""What of matplotlib is used, with the types that its own stubs leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from io import BytesIO
    from pathlib import Path
    from types import ModuleType

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.spines import Spines
    from matplotlib.transforms import Transform

Side = Literal["left", "center", "right"]
Height = Literal["bottom", "center", "top", "baseline", "center_baseline"]


class Scale(Protocol):
    """One direction of a plane."""

    def set_major_formatter(self, formatter: Callable[[float, int | None], str]) -> None:
        """Write its figures so."""
        ...

    def set_minor_formatter(self, formatter: Callable[[float, int | None], str]) -> None:
        """Write its figures between the large ones so."""
        ...


class Plane(Protocol):
    """Where things are drawn; all methods are those of `matplotlib.axes.Axes`."""

    transData: Transform  # noqa: N815 - so it is called there
    transAxes: Transform  # noqa: N815
    spines: Spines
    xaxis: Scale
    yaxis: Scale

    def barh(self, y: Sequence[float], width: Sequence[float], height: float, **how: Any) -> object:
        """Draw lying bars."""
        ...

    def plot(self, x: Sequence[float], y: Sequence[float], **how: Any) -> object:
        """Draw a line."""
        ...

    def hlines(self, y: float, xmin: float, xmax: float, **how: Any) -> object:
        """Draw a lying line."""
        ...

    def axvline(self, x: float, **how: Any) -> object:
        """Draw a standing line from edge to edge."""
        ...

    def axhline(self, y: float, **how: Any) -> object:
        """Draw a lying line from edge to edge."""
        ...

    def text(self, x: float, y: float, s: str, **how: Any) -> object:
        """Write."""
        ...

    def annotate(self, text: str, xy: tuple[float, float], **how: Any) -> object:
        """Write beside a point."""
        ...

    def add_patch(self, p: object) -> object:
        """Put a shape there."""
        ...

    def get_xaxis_transform(self) -> Transform:
        """X as in data, y from 0 at the bottom to 1 at the top."""
        ...

    def get_yaxis_transform(self) -> Transform:
        """Y as in data, x from 0 at the left to 1 at the right."""
        ...

    def get_xlim(self) -> tuple[float, float]:
        """From where to where it goes."""
        ...

    def get_ylim(self) -> tuple[float, float]:
        """From where to where it goes."""
        ...

    def set_xlim(self, left: float, right: float) -> object:
        """Go from here to there."""
        ...

    def set_ylim(self, bottom: float, top: float) -> object:
        """Go from here to there."""
        ...

    def set_xscale(self, value: str, **how: Any) -> object:
        """Make each step a factor, or not."""
        ...

    def set_yscale(self, value: str, **how: Any) -> object:
        """Make each step a factor, or not."""
        ...

    def set_xticks(
        self, ticks: Sequence[float], labels: Sequence[str] | None = None, **how: Any
    ) -> object:
        """Put figures there."""
        ...

    def set_yticks(
        self, ticks: Sequence[float], labels: Sequence[str] | None = None, **how: Any
    ) -> object:
        """Put figures there."""
        ...

    def set_xlabel(self, xlabel: str, **how: Any) -> object:
        """Say what it counts."""
        ...

    def set_ylabel(self, ylabel: str, **how: Any) -> object:
        """Say what it counts."""
        ...

    def grid(self, visible: bool, **how: Any) -> None:
        """Draw lines that help the eye."""
        ...

    def tick_params(self, axis: Literal["both", "x", "y"], **how: Any) -> None:
        """Draw ticks so."""
        ...

    def set_axisbelow(self, b: bool) -> None:
        """Draw the grid below everything else."""
        ...


class Page(Protocol):
    """What a plane is on; the methods are those of `matplotlib.figure.Figure`."""

    def suptitle(self, t: str, **how: Any) -> object:
        """Write a title above everything."""
        ...

    def add_subplot(self) -> Axes:
        """Put axes on it."""
        ...

    def savefig(self, fname: Path | BytesIO, **how: Any) -> None:
        """Write it to a file."""
        ...


class _Library(Protocol):
    def rc_context(self, rc: dict[str, Any]) -> AbstractContextManager[None]: ...


def settings_of(library: ModuleType, settings: dict[str, Any]) -> AbstractContextManager[None]:
    """Have matplotlib draw with these settings for the length of the block.

    Args:
        library: The package.
        settings: As in a ``matplotlibrc``.
    """
    return cast("_Library", library).rc_context(settings)


def page_of(figure: Figure) -> Page:
    """Look at a figure as a page."""
    return cast("Page", figure)


def plane_of(axes: Axes) -> Plane:
    """Look at axes as a plane."""
    return cast("Plane", axes)
