"""The client's side of the floor: turns from scripted supervisors, and a player that gives way without a click."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import hushd.audio.devices
import hushd.audio.playback_buffer
import pytest
from hushd import Client, Floor
from hushd.audio.playback import Player
from hushd.transport.connection import Connection
from hushd.verbs import base
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Claim, Control, Error, Message, Result, Turn, Yield
from hushd_protocol.system import paths
from support.peer import BOUND_S, wait_until
from support.refusals import hushd_error
from support.scripted_router import ScriptedRouter, Start

from .audio.test_devices import FakeSoundDevice

RATE = 16000


class Usher:
    """A script that answers claims with `states` and yields with results; `tell` speaks to the last claim."""

    def __init__(self, *states: str) -> None:
        self.states = states
        self.route = b""
        self.claims: list[Claim] = []

    def __call__(self, router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Claim):
            self.route = route
            self.claims.append(message)
            router.send(route, *(self.turn(state) for state in self.states))
        elif isinstance(message, Yield) and not message.keep:
            router.send(route, Result(id=message.id))
        elif isinstance(message, Yield):
            router.send(route, self.turn("granted"))
        elif isinstance(message, Control):
            router.send(route, *self.told, Result(id=message.id))

    told: tuple[Message, ...] = ()

    def turn(self, state: str) -> Turn:
        return Turn(id=self.claims[-1].id, state=state, number=len(self.claims))

    def tell(self, client: Client, *messages: Message) -> None:
        """Has the router say something, and returns when the client has heard it."""
        self.told = messages
        client.status()


# --- turns ------------------------------------------------------------------------------------------------------------


def test_the_floor_is_asked_for_and_given_back(start_router: Start) -> None:
    """Entering waits for `granted`, leaving yields; the same floor may be taken again, as another turn."""
    usher = Usher("granted")
    router = start_router(usher)
    with Client() as client:
        floor = client.floor("speaker", "microphone", priority="message")
        for number in (1, 2):
            with floor:
                assert floor.held
                assert floor.number == number
            assert not floor.held
            router.wait_for(Yield, number)
    first, second = usher.claims
    assert (first.devices, first.priority) == (["speaker", "microphone"], "message")
    assert first.id != second.id
    assert [(message.id, message.keep) for message in router.of(Yield)] == [(first.id, False), (second.id, False)]


def test_who_waits_is_told_so_once(start_router: Start) -> None:
    """`on_wait` gets the state, before the floor is ours."""
    usher = Usher("waiting")
    start_router(usher)
    told: list[str] = []
    with Client() as client:

        def wait(state: str) -> None:
            told.append(state)
            usher.tell(client, usher.turn("paused"), usher.turn("granted"))

        with client.floor("speaker", on_wait=wait) as floor:
            assert floor.held
    assert told == ["waiting"]


def test_what_is_taken_away_is_told_at_once(start_router: Start) -> None:
    """`on_loss` is called, `held` is False, and `keep` yields and waits until it is ours again."""
    usher = Usher("granted")
    router = start_router(usher)
    with Client() as client, client.floor("speaker") as floor:
        lost = threading.Event()
        floor.on_loss = lost.set
        usher.tell(client, usher.turn("paused"))
        assert lost.is_set()
        assert not floor.held
        floor.keep()
        assert floor.held
        floor.keep()
        assert [message.keep for message in router.of(Yield)] == [True]


@pytest.mark.parametrize("state", ["granted", "waiting"])
def test_a_wish_that_is_stopped(start_router: Start, state: str) -> None:
    """Whoever waits or plays is told `cancelled`, whatever the supervisor says later; the block's end yields, once."""
    usher = Usher(state)
    router = start_router(usher)
    with Client() as client:
        floor = client.floor("speaker")
        lost = threading.Event()
        floor.on_loss = lost.set
        entered = threading.Event()

        def stop() -> None:
            router.wait_for(Claim)
            if state == "granted":
                entered.wait()
            floor.stop()

        stopper = threading.Thread(target=stop)
        stopper.start()

        def play() -> None:
            with floor:
                entered.set()
                assert lost.wait(60)
                assert router.of(Yield) == [], "still fading"
                usher.tell(client, usher.turn("granted"))
                assert not floor.held
                floor.keep()

        with hushd_error("cancelled", "It was stopped"):
            play()
        stopper.join()
        router.wait_for(Yield)
        with pytest.raises(HushdError, match="It was stopped"), floor:
            pass
        assert [message.keep for message in router.of(Yield)] == [False]
        assert len(usher.claims) == 1


def test_an_interrupted_wait_gives_the_claim_back(start_router: Start) -> None:
    """Ctrl-C while waiting leaves no claim in the queue."""

    def interrupt(state: str) -> None:
        raise KeyboardInterrupt

    router = start_router(Usher("waiting"))
    with Client() as client:
        with pytest.raises(KeyboardInterrupt), client.floor("speaker", on_wait=interrupt):
            pass
        router.wait_for(Yield)


