"""Settings: what the environment says of workspace, limits and agents is read here alone."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from pydantic import Field, ValidationError

from .errors import InvalidInputError
from .model import Limits
from .model.base import Noun
from .model.policy import Seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Set for agents: where their orchestrator listens, and as whom they speak.
SOCKET_VARIABLE: Final = "ORCHESTRATOR_SOCKET"
COOKIE_VARIABLE: Final = "ORCHESTRATOR_COOKIE"
AGENT_VARIABLE: Final = "ORCHESTRATOR_AGENT_ID"
TASK_VARIABLE: Final = "ORCHESTRATOR_TASK_ID"

#: As the original server called it.
WORKSPACE_VARIABLE: Final = "CLAUDE_ORCHESTRATOR_WORKSPACE"

#: The folder of a workspace inside a project, as the original server named it.
WORKSPACE_FOLDER: Final = ".agent-workspace"

#: As the original server had them.
CLAUDE_FLAGS: Final = (
    "--print --output-format stream-json --verbose --dangerously-skip-permissions --model sonnet"
)

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

_ON: Final = frozenset({"1", "true", "yes", "on"})
_OFF: Final = frozenset({"", "0", "false", "no", "off"})


class Settings(Noun):
    """Everything that can be set; `Settings.read` fills it from the environment.

    Attributes:
        workspace: The folder that holds the registry and the tasks; absolute.
        project: The folder of tasks that name none: where the orchestrator was started.
        limits: Copied into each task when it is created. As the original server had them.
        claude_executable: The claude CLI, as argv.
        claude_flags: Its arguments.
        shutdown_timeout: Seconds that a server waits for its agents when it is told to end.
            Whoever is not done by then is carried through by its keeper.
        durable: Agents outlive their orchestrator, unless their spec says otherwise.
        orphan_limit: Seconds that a durable agent may be without an orchestrator; None for ever.
        free_memory: Bytes that must be available on the machine for one more agent.
        cgroups: Give each agent a control group of its own where one can be made.
    """

    workspace: Path
    project: Path
    limits: Limits = Limits(max_agents=45, max_concurrent=20, max_depth=5)
    claude_executable: tuple[str, ...] = ("claude",)
    claude_flags: tuple[str, ...] = tuple(shlex.split(CLAUDE_FLAGS))
    shutdown_timeout: Seconds = 2.0
    durable: bool = False
    orphan_limit: Seconds | None = None
    free_memory: Annotated[int, Field(ge=0)] = 0
    cgroups: bool = True

    @classmethod
    def read(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        cwd: Path | None = None,
        workspace: Path | None = None,
    ) -> Settings:
        """Read the settings.

        Args:
            environ: The variables; None for the process's own.
            cwd: The working directory; None for the process's own.
            workspace: Wins over ``CLAUDE_ORCHESTRATOR_WORKSPACE``.

        Raises:
            InvalidInputError: A variable holds what it cannot; the message names it.
        """
        variables = os.environ if environ is None else environ
        here = (Path.cwd() if cwd is None else cwd).absolute()
        named = workspace or variables.get(WORKSPACE_VARIABLE) or WORKSPACE_FOLDER
        try:
            return cls(
                workspace=here / _at_home(Path(named)),
                project=here,
                limits=Limits(
                    max_agents=_integer(variables, "CLAUDE_ORCHESTRATOR_MAX_AGENTS", 45),
                    max_concurrent=_integer(variables, "CLAUDE_ORCHESTRATOR_MAX_CONCURRENT", 20),
                    max_depth=_integer(variables, "CLAUDE_ORCHESTRATOR_MAX_DEPTH", 5),
                    wall_clock=_number(variables, "ORCHESTRATOR_MAX_WALL_CLOCK", None),
                    idle=_number(variables, "ORCHESTRATOR_MAX_IDLE", None),
                    memory=_size(variables, "ORCHESTRATOR_MAX_MEMORY"),
                    output=_size(variables, "ORCHESTRATOR_MAX_OUTPUT"),
                    cost=_number(variables, "ORCHESTRATOR_MAX_COST", None, unit="US dollars"),
                ),
                claude_executable=_words(variables, "CLAUDE_EXECUTABLE", "claude"),
                claude_flags=_words(variables, "CLAUDE_FLAGS", CLAUDE_FLAGS),
                shutdown_timeout=_number(variables, "ORCHESTRATOR_SHUTDOWN_TIMEOUT", 2.0),
                durable=_switch(variables, "ORCHESTRATOR_DURABLE"),
                orphan_limit=_number(variables, "ORCHESTRATOR_ORPHAN_LIMIT", None),
                free_memory=_size(variables, "ORCHESTRATOR_FREE_MEMORY") or 0,
                cgroups=_choice(variables, "ORCHESTRATOR_CGROUPS", "auto", "never") == "auto",
            )
        except ValidationError as error:
            first = error.errors()[0]
            name = _variable_of(str(first["loc"][-1]), variables)
            raise InvalidInputError(
                f"{name} cannot be {first['input']!r}: {first['msg']}"
            ) from error

    @property
    def limits_of_agents(self) -> Limits:
        """The limits without the counts, which are those of tasks."""
        return self.limits.model_copy(update={"max_agents": None, "max_concurrent": None})

    def base_of(self, project: Path | None) -> Path:
        """Return the folder for the tasks of a project; None for the orchestrator's own."""
        return self.workspace if project is None else project / WORKSPACE_FOLDER


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise InvalidInputError(
            f"The workspace {str(path)!r} is in the home of a user who is not known here; "
            "name the folder itself"
        ) from None


