"""What this project promises, compared with what was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.model import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.model import Verdict

    from .launchers.base import Launcher
    from .tally import Tally

#: How many of those who are left are told beside a missed target.
_TOLD: Final = 4

_MACHINERY: Final = Target(
    name="servers, nurseries and keepers left by this project",
    bound="at most",
    limit=0,
    unit="processes",
)


def judge(tally: Tally, launchers: Iterable[Launcher]) -> tuple[Verdict, ...]:
    """Compare this project's launchers with 0.

    Args:
        tally: What was counted.
        launchers: Who took part.
    """
    ours = [launcher for launcher in launchers if launcher.ours]
    verdicts: list[Verdict] = []
    for launcher in ours:
        total = tally.total(launcher.key)
        target = Target(
            name=f"processes left by {launcher.name}, all habits and endings",
            bound="at most",
            limit=0,
            unit="processes",
        )
        detail = _told(tally.who(launcher.key)) or f"of {total.of if total else 0}"
        verdicts.append(target.judge(total and total.left, detail=detail))

    counted = [tally.machinery(launcher.key) for launcher in ours]
    machinery = [each for each in counted if each is not None]
    who = [name for launcher in ours for name in tally.machines(launcher.key)]
    figure = sum(machinery) if machinery else None
    return (*verdicts, _MACHINERY.judge(figure, detail=_told(who)))


def _told(who: Sequence[str]) -> str:
    more = f" and {len(who) - _TOLD} more" if len(who) > _TOLD else ""
    return "; ".join(who[:_TOLD]) + more
