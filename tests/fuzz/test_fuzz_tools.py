"""Every tool, called with arguments that fit its schema, nearly do, or do not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from orchestrator.frontends.mcp.tools import list_tools

from .conversation import check_tool_result
from .house import INITIALIZE
from .lines import owed_for
from .profiles import fuzzed
from .values import arguments

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject

    from .house import Houses

#: Whatever tools there are.
SCHEMAS: Final = {tool.name: tool.input_schema for tool in list_tools()}


class Call(NamedTuple):
    """One call of a tool.

    Attributes:
        arguments: Its arguments as JSON text, with placeholders.
        agent: Whether an agent calls, through its socket.
    """

    arguments: str
    agent: bool


def calls_of(tool: str) -> st.SearchStrategy[list[Call]]:
    call = st.builds(Call, arguments(SCHEMAS[tool]), st.booleans())
    return st.lists(call, min_size=1, max_size=4)


@pytest.mark.parametrize("tool", SCHEMAS)
@fuzzed()
@given(data=st.data())
def test_whatever_a_tool_is_called_with_it_answers_and_all_goes_on(
    houses: Houses, tool: str, data: DataObject
) -> None:
    calls = data.draw(calls_of(tool))
    with houses.example() as house, house.agent_connection() as agent:
        agent.ask("initialize", INITIALIZE)
        for asks, conversation in ((False, house.client), (True, agent)):
            lines = [
                line_of(f"call-{number}", tool, house.fill_in(call.arguments))
                for number, call in enumerate(calls)
                if call.agent is asks
            ]
            for answer in conversation.exchange(lines, owed_for(lines)):
                if str(answer["id"]).startswith("call-"):
                    body = check_tool_result(answer)
                    event("not valid" if body is None else f"success: {body['success']}")


def line_of(request_id: str, tool: str, arguments: str) -> bytes:
    params = f'{{"name":{json.dumps(tool)},"arguments":{arguments}}}'
    line = (
        f'{{"jsonrpc":"2.0","id":{json.dumps(request_id)},"method":"tools/call","params":{params}}}'
    )
    return line.encode() + b"\n"
