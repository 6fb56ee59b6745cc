"""Drawing with matplotlib; imported by `benchmarks.plots` alone, and only when it draws.

sheet    an empty picture: size, fonts, colours, and writing it to files
colours  for light pages and for dark ones
plane    what of matplotlib's axes is used, in types
bars     lengths beside each other
lines    growth
heat     a figure for each pair
words    figures and names as they are written in a picture
"""

from __future__ import annotations

from .sheet import draw

__all__ = ["draw"]
