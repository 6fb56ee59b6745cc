"""The recorded calls again, one after the other: the same keys and types, and fixed values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from mcp_types import CallToolResult

from tests.support.evidence import ask_until

from .shapes import AGENT_ID, MOMENT, TASK_ID, is_list, is_object, mismatches, record, shape_of

if TYPE_CHECKING:
    from .clients import Contract

CASES: Final[list[dict[str, Any]]] = record("samples/seed.json") or []

#: Where this server answers differently on purpose: what was a bug, or cannot happen here.
BETTER: Final = {
    "create: bad client_cwd": "a business error",
    "deploy: exits at once code 0": "it is registered",
    "progress: unknown agent": "it is refused",
    "deploy: tmux missing": "there is no tmux",
    "limits: over max_concurrent": "in tests of their own",
    "limits: over max_agents": "in tests of their own",
}
REPLAYED: Final = [case["case"] for case in CASES if case["case"] not in BETTER]

#: Directives for agents that the record names; the others just live.
DIRECTIVES: Final = {"investigator": "sleep=100 lines=8 kids=1", "bigout": "sleep=100 lines=33"}

#: What depends on the run: times, sizes, the words of the server, the logs of other agents.
FREE: Final = frozenset(
    {
        "agents",
        "agent_counts",
        "collection_time",
        "completion_validation",
        "confidence",
        "created_at",
        "deployment_method",
        "hierarchy",
        "last_check",
        "metadata",
        "newest_message",
        "oldest_message",
        "output",
        "progress_frequency",
        "session_status",
        "summary",
        "timeline",
        "timestamp",
        "total_agents_spawned",
        "total_findings",
        "total_progress_entries",
        "total_tasks",
        "active_agents",
        "active_tasks",
        "recent_findings",
        "recent_updates",
        "validation_warnings",
        "workspace",
    }
)


class Replayed(NamedTuple):
    """A recorded answer, and ours in the same words."""

    recorded: Any
    ours: Any


class Replay:
    """Makes the recorded calls, with our ids in the place of the recorded ones."""

    def __init__(self, server: Contract) -> None:
        self.server = server
        self.ours: dict[str, str] = {}
        project = server.world.folder / "replayed"
        project.mkdir(exist_ok=True)
        self.ours["<CLIENT_CWD>"] = str(project)

    async def play(self, case: dict[str, Any]) -> Replayed:
        if "resource" in case:
            return Replayed(case["body"], await self.server.read(self._translate(case["resource"])))

        arguments = json.loads(self._translate(json.dumps(case["arguments"])))
        task_id, agent_id = case["arguments"].get("task_id"), case["arguments"].get("agent_id")
        if (
            agent_id
            and AGENT_ID.fullmatch(agent_id)
            and not (agent_id.startswith("ghost") or task_id == "TASK-nope")
        ):
            arguments["agent_id"] = await self._agent(task_id, agent_id)

        for name in ("prompt", "child_prompt"):
            if name in arguments:
                kind = arguments.get("agent_type", "")
                arguments[name] = f"[[fake {DIRECTIVES.get(kind, 'sleep=100')}]]"

        result = await self.server.session.call_tool(case["tool"], arguments)
        assert isinstance(result, CallToolResult)
        assert result.is_error is case["isError"]
        assert (result.structured_content is not None) is case["has_structuredContent"]
        if result.is_error:
            return Replayed(None, None)

        self._learn(case["result"], result.structured_content or {})
        return Replayed(case["result"], result.structured_content)

    async def _agent(self, task_id: str, recorded: str) -> str:
        """Our agent for a recorded one; one that the record does not deploy is deployed now."""
        if recorded not in self.ours:
            kind = recorded.rsplit("-", 2)[0]
            directive = DIRECTIVES.get(kind, "sleep=100")
            agent_id = await self.server.deploy(self.ours[task_id], directive, agent_type=kind)
            self.ours[recorded] = agent_id

        agent_id = self.ours[recorded]
        task = self.ours[task_id]

        async def printed() -> bool:
            said = await self.server.call("get_agent_output", task_id=task, agent_id=agent_id)
            return bool(said["output"])

        await ask_until(printed, f"output of {agent_id}")
        return agent_id

    def _learn(self, recorded: dict[str, Any], ours: dict[str, Any]) -> None:
        for name in ("task_id", "agent_id"):
            if name in recorded and ours.get("success"):
                self.ours.setdefault(recorded[name], str(ours[name]))

    def _translate(self, text: str) -> str:
        for recorded, ours in self.ours.items():
            text = text.replace(recorded, ours)

        return text

    def as_recorded(self, value: Any) -> Any:
        """Put the recorded ids back into an answer of ours."""
        text = json.dumps(value)
        for recorded, ours in self.ours.items():
            text = text.replace(ours, recorded)

        return json.loads(text)


@pytest.fixture(scope="module")
async def replayed(server: Contract) -> dict[str, Replayed]:
    """Every recorded case, played."""
    replay = Replay(server)
    done: dict[str, Replayed] = {}
    for case in CASES:
        if case["case"] not in BETTER:
            recorded, ours = await replay.play(case)
            done[case["case"]] = Replayed(recorded, replay.as_recorded(ours))

    return done


@pytest.mark.parametrize("case", REPLAYED)
async def test_the_answer_has_the_recorded_keys_and_types(
    replayed: dict[str, Replayed], case: str
) -> None:
    recorded, ours = replayed[case]
    if recorded is not None:
        assert mismatches(ours, shape_of(without_optional(recorded))) == []


@pytest.mark.parametrize("case", REPLAYED)
async def test_what_does_not_depend_on_the_run_is_as_recorded(
    replayed: dict[str, Replayed], case: str
) -> None:
    recorded, ours = replayed[case]
    assert fixed(ours, recorded) == fixed(recorded, recorded)


def without_optional(recorded: Any) -> Any:
    """Leave out what the recorded agents' history brought with it."""
    match recorded:
        case {"agents": {"agents_list": [first, *_]} as agents}:
            plain = {key: value for key, value in first.items() if not optional(key)}
            return {
                **recorded,
                "agents": {**agents, "agents_list": [plain]},
                "hierarchy": {},
            }
        case {"tasks": dict(), "agents": dict()}:
            return {**recorded, "tasks": {}, "agents": {}}
        case {"timeline": [first, *_]}:
            common = {key: first[key] for key in ("timestamp", "agent_id", "entry_type")}
            return {**recorded, "timeline": [common]}
        case {"output": output, "metadata": {"response_format": name}}:
            metadata = {"response_format": name}
            return {**recorded, "metadata": metadata, "output": as_own_words(output)}
        case {"output": output}:
            return {**recorded, "output": as_own_words(output)}
        case _:
            return recorded


