"""The answers to controls and of changes to models: written as the protocol says, and read whatever came."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.operations.models import ModelResult
from hushd_schema.record import Record
from hushd_schema.status import EndedWorkers, Listeners, Turns

ANSWERS: list[tuple[type[Record], dict[str, Any]]] = [
    (Turns, {"turns": [3, 4]}),
    (Turns, {"turns": []}),
    (EndedWorkers, {"unloaded": ["stt/a/x"]}),
    (EndedWorkers, {"unloaded": [], "busy": {"tts/c/z": 2}}),
    (Listeners, {"listeners": [{"kind": "http", "address": "127.0.0.1:8890", "service": False}]}),
    (ModelResult, {"model": "whisper/tiny", "size": 7, "location": "/models/whisper"}),
]
STRANGE = (None, True, -1, 2**63, 1.5, float("nan"), "", "x" * 70_000, b"\xff", [], [[]], {}, {"a": {}}, {1: 2}, "\x1b")


@pytest.mark.parametrize(("kind", "answer"), ANSWERS)
def test_an_answer_is_written_as_it_was_read(kind: type[Record], answer: dict[str, Any]) -> None:
    """Key by key in the protocol's order, and unknown keys are ignored; a default is left out."""
    read = kind.from_data(answer | {"novelty": [1]})
    assert json.dumps(read.data()) == json.dumps(answer)
    assert kind.from_data(read.data()) == read
    with pytest.raises(AttributeError):
        setattr(read, next(iter(answer)), None)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in ANSWERS}, key=lambda kind: kind.__name__))
def test_an_answer_without_a_key_is_nothing_of_its_kind(kind: type[Record]) -> None:
    """The first supervisors answered less: whatever is missing is read as None, 0 or empty, and never as an error."""
    for known, answer in ANSWERS:
        if known is kind:
            for key in answer:
                kind.from_data({other: value for other, value in answer.items() if other != key})
    assert kind.from_data({}) == kind.from_data({"novelty": 1})


def read(kind: type[Record], data: object) -> Record | HushdError:
    try:
        return kind.from_data(data)
    except HushdError as error:
        return error


@pytest.mark.parametrize(("kind", "answer"), ANSWERS)
def test_a_strange_answer_is_one_sentence(kind: type[Record], answer: dict[str, Any]) -> None:
    """Whatever stands in any place of it is read and written again as the same, or is one `protocol_error`."""
    rng = Random(7)
    for _ in range(500):
        strange = json.loads(json.dumps(answer))
        place: Any = strange
        while True:
            key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            inner = place[key]
            if not isinstance(inner, dict | list) or not inner or rng.random() < 0.4:
                break
            place = inner
        place[key] = rng.choice(STRANGE)
        outcome = read(kind, strange)
        if isinstance(outcome, HushdError):
            assert outcome.code == "protocol_error"
            assert outcome.message.isprintable()
            assert len(outcome.message) < 400
        else:
            assert kind.from_data(outcome.data()) == outcome
