"""Records to JSON and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from orchestrator.errors import InvalidInputError, RegistryError
from orchestrator.model.depth import is_flat

if TYPE_CHECKING:
    from orchestrator.model.base import Noun

N = TypeVar("N", bound="Noun")


def encode(noun: Noun) -> str:
    """Return its JSON.

    File names and process names may hold bytes that are no UTF-8. They become ``?``: an end that
    can't be recorded for the sake of a name would be the greater loss.

    Raises:
        InvalidInputError: It is nested more deeply than JSON is read here.
    """
    try:
        return noun.model_dump_json()
    except ValueError:
        return _encode_foreign(noun)


def _encode_foreign(noun: Noun) -> str:
    try:
        text = json.dumps(noun.model_dump(mode="json"), ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"This {type(noun).__name__} cannot be stored: {error}; make its data flatter"
        ) from error

    return text.encode("utf-8", "replace").decode()


def encode_foreign_data(noun: Noun) -> str:
    """Return the JSON of a noun that holds data of any shape, once it is sure that it can be read.

    Raises:
        InvalidInputError: It could not be read back, e.g. for its depth; one such row would hide
            all the others.
    """
    text = encode(noun)
    try:
        type(noun).model_validate_json(text)
    except ValidationError as error:
        raise InvalidInputError(
            f"This {type(noun).__name__} cannot be stored: {error.errors()[0]['msg']}; "
            "make its data flatter"
        ) from error

    if not is_flat(text):
        raise InvalidInputError(
            f"This {type(noun).__name__} cannot be stored: it is nested too deeply to be given "
            "out again; make its data flatter"
        )

    return text


def decode(kind: type[N], text: str) -> N:
    """Make the noun again.

    Raises:
        RegistryError: It is not what this version of the program writes.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise RegistryError(
            f"A {kind.__name__} in the registry cannot be read ({error.errors()[0]['msg']}); "
            "was it written by another version? Use that one, or move the registry away"
        ) from error