def as_own_words(output: Any) -> Any:
    """Leave of what an agent printed only that it is a text, or a list of objects."""
    return [{}] if is_list(output) else output


def optional(key: str) -> bool:
    """Whether only some rows of agents have it."""
    return key in {"completed_at", "terminated_at", "termination_reason", "completion_validation"}


def fixed(value: Any, recorded: Any) -> Any:
    """Leave what has to be equal: the recorded keys, without what depends on the run."""
    if is_object(recorded) and is_object(value):
        return {
            key: fixed(value.get(key), inner)
            for key, inner in recorded.items()
            if key not in FREE and key != "tasks"
        }

    if is_list(recorded) and is_list(value):
        pairs = zip(value, recorded, strict=False)
        return [len(value), *(fixed(one, other) for one, other in pairs)]

    if isinstance(recorded, str) and MOMENT.fullmatch(recorded):
        return bool(MOMENT.fullmatch(str(value)))

    return value


def test_the_record_is_as_large_as_it_was() -> None:
    if not CASES:
        pytest.skip("the recorded contract is not beside this checkout (../shared/contract)")

    assert len(REPLAYED) > 30


async def test_ids_have_the_form_that_clients_know(server: Contract) -> None:
    created = await server.call("create_real_task", description="d")
    assert TASK_ID.fullmatch(created["task_id"])
    assert created["workspace"] == str(server.world.workspace / created["task_id"])
    answer = await server.call(
        "deploy_headless_agent", task_id=created["task_id"], agent_type="tester", prompt="p"
    )
    match = AGENT_ID.fullmatch(answer["agent_id"])
    assert match is not None
    assert match["type"] == "tester"
    assert answer["tmux_session"] == f"agent_{answer['agent_id']}"
