"""A client that asks for the engines thousands of times is refused beyond a number, and another is not."""

from __future__ import annotations

import random

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Error, Result
from hushd_schema.description import RoleDescription
from hushd_supervisor.core.actions import Describe, ToClient
from hushd_supervisor.core.directory import MAX_DESCRIBES, Directory

NONE = RoleDescription.from_data({})


def test_very_many_describes_of_one_client_are_refused_and_another_clients_is_not() -> None:
    """Only so many of a connection wait at a time; once they are answered it may ask again."""
    directory = Directory()
    for number in range(MAX_DESCRIBES):
        directory.describe(b"greedy", Control(id=number.to_bytes(16, "big"), action="describe", names=["stt"]))
    control = Control(id=bytes(16), action="describe", names=["stt"])
    with pytest.raises(HushdError, match="wait already") as caught:
        directory.describe(b"greedy", control)
    assert caught.value.code == "overloaded"
    directory.describe(b"good", control)
    out = directory.described("stt", NONE, "")
    assert len(out) == MAX_DESCRIBES + 1
    directory.describe(b"greedy", control)


def test_each_describe_is_answered_exactly_once() -> None:
    """By any order of clients, roles and errors, with one role named twice, and whoever has left gets nothing."""
    for seed in range(300):
        chance = random.Random(seed)
        directory = Directory()
        asked: dict[bytes, bytes] = {}
        answered: list[bytes] = []
        children: list[str] = []
        for number in range(chance.randint(1, 30)):
            name, route = number.to_bytes(16, "big"), chance.choice((b"a", b"b", b"c"))
            names = chance.choices(("stt", "tts", "wake"), k=chance.randint(0, 4))
            out = directory.describe(route, Control(id=name, action="describe", names=names))
            children += [action.role for action in out if isinstance(action, Describe)]
            asked[name] = route
            if chance.random() < 0.1:
                directory.gone(b"c")
                asked = {one: other for one, other in asked.items() if other != b"c" or one in answered}
            while children and chance.random() < 0.4:
                role = children.pop(chance.randrange(len(children)))
                children = [other for other in children if other != role]  # one child answers all who ask
                out = directory.described(role, NONE, chance.choice(("", "", "it broke")))
                answered += [action.message.id for action in out if isinstance(action, ToClient)]
        for role in ("stt", "tts", "wake"):
            out = directory.described(role, NONE, "")
            answered += [action.message.id for action in out if isinstance(action, ToClient)]
        assert sorted(answered) == sorted(asked), seed


def test_all_roles_come_in_one_answer() -> None:
    """A catalogue that is listed anew for somebody else in between is no reason to wait for ever."""
    directory = Directory()
    directory.describe(b"both", Control(id=bytes(16), action="describe", names=[]))
    directory.described("stt", RoleDescription.from_data({"role": "x"}), "")
    directory.describe(b"other", Control(id=b"1" * 16, action="describe", names=["stt"]))
    directory.described("wake", RoleDescription.from_data({"role": "z"}), "")
    out = directory.described("tts", RoleDescription.from_data({"role": "y"}), "")
    (answer,) = [action.message for action in out if isinstance(action, ToClient)]
    assert isinstance(answer, Result)
    assert {role: described["role"] for role, described in answer.data.items()} == {
        "stt": "x", "tts": "y", "wake": "z",
    }  # fmt: skip


def test_who_waits_for_a_catalogue_is_answered_before_the_supervisor_leaves() -> None:
    """Its child is not waited for, and who asks after that is refused at once."""
    directory = Directory()
    directory.describe(b"a", Control(id=bytes(16), action="describe", names=["stt", "tts"]))
    (out,) = directory.shut()
    assert isinstance(out, ToClient)
    assert isinstance(out.message, Error)
    assert (out.message.id, out.message.code) == (bytes(16), "shutting_down")
    with pytest.raises(HushdError, match="shutting down"):
        directory.describe(b"a", Control(id=bytes(16), action="describe", names=[]))
    assert directory.described("stt", NONE, "") == []
