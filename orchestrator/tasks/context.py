"""The extra context of a task: what is accepted of it, and what is said about the rest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROLES: Final = frozenset({"user", "assistant", "orchestrator"})

#: Characters beyond which a message is cut, and to how many: as in the original.
_USER_MAX, _USER_KEPT = 8000, 7900
_OTHER_MAX = 150
_MARK: Final = " ... (truncated)"


class ContextReader:
    """Reads context, and collects a warning for everything that it had to leave out.

    Attributes:
        accepted: What was accepted, by the names of the tool's parameters.
        warnings: What was left out, a sentence each.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.accepted: dict[str, Any] = {}
        self.warnings: list[str] = []

    def text(self, name: str, value: str | None) -> None:
        """Take a text; blank ones are left out."""
        if value is None:
            return

        if value.strip():
            self.accepted[name] = value.strip()
        else:
            self.warnings.append(f"{name} is blank and was left out")

    def texts(self, name: str, values: Sequence[object] | None) -> None:
        """Take a list of texts; whatever is blank or no text is left out."""
        if values is None:
            return

        kept = [value.strip() for value in values if isinstance(value, str) and value.strip()]
        if len(kept) < len(values):
            dropped = len(values) - len(kept)
            self.warnings.append(f"{name}: {dropped} blank or non-text items were left out")

        if kept:
            self.accepted[name] = kept
        elif not values:
            self.warnings.append(f"{name} is empty and was left out")

    def history(self, messages: Sequence[Mapping[str, Any]] | None) -> None:
        """Take a conversation; messages of unknown roles or without content are left out."""
        if messages is None:
            return

        now = datetime.now().astimezone().replace(tzinfo=None)
        kept: list[dict[str, Any]] = []
        for number, message in enumerate(messages, start=1):
            role = str(message.get("role", "")).strip().casefold()
            content = message.get("content")
            if role not in _ROLES:
                self.warnings.append(
                    f"conversation_history: message {number} has the unknown role {role[:40]!r} "
                    "and was left out; roles are user, assistant and orchestrator"
                )
            elif not isinstance(content, str) or not content.strip():
                self.warnings.append(
                    f"conversation_history: message {number} has no content and was left out"
                )
            else:
                stamp = str(message.get("timestamp") or now.isoformat())
                kept.append(_message(role, content.strip(), stamp))

        if not kept:
            self.warnings.append("conversation_history holds no usable message and was left out")
            return

        self.accepted["conversation_history"] = {
            "messages": kept,
            "total_messages": len(kept),
            "truncated_count": sum(message["truncated"] for message in kept),
            "metadata": {
                "collection_time": now.isoformat(),
                "oldest_message": kept[0]["timestamp"],
                "newest_message": kept[-1]["timestamp"],
            },
        }


def _message(role: str, content: str, timestamp: str) -> dict[str, Any]:
    most, keep = (_USER_MAX, _USER_KEPT) if role == "user" else (_OTHER_MAX, _OTHER_MAX)
    truncated = len(content) > most
    return {
        "role": role,
        "content": content[:keep] + _MARK if truncated else content,
        "timestamp": timestamp,
        "truncated": truncated,
        "original_length": len(content),
    }
