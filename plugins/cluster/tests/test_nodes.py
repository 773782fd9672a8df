"""Failures are blamed on the recording, or on the node that had it."""

from __future__ import annotations

import random

import pytest
from hushd_cluster.nodes import Nodes
from hushd_protocol.errors import CODES, HushdError
from support.seeds import seeds

ALIVE = {"a", "b", "c"}
FAILED = HushdError("worker_failed", "The worker failed.")
POISON = HushdError("poison_request", "It killed its worker twice.")
BROKEN = HushdError("input_unreadable", "It is cut off.")


@pytest.mark.parametrize("code", [code.name for code in CODES.values() if code.scope == "machine"])
def test_a_node_that_lacks_something_is_left_out_at_once(code: str) -> None:
    """Its recording goes to others; when every node lacks it, nothing can be transcribed, and the run ends so."""
    nodes, error = Nodes(3), HushdError(code, "It lacks something.")
    assert not nodes.failed("a", "1.wav", error, ALIVE)
    assert nodes.left_out == {"a": error}
    assert nodes.attempts("1.wav") == 0
    assert not nodes.failed("b", "1.wav", error, ALIVE)
    with pytest.raises(HushdError) as ended:
        nodes.failed("c", "1.wav", error, ALIVE)
    assert ended.value is error


def test_what_a_recording_alone_names_is_no_fault_of_its_nodes() -> None:
    """A place without its library here, or its credentials: another node is asked, and then it is given up."""
    for code in ("engine_missing", "unauthorised"):
        nodes, error = Nodes(3), HushdError(code, "It lacks something.")
        assert not nodes.failed("a", "1.wav", error, ALIVE, is_its_own=True)
        nodes.succeeded("a", "2.wav", ALIVE)
        assert nodes.failed("b", "1.wav", error, ALIVE, is_its_own=True)
        assert nodes.left_out == {}


@pytest.mark.parametrize(("error", "tries"), [(FAILED, 3), (POISON, 2), (BROKEN, 2)])
def test_a_recording_is_given_up_for_what_two_nodes_say(error: HushdError, tries: int) -> None:
    """A passing failure is tried three times; a recording that kills workers or cannot be read, at one more node."""
    nodes = Nodes(3)
    nodes.succeeded("b", "0.wav", ALIVE)
    outcomes = [nodes.failed(node, "1.wav", error, ALIVE) for node in ("a", "b", "c")[:tries]]
    assert outcomes == [False] * (tries - 1) + [True]
    assert nodes.left_out == {}


def test_a_node_that_fails_where_others_do_not_is_left_out() -> None:
    """Two recordings that another node has transcribed show it; what it said of them counts no more."""
    nodes = Nodes(3)
    for name in ("1.wav", "2.wav", "3.wav"):
        assert not nodes.failed("a", name, FAILED, ALIVE)
        assert nodes.avoided(name, ALIVE) == ["a"]
    nodes.succeeded("b", "1.wav", ALIVE)
    assert nodes.left_out == {}
    nodes.succeeded("b", "2.wav", ALIVE)
    assert nodes.left_out == {"a": FAILED}
    assert nodes.attempts("3.wav") == 0
    assert nodes.avoided("4.wav", ALIVE) == ["a"]
    assert not nodes.failed("a", "5.wav", POISON, ALIVE), "what was on its way there counts for nothing"


@seeds(200)
def test_good_recordings_survive_sick_nodes(seed: int) -> None:
    """Every good recording is transcribed, every poison one given up, and no healthy node is left out.

    60 recordings, 2 to 8 nodes.
    """
    chance = random.Random(seed)
    alive = {f"n{number}" for number in range(chance.randint(2, 8))}
    sick = {node: chance.choice((FAILED, POISON, BROKEN, HushdError("output_failed", "Its disk is full.")))
            for node in sorted(alive)[: chance.randint(0, len(alive) - 2)]}  # fmt: skip
    names = [f"{number}.wav" for number in range(60)]
    poison = set(chance.sample(names, chance.randint(0, 8)))
    nodes, waiting, done, given_up, tries = Nodes(3), list(names), set(), set(), 0
    while waiting:
        tries += 1
        name = waiting.pop(0)
        open_to = sorted(alive - set(nodes.avoided(name, alive)))
        # Those that fail are free at once, and take most of what is handed out.
        node = chance.choice([each for each in open_to for _ in range(9 if each in sick else 1)])
        if node in sick or name in poison:
            error = sick.get(node, POISON)
            given_up.add(name) if nodes.failed(node, name, error, alive) else waiting.append(name)
        else:
            nodes.succeeded(node, name, alive)
            done.add(name)
        assert tries < 40 * len(names)
    assert not nodes.left_out.keys() - sick.keys()
    assert done | given_up == set(names)
    assert given_up == poison
