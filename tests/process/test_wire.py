"""Messages survive the wire, however they are cut up; what is no message is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.process.wire import LINE_MAX, LineBuffer, encode

#: Text as it comes from environments and file names: lone surrogates included.
texts = st.text(st.characters(exclude_categories=()))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
messages = st.lists(st.dictionaries(texts, values, max_size=4), max_size=5)


@given(messages, st.data())
def test_messages_come_out_as_they_went_in_however_the_bytes_are_cut(
    sent: list[dict[str, Any]], data: st.DataObject
) -> None:
    stream = b"".join(encode(message) for message in sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6).map(sorted))
    buffer = LineBuffer()
    received: list[dict[str, Any]] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received.extend(buffer.feed(stream[start:end]))

    assert received == sent


@given(messages)
def test_a_message_is_one_line_of_ascii(sent: list[dict[str, Any]]) -> None:
    for message in sent:
        line = encode(message)
        assert line.isascii()
        assert line.index(b"\n") == len(line) - 1


@given(st.binary())
def test_bytes_that_are_no_messages_are_a_value_error_or_wait_for_more(data: bytes) -> None:
    try:
        received = LineBuffer().feed(data)
    except ValueError:
        return

    *lines, _ = data.split(b"\n")
    assert received == [json.loads(line) for line in lines]


@pytest.mark.parametrize("line", [b"[]\n", b"1\n", b"\n", b"{\n", b"{} {}\n", b"\xff\n"])
def test_a_line_that_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        LineBuffer().feed(line)


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    buffer = LineBuffer()
    assert buffer.feed(b"{" + b" " * (LINE_MAX - 1)) == []
    with pytest.raises(ValueError, match="without an end"):
        buffer.feed(b" ")