def _variable_of(field: str, variables: Mapping[str, str]) -> str:
    """Return the variable that a field was read from."""
    prefixes = ("ORCHESTRATOR_", "ORCHESTRATOR_MAX_", "CLAUDE_ORCHESTRATOR_")
    names = (prefix + field.upper() for prefix in prefixes)
    return next((name for name in names if name in variables), f"The setting {field}")


def _integer(variables: Mapping[str, str], name: str, default: int) -> int:
    text = variables.get(name, "").strip()
    if not text:
        return default

    try:
        return int(text)
    except ValueError:
        raise InvalidInputError(f"{name} must be a whole number, not {text!r}") from None


D = TypeVar("D", float, None)


def _number(
    variables: Mapping[str, str], name: str, default: D, *, unit: str = "seconds"
) -> float | D:
    text = variables.get(name, "").strip()
    if not text:
        return default

    try:
        return float(text)
    except ValueError:
        raise InvalidInputError(f"{name} must be a number of {unit}, not {text!r}") from None


def _size(variables: Mapping[str, str], name: str) -> int | None:
    text = variables.get(name, "").strip()
    if not text:
        return None

    try:
        return read_size(text)
    except ValueError as error:
        raise InvalidInputError(f"{name}: {error}") from None


def read_size(text: str) -> int:
    """Read a number of bytes, such as ``500M`` or ``2G``; a unit is 1,024 of the next smaller one.

    Raises:
        ValueError: It is none; the message says what is.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"a size is a number and K, M, G or T, like 500M or 2G, not {text!r}")

    number, unit = match.groups()
    return round(float(number) * _UNITS[unit.upper()])


def _switch(variables: Mapping[str, str], name: str) -> bool:
    text = variables.get(name, "").strip().casefold()
    if text in _ON or text in _OFF:
        return text in _ON

    raise InvalidInputError(f"{name} must be 1 or 0, not {text!r}")


def _choice(variables: Mapping[str, str], name: str, *choices: str) -> str:
    text = variables.get(name, "").strip().casefold() or choices[0]
    if text not in choices:
        raise InvalidInputError(f"{name} must be {' or '.join(choices)}, not {text!r}")

    return text


def _words(variables: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    text = variables.get(name, default)
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidInputError(f"{name} is not a list of shell words: {error}") from None

    return words