def test_what_is_given_back_is_given_back_when_that_is_interrupted(
    start_router: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C at that moment leaves no claim behind, for which other programs would wait."""
    router = start_router(Usher("granted"))
    post = Connection.post

    def interrupt(connection: Connection, message: Message) -> None:
        monkeypatch.setattr(Connection, "post", post)
        raise KeyboardInterrupt

    with Client() as client:
        floor = client.floor("speaker")
        with pytest.raises(KeyboardInterrupt), floor:
            monkeypatch.setattr(Connection, "post", interrupt)
        assert not floor.held
        router.wait_for(Yield)


def leave(usher: Usher, client: Client) -> None:
    """Has the supervisor leave as a real one does: by then nobody reaches it any more."""
    paths.find().client_socket.unlink()
    usher.tell(client, Error(id=usher.claims[-1].id, code="shutting_down", message="Leaving."))


def test_what_is_held_is_asked_for_again_over_a_restart(start_router: Start) -> None:
    """A supervisor that leaves takes the devices away; who keeps them has them from the next one."""
    first = start_router(usher := Usher("granted"))
    with Client() as client, client.floor("speaker") as floor:
        lost = threading.Event()
        floor.on_loss = lost.set
        claim = usher.claims[-1].id
        leave(usher, client)
        assert lost.is_set()
        assert not floor.held
        first.die()
        second = start_router(usher)
        floor.keep()
        assert floor.held
        assert usher.claims[-1].id != claim
    second.wait_for(Yield)
    assert [message.id for message in second.of(Yield)] == [usher.claims[-1].id]


def test_a_supervisor_that_dies_takes_the_devices_away(start_router: Start) -> None:
    """Its end is as good as its word: a player falls silent, and has the devices again from the next one."""
    first = start_router(usher := Usher("granted"))
    with Client() as client, client.floor("speaker") as floor:
        lost = threading.Event()
        floor.on_loss = lost.set
        paths.find().client_socket.unlink()
        first.die()
        assert lost.wait(BOUND_S)
        assert not floor.held
        start_router(usher)
        floor.keep()
        assert floor.held


@pytest.mark.usefixtures("runtime")
def test_a_priority_that_does_not_exist() -> None:
    """It is refused here, without a supervisor."""
    with pytest.raises(HushdError, match="no priority 'urgent'"):
        Client().floor("speaker", priority="urgent")


def loud(count: int) -> bytes:
    return array("h", [20000]).tobytes() * count


# --- the player -------------------------------------------------------------------------------------------------------


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice()
    monkeypatch.setattr(hushd.audio.devices, "load", lambda: fake)
    return fake


def test_a_paused_player_closes_the_device_and_goes_on(start_router: Start, device: FakeSoundDevice) -> None:
    """Taken away in the middle, given again: nothing is lost, and in between the device is closed."""
    usher = Usher("granted")
    router = start_router(usher)
    with Client() as client:
        floor = client.floor("speaker")

        def chunks() -> Iterator[bytes]:
            yield loud(1600)
            wait_until(lambda: device.opened and device.opened[0].heard, "a sound")
            usher.tell(client, usher.turn("waiting"))
            yield loud(1600)

        Player(floor=floor).play(chunks(), RATE)
        assert [message.keep for message in router.wait_for(Yield, 2)] == [True, False]
    first, second = device.opened
    assert 3198 <= first.heard + second.heard <= 3200  # the last sample of a fade is silence
    assert second.closed


def test_a_stopped_player_ends_with_the_reason(start_router: Start, device: FakeSoundDevice) -> None:
    """The error of the turn is the error of `play`, the device is closed, the source is read no further."""
    usher = Usher("granted")
    router = start_router(usher)
    with Client() as client:

        def chunks() -> Iterator[bytes]:
            yield loud(1600)
            wait_until(lambda: device.opened and device.opened[0].heard, "a sound")
            usher.tell(client, Error(id=usher.claims[-1].id, code="cancelled", message="It was stopped."))
            while True:
                yield loud(16000)

        with pytest.raises(HushdError, match="It was stopped"):
            Player(floor=client.floor("speaker")).play(chunks(), RATE)
        assert router.wait_for(Yield)
    assert device.opened[0].closed
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "hushd-feed"], "the thread's end")


def test_the_floor_is_left_while_nothing_is_to_be_heard(
    start_router: Start, device: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text that is still being written (`agent | say`) holds the loudspeaker only while it speaks."""
    monkeypatch.setattr(hushd.audio.playback_buffer, "DRY_S", 0.2)
    usher = Usher("granted")
    router = start_router(usher)

    def chunks() -> Iterator[bytes]:
        yield loud(1600)
        router.wait_for(Yield)
        yield loud(1600)

    with Client() as client:
        Player(floor=client.floor("speaker")).play(chunks(), RATE)
    assert len(usher.claims) == 2
    assert [stream.heard for stream in device.opened] == [1600, 1600]


@pytest.mark.parametrize("devices", [None, "their module"])
def test_a_floor_is_of_the_machine_that_lends_its_devices(devices: str | None) -> None:
    """The lender is the link to a machine with devices to lend; a link without such has none."""
    link: Any = SimpleNamespace(devices=devices)
    assert Floor(link, ["speaker"], "text").lender is (link if devices else None)


@pytest.mark.parametrize("plugin", [True, False])
def test_other_programs_are_made_quieter_by_a_plugin(
    plugin: bool, start_router: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the turn to its end; without a plugin that can, they stay as they are."""
    quieter: list[bool] = []
    found = {"ducking": "somewhere:ducking"} if plugin else {}
    monkeypatch.setattr(base, "entry_points", {"hushd.client": found}.__getitem__)
    monkeypatch.setattr(base, "loaded", {"somewhere:ducking": lambda: quieter.append}.__getitem__)
    start_router(Usher("granted"))
    with Client() as client, client.floor("speaker", duck=True):
        wait_until(lambda: quieter == [True] * plugin, "the turn's beginning")
    assert quieter == [True, False] * plugin
