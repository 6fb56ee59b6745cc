"""What cannot be answered is refused, with the words of the original server."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from orchestrator.errors import InvalidInputError
from orchestrator.tasks.output import OutputQuery, check


@pytest.mark.parametrize("form", ["text", "jsonl", "parsed"])
@pytest.mark.parametrize("response", ["full", "summary", "compact"])
def test_every_documented_form_is_accepted(form: str, response: str) -> None:
    check(OutputQuery(format=form, response_format=response, filter=r"^\{.*(error|done)+"))


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        check(OutputQuery(format="xml"))

    assert str(caught.value) == "Invalid format 'xml'. Must be 'text', 'jsonl', or 'parsed'"
    assert caught.value.details == {}


@pytest.mark.parametrize("value", ["recent", "tiny"])
def test_an_unknown_response_format_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check(OutputQuery(response_format=value))

    expected = f"Invalid response_format '{value}'. Must be 'full', 'summary', or 'compact'"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("[", "unterminated character set at position 0"),
        ("a{99999999999}", "the repetition number is too large"),
        ("(" * 2000 + ")" * 2000, "maximum recursion depth exceeded"),
        ("a" * 5000, "it has 5000 characters; at most 4096 are taken"),
    ],
)
def test_a_filter_that_is_no_regular_expression_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check(OutputQuery(filter=pattern))

    assert str(caught.value).startswith(f"Invalid regex pattern: {problem}")
    assert caught.value.details == {"error_type": "invalid_regex"}


def test_a_query_has_the_defaults_of_the_tool() -> None:
    assert OutputQuery().model_dump() == {
        "tail": None,
        "filter": None,
        "format": "text",
        "include_metadata": False,
        "max_bytes": None,
        "aggressive_truncate": False,
        "response_format": "full",
    }


def test_a_query_with_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError):
        OutputQuery.model_validate({"recent_lines": 2})
