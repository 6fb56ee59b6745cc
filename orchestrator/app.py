"""The composition root: builds everything, wires it, and takes it down again."""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .config import Settings
from .model import Cookie, Limits
from .process.launcher import open_launcher
from .providers import default_providers
from .registry import Registry
from .supervision import Resources, Surroundings, log_path, open_supervisor
from .tasks import TaskService, open_projector

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from .model import AgentId
    from .providers import Provider
    from .supervision import Supervisor

logger = logging.getLogger(__name__)

_PRIVATE_FILE = 0o600


@asynccontextmanager
async def open_orchestrator(
    workspace: Path | str | None = None,
    *,
    settings: Settings | None = None,
    providers: Mapping[str, Provider] | None = None,
    surroundings: Surroundings | None = None,
    limits: Limits | None = None,
    shutdown_timeout: float | None = None,
    adopt: bool = True,
) -> AsyncGenerator[Supervisor]:
    """Open an orchestrator for the length of the block; leaving it leaves only durable agents.

    What earlier orchestrators of the workspace have left half done is settled meanwhile.

    Args:
        workspace: The folder for registry, logs and outputs; None for what the environment says,
            which is ``.agent-workspace`` in the working directory unless set.
        settings: Everything that can be set; None to read the environment.
        providers: The agent CLIs by name; None for those that come with it.
        surroundings: What agents find that lets them report back; None for nothing.
        limits: For launches that name none; None for a depth of 5 and as many agents as the
            machine bears.
        shutdown_timeout: Seconds to wait for agents when the block is left; None for as long as
            their stops may take. Their keepers finish what is left.
        adopt: Take over the durable agents of orchestrators that have ended; they are among
            `Supervisor.agents` soon after.

    Raises:
        InvalidInputError: A setting cannot be what it is.
        RegistryError: The workspace cannot be used.
        NurseryError: No process can be started.
    """
    named = Path(workspace) if workspace is not None else None
    settings = settings or Settings.read(workspace=named)
    with one_error(), Registry.open(settings.workspace) as registry:
        async with (
            # Servers of the workspace have tasks, and an agent of these may end under this run.
            open_projector(registry, settings) as projector,
            open_launcher(log_path(settings.workspace), cgroups=settings.cgroups) as launcher,
            open_supervisor(
                Resources(
                    settings=settings,
                    registry=registry,
                    launcher=launcher,
                    providers=default_providers(settings) if providers is None else providers,
                    surroundings=surroundings or Surroundings(),
                    limits=limits or Limits(),
                ),
                shutdown_timeout=shutdown_timeout,
                on_change=(projector.agent_changed,),
                adopt=adopt,
            ) as supervisor,
        ):
            yield supervisor


class App:
    """A running server: tasks over agents.

    Attributes:
        settings: What it was opened with.
        supervisor: Its agents.
        tasks: The domain of the drop-in tools.
    """

    def __init__(self, settings: Settings, supervisor: Supervisor, tasks: TaskService) -> None:
        """Made by `open_app`."""
        self.settings = settings
        self.supervisor = supervisor
        self.tasks = tasks

    def agent_for_cookie(self, cookie: str) -> AgentId | None:
        """Return the live agent that was launched with this cookie, if there is one."""
        return self.supervisor.agent_for_cookie(Cookie(cookie))

    def begin_shutdown(self, reason: str) -> None:
        """Tell every keeper at once to stop its agent; the first reason counts."""
        self.supervisor.begin_shutdown(reason)


@asynccontextmanager
async def open_app(
    settings: Settings, *, surroundings: Surroundings | None = None
) -> AsyncGenerator[App]:
    """Open a server for the length of the block.

    Leaving it stops every agent, and waits ``settings.shutdown_timeout`` at most.

    Args:
        settings: Everything that can be set.
        surroundings: Where the front end listens for agents, if it does.

    Raises:
        InvalidInputError, RegistryError, NurseryError: As for `open_orchestrator`.
    """
    with (
        one_error(),
        Registry.open(settings.workspace) as registry,
        lifecycle_log(settings.workspace),
    ):
        async with (
            open_projector(registry, settings) as projector,
            open_launcher(log_path(settings.workspace), cgroups=settings.cgroups) as launcher,
            open_supervisor(
                Resources(
                    settings=settings,
                    registry=registry,
                    launcher=launcher,
                    providers=default_providers(settings),
                    surroundings=surroundings or Surroundings(),
                    limits=settings.limits,
                ),
                shutdown_timeout=settings.shutdown_timeout,
                on_change=(projector.agent_changed,),
            ) as supervisor,
        ):
            yield App(settings, supervisor, TaskService(settings, supervisor, projector))


@contextmanager
def one_error() -> Generator[None]:
    """Raise what went wrong itself, not a group of groups that holds nothing else."""
    try:
        yield
    except BaseExceptionGroup as group:
        error = _only(group)
        if isinstance(error, Exception | KeyboardInterrupt | SystemExit):
            raise error from None

        raise


def _only(error: BaseException) -> BaseException:
    match error:
        case BaseExceptionGroup(exceptions=(BaseException() as inner,)):
            return _only(inner)
        case _:
            return error


@contextmanager
def lifecycle_log(workspace: Path) -> Generator[None]:
    """Add what is logged to the file that the keepers write to, so that it tells the whole story.

    Without that file, the log on standard error has to do.
    """
    # Not blocking: somebody may have put a FIFO in its place.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(log_path(workspace), flags, _PRIVATE_FILE)
    except OSError as error:
        logger.warning("the log file cannot be written: %s", error)
        yield
        return

    stream = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        logging.Formatter(
            f"%(asctime)s orchestrator {os.getpid()}: %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
    )
    root = logging.getLogger(__package__)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        stream.close()
