"""Choose the lines to show when all of them are too much."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .events import error_text, tool_calls
from .jsonline import dump, parse_object, string

_CRITICAL: Final = frozenset(
    {"error", "completed", "failed", "blocked", "finding", "insight", "recommendation"}
)
_CRITICAL_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_CRITICAL))})\b", re.IGNORECASE)
_CRITICAL_FIELDS: Final = ("type", "subtype", "status", "finding_type")


class Sample(NamedTuple):
    """The lines chosen, with a marker in each gap, and how they were chosen."""

    lines: list[str]
    stats: dict[str, object]


def sample(lines: list[str], budget: int) -> Sample | None:
    """Choose lines that together have about `budget` characters; None when all fit.

    The first line, the last line and what tells of errors, ends and findings stay; of the
    others some are picked at even distances. When the lines that must stay are too long
    together, those that fit stay, taken from both ends in turn.

    Args:
        lines: All lines.
        budget: Characters, line ends not counted. Markers may exceed it.
    """
    sizes = [len(line) for line in lines]
    total = sum(sizes)
    if total <= budget:
        return None

    must = [at for at, line in enumerate(lines) if _must_stay(at, line, len(lines))]
    must_size = sum(sizes[at] for at in must)
    if must_size > budget:
        result = _with_markers(lines, _fitting_from_both_ends(must, sizes, budget))
        stats: dict[str, object] = {
            "sampled": True,
            "strategy": "critical_only",
            "original_lines": len(lines),
            "sampled_lines": len(result),
            "original_size": total,
            "final_size": sum(len(line) for line in result),
        }
        return Sample(result, stats)

    kept = set(must)
    others = [at for at in range(len(lines)) if at not in kept]
    picked = _pick(others, sizes, budget - must_size)
    result = _with_markers(lines, kept.union(picked))
    final = sum(len(line) for line in result)
    stats = {
        "sampled": True,
        "strategy": "intelligent_sampling",
        "original_lines": len(lines),
        "sampled_lines": len(must) + len(picked),
        "critical_lines": len(must),
        "non_critical_sampled": len(picked),
        "original_size": total,
        "final_size": final,
        "compression_ratio": round(final / total, 3),
    }
    return Sample(result, stats)


def is_critical(line: str) -> bool:
    """Say whether a line tells of an error, an end or a finding."""
    event = parse_object(line)
    if event is None:
        return _CRITICAL_WORD.search(line) is not None

    if error_text(event) is not None:
        return True

    told = [event, *(call.arguments for call in tool_calls(event))]
    return any(
        string(facts.get(field)) in _CRITICAL for facts in told for field in _CRITICAL_FIELDS
    )


def _must_stay(at: int, line: str, count: int) -> bool:
    return at in {0, count - 1} or is_critical(line)


def _pick(others: list[int], sizes: list[int], room: int) -> list[int]:
    """Pick as many as would fit if all had average length, and leave out what does not fit."""
    size = sum(sizes[at] for at in others)
    count = room * len(others) // size if size else len(others)
    picked: list[int] = []
    for turn in range(count):
        at = others[turn * len(others) // count]
        if sizes[at] <= room:
            room -= sizes[at]
            picked.append(at)

    return picked


def _fitting_from_both_ends(must: list[int], sizes: list[int], room: int) -> set[int]:
    left, right = 0, len(must) - 1
    kept: set[int] = set()
    from_left = True
    while left <= right:
        at = must[left] if from_left else must[right]
        if sizes[at] > room:
            break

        room -= sizes[at]
        kept.add(at)
        left, right = (left + 1, right) if from_left else (left, right - 1)
        from_left = not from_left

    return kept


def _with_markers(lines: list[str], kept: set[int]) -> list[str]:
    result: list[str] = []
    left_out: list[str] = []
    for at, line in enumerate(lines):
        if at not in kept:
            left_out.append(line)
            continue

        if left_out:
            result.append(_marker(left_out))
            left_out = []

        result.append(line)

    if left_out:
        result.append(_marker(left_out))

    return result


def _marker(left_out: list[str]) -> str:
    size = sum(len(line) for line in left_out)
    message = f"{len(left_out)} lines ({size} characters) left out"
    return dump({"type": "truncation_marker", "message": message})
