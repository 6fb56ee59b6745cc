"""From a spec to a record and an order: everything that is decided before a launch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.errors import InvalidInputError
from orchestrator.model import (
    PREVIEW_CHARS,
    AgentRecord,
    Starting,
    new_cookie,
)

from .orders import check_cwd, default_files, find_program, make_environment, make_order

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.config import Settings
    from orchestrator.model import AgentFiles, AgentId, AgentSpec, Limits, OrchestratorId
    from orchestrator.process.launcher import Launcher
    from orchestrator.process.wire import LaunchMessage
    from orchestrator.providers import Provider
    from orchestrator.registry import Registry

    from .surroundings import Surroundings


class Resources(NamedTuple):
    """What a supervisor works with.

    Attributes:
        settings: The workspace and the project.
        registry: Where everything is recorded.
        launcher: What forks keepers.
        providers: The agent CLIs by name.
        surroundings: What agents find that lets them report back.
        limits: For launches that name none.
    """

    settings: Settings
    registry: Registry
    launcher: Launcher
    providers: Mapping[str, Provider]
    surroundings: Surroundings
    limits: Limits

    @property
    def log(self) -> Path:
        """The file of lifecycle lines that orchestrator and keepers share."""
        return log_path(self.settings.workspace)


def log_path(workspace: Path) -> Path:
    """Return the file of lifecycle lines of a workspace."""
    return workspace / "registry" / "orchestrator.log"


def prepare(
    resources: Resources,
    spec: AgentSpec,
    *,
    owner: OrchestratorId,
    agent_id: AgentId | None,
    files: AgentFiles | None,
) -> tuple[AgentRecord, LaunchMessage]:
    """Make the record of an agent that is to be launched, and what its keeper is told.

    Raises:
        InvalidInputError: The spec cannot be one.
        LaunchError: There is no such program or working directory.
        NotFoundError: Its parent is not known.
    """
    provider = resources.providers.get(spec.provider)
    if provider is None:
        known = ", ".join(sorted(resources.providers))
        raise InvalidInputError(f"Unknown provider {spec.provider!r}; there are: {known}")

    settings, surroundings = resources.settings, resources.surroundings
    parent = resources.registry.agents.get(spec.parent) if spec.parent else None
    agent_id = agent_id or resources.registry.agents.new_id(spec.agent_type)
    files = files or default_files(settings.workspace, agent_id)
    durable = settings.durable if spec.durable is None else spec.durable
    config = surroundings.mcp_config
    invocation = provider.invocation(spec, files.mcp_config if config and durable else config)
    cwd = (settings.project / (spec.cwd or "")).absolute()
    now = datetime.now(UTC)
    title = spec.prompt if spec.title is None else spec.title
    preview = title[:PREVIEW_CHARS]
    record = AgentRecord(
        id=agent_id,
        owner=owner,
        agent_type=spec.agent_type,
        provider=provider.name,
        argv=invocation.argv,
        cwd=cwd,
        parent=spec.parent,
        task_id=spec.task_id,
        depth=parent.depth + 1 if parent else 1,
        prompt_preview=preview + "..." if len(title) > PREVIEW_CHARS else preview,
        cookie=new_cookie(),
        files=files,
        stop=spec.stop or provider.stop,
        created_at=now,
        state=Starting(since=now),
        limits=_limits(spec, parent, resources),
        durable=durable,
        orphan_limit=settings.orphan_limit if spec.orphan_limit is None else spec.orphan_limit,
    )
    env = make_environment(
        record, spec, invocation, surroundings=surroundings, workspace=settings.workspace
    )
    check_cwd(cwd)
    program = find_program(invocation, env, cwd)
    return record, make_order(record, program, env, resources.log)


def _limits(spec: AgentSpec, parent: AgentRecord | None, resources: Resources) -> Limits:
    """Return what an agent may use: never more than its parent, nor than its orchestrator lets."""
    limits = resources.limits.narrowed(spec.limits)
    return limits.narrowed(parent.limits) if parent else limits
