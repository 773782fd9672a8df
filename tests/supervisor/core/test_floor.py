"""The floor alone: grants, waits and interruptions; by tables, and by seeded hostility."""

from __future__ import annotations

import itertools
import math
import os
import random
import subprocess
import sys

import pytest
from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PRIORITIES
from hushd_supervisor.core.actions import Action, KeepPause, ToClient
from hushd_supervisor.core.claim import DEVICES
from hushd_supervisor.core.floor import FADE_OUT_TIMEOUT_S, MAX_CLAIMS, MAX_PASSED_S, Floor
from support.house import sent

SPEAKER = ["speaker"]
MICROPHONE = ["microphone"]
BOTH = ["speaker", "microphone"]
LETTERS = "ABCDEFGHIJKL"


class Room:
    """A floor with its clock and its clients; `last` is the last word that each claim got.

    A claim is named by its client's letter and a number: `A1`. Its last word is a state, `result`, or a code.
    """

    def __init__(self, paused: bool = False) -> None:
        self.floor = Floor(paused)
        self.saved: list[bool] = []  # pauses
        self.now = 100.0
        self.last: dict[str, str] = {}
        self.turns: dict[str, m.Turn] = {}

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, KeepPause):
                self.saved.append(action.paused)
            if not isinstance(action, ToClient):
                continue
            name = action.message.id.decode().strip()  # type: ignore[attr-defined]
            assert name[0] == action.route.decode()
            assert self.last.get(name, "waiting") in ("waiting", "granted", "paused"), f"{action} after the last word"
            if isinstance(action.message, m.Turn):
                self.last[name] = action.message.state
                self.turns[name] = action.message
            else:
                self.last[name] = getattr(action.message, "code", "result")

    def ask(self, name: str, devices: list[str] = SPEAKER, priority: str = "text") -> str:
        """Makes a claim; returns the first word about it, or "" if there is none."""
        claim, route = m.Claim(id=name.ljust(16).encode(), devices=devices, priority=priority), name[0].encode()
        is_first = not any(each.route == route for each in self.floor.claims)
        self.take(self.floor.claim(route, sent(claim), f"client {name[0]}", ord(name[0]), self.now))
        if is_first and self.floor.has(route, claim.id):
            assert self.floor.watches(route), "a silence is remembered without a claim"
        return self.last.get(name, "")

    def give_back(self, name: str, keep: bool = False) -> None:
        self.take(self.floor.give_back(name[0].encode(), name.ljust(16).encode(), keep, self.now))

    def cancel(self, name: str) -> None:
        self.take(self.floor.cancel(name[0].encode(), name.ljust(16).encode(), self.now))

    def heard(self, client: str) -> None:
        self.take(self.floor.alive(client.encode(), self.now))

    def silent(self, client: str) -> None:
        self.take(self.floor.silenced(client.encode(), self.now))

    def gone(self, client: str) -> None:
        self.take(self.floor.gone(client.encode(), self.now))

    def control(self, action: str, *names: str, by: str = "Z") -> list[int]:
        def named(name: str) -> set[bytes]:
            known = {claim.route for claim in self.floor.claims}
            return {route for route in known if name == f"client {route.decode()}"}

        control = m.Control(id=bytes(16), action=action, names=list(names))
        *actions, answer = self.floor.control(sent(control), by.encode(), named, self.now)
        self.take(actions)
        assert isinstance(answer, ToClient)
        assert answer.route == by.encode()
        assert isinstance(answer.message, m.Result)
        return answer.message.data["turns"]

    def wait(self, seconds: float, alive: str = LETTERS) -> None:
        """Time passes; the clients in `alive` show signs of life every 2 s, and no other does."""
        for client in set(LETTERS) - set(alive):
            self.silent(client)
        end = self.now + seconds
        while self.now < end:
            step = min(end, self.now + 2, self.floor.deadline())
            self.now = max(step, self.now)
            for client in alive:
                self.heard(client)
            if self.floor.deadline() <= self.now:
                self.take(self.floor.on_time(self.now))
                assert self.floor.deadline() > self.now, "the floor spins"

    def holder(self, device: str = "speaker") -> str:
        status = self.floor.status(self.now)
        turn = status.speaker if device == "speaker" else status.microphone
        return turn.client[-1] if turn else ""


@pytest.fixture
def room() -> Room:
    return Room()


def test_the_status_says_who_has_which_device_and_how_many_wait() -> None:
    """A program that listens in the background, for a word, has no device and is named beside those that have one."""
    room = Room()
    assert room.floor.status(room.now).waiting == 0
    for name, devices in (("A1", SPEAKER), ("B1", MICROPHONE), ("C1", BOTH), ("D1", SPEAKER), ("E1", ["wake"])):
        room.ask(name, devices)
    status = room.floor.status(room.now + 5)
    assert status.speaker
    assert (status.speaker.client, status.speaker.for_s) == ("client A", 5.0)
    assert status.microphone
    assert status.microphone.client == "client B"
    assert [each.client for each in status.wake] == ["client E"]
    assert status.waiting == 2
    assert not status.paused


# --- turns ------------------------------------------------------------------------------------------------------------


def test_priority_first_then_the_order_of_asking(room: Room) -> None:
    """The most urgent of those who wait is next, and among equals the one who asked first."""
    room.ask("A1", priority="important")
    wishes = [
        ("B1", "progress"), ("C1", "text"), ("D1", "message"), ("E1", "text"), ("F1", "important"), ("G1", "text"),
    ]  # fmt: skip
    for name, priority in wishes:
        assert room.ask(name, priority=priority) == "waiting"
    order, holder = [], "A1"
    for _ in wishes:
        room.give_back(holder)
        (holder,) = [name for name, word in room.last.items() if word == "granted"]
        order.append(holder)
    assert order == ["F1", "D1", "C1", "E1", "G1", "B1"]


def test_who_wants_both_is_not_passed_for_ever(room: Room) -> None:
    """Nobody takes one of its two devices before it after 10 s, unless more urgent."""
    room.ask("A1", MICROPHONE)
    room.ask("B1", BOTH)
    assert room.ask("C1", SPEAKER) == "granted"
    room.give_back("C1")
    room.wait(MAX_PASSED_S)
    assert room.ask("D1", SPEAKER) == "waiting"
    assert room.ask("E1", SPEAKER, "message") == "granted"
    room.give_back("E1")
    room.give_back("A1")
    assert (room.last["B1"], room.last["D1"]) == ("granted", "waiting")


@pytest.mark.parametrize(("devices", "priority", "said"), [
    ([], "text", "The floor has only speaker, microphone and wake."),
    (["lamp"], "text", "The floor has only speaker, microphone and wake."),
    (["speaker", "lamp"], "text", "The floor has only speaker, microphone and wake."),
    (["speaker", "wake"], "text", "A claim of wake cannot claim another device."),
    (SPEAKER, "urgent", "There is no priority 'urgent'."),
])  # fmt: skip
def test_a_claim_that_makes_no_sense(devices: list[str], priority: str, said: str, room: Room) -> None:
    """Other devices and priorities are refused, and leave nothing behind."""
    claim = m.Claim(id=bytes(16), devices=devices, priority=priority)
    refused = ToClient(b"A", m.Error.of(claim.id, HushdError("bad_request", said)))
    assert room.floor.claim(b"A", sent(claim), "client A", 1, room.now) == [refused]
    assert not room.floor.busy


def test_a_crowd_that_wants_to_speak_is_bounded(room: Room) -> None:
    """Beyond it whoever comes is told to try again, until one has ended."""
    claim = m.Claim(id=bytes(16), devices=SPEAKER, priority="text")
    for number in range(MAX_CLAIMS):
        (answer,) = room.floor.claim(b"%d" % number, claim, "", 1, room.now)
        assert isinstance(answer, ToClient)
        assert isinstance(answer.message, m.Turn)
    said = "200 claims to speak or listen wait already; try again later."
    refused = ToClient(b"late", m.Error.of(claim.id, HushdError("overloaded", said, 1000)))
    assert room.floor.claim(b"late", claim, "", 1, room.now) == [refused]
    room.floor.gone(b"7", room.now)
    assert room.floor.claim(b"late", claim, "", 1, room.now) != [refused]


def test_at_the_end_each_claim_has_one_last_word(room: Room) -> None:
    """One that was ended just before has had it."""
    room.ask("A1")
    room.ask("B1")
    room.cancel("C1")
    room.control("stop")
    assert (room.last["A1"], room.last["B1"]) == ("cancelled", "waiting")
    room.take(room.floor.close())
    assert (room.last["A1"], room.last["B1"]) == ("cancelled", "shutting_down")
    assert not room.floor.busy


def test_a_cancelled_claim_frees_what_it_had(room: Room) -> None:
    """Cancel ends a claim that waits or has the floor, with `cancelled`; strangers' ids are ignored."""
    for name in ("A1", "B1", "C1"):
        room.ask(name)
    room.cancel("B1")
    room.cancel("A1")
    room.cancel("A1")
    room.give_back("A1")
    room.give_back("D1")
    assert room.last == {"A1": "cancelled", "B1": "cancelled", "C1": "granted"}


# --- interruption -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("holder", "arriving"), list(itertools.product(PRIORITIES, PRIORITIES)))
def test_between_clients_only_important_and_message_interrupt_lower_ones(
    holder: str, arriving: str, room: Room
) -> None:
    """An interrupted claim ends at once, and keeps the device until it yields, or for a second."""
    room.ask("A1", priority=holder)
    assert room.ask("B1", priority=arriving) == "waiting"
    interrupts = arriving in ("important", "message") and PRIORITIES.index(arriving) < PRIORITIES.index(holder)
    assert room.last["A1"] == ("cancelled" if interrupts else "granted")
    assert room.holder() == "A"
    if interrupts:
        room.wait(FADE_OUT_TIMEOUT_S - 0.01)
        assert room.last["B1"] == "waiting"
        room.wait(0.01)
        assert room.holder() == "B"
    else:
        room.wait(60)
        assert room.holder() == "A"
        room.give_back("A1")
    assert room.last["B1"] == "granted"


TWO_INTERRUPTED = """
from hushd_protocol import messages as m
from hushd_supervisor.core.floor import Floor
floor = Floor()
for route, devices in ((b"A", ["microphone"]), (b"B", ["speaker"]), (b"C", ["microphone", "speaker"])):
    claim = m.Claim(id=route * 16, devices=devices, priority="important" if route == b"C" else "text")
    actions = floor.claim(route, claim, "", 1, 100.0)
print(*(action.route.decode() for action in actions))
"""


@pytest.mark.parametrize("hash_seed", ["0", "2"])  # Python orders a set of both devices otherwise with each
def test_two_are_interrupted_in_one_order_however_python_hashes(hash_seed: str) -> None:
    """The holder of the speaker is told first, so that a history can be played again."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", TWO_INTERRUPTED]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert told.split() == ["B", "A", "C"]


# --- within one client ------------------------------------------------------------------------------------------------

# Arriving, then what becomes of the one that speaks and of the one that waits, by their priority, in PRIORITIES' order.
# "." stays, "x" is ended. Speech-dispatcher's rules.
WITHIN = {
    "important": (".xxxx", "...xx"), "message": ("..xxx", "..xxx"), "text": ("..xxx", "..xxx"),
    "notification": ("...x.", "...x."), "progress": (".....", "....x"),
}  # fmt: skip


@pytest.mark.parametrize(("arriving", "other"), list(itertools.product(PRIORITIES, PRIORITIES)))
def test_within_one_client_who_speaks(arriving: str, other: str, room: Room) -> None:
    """The table of speech-dispatcher, for the utterance being spoken."""
    room.ask("A1", priority=other)
    room.ask("A2", priority=arriving)
    assert room.last["A1"] == ("cancelled" if WITHIN[arriving][0][PRIORITIES.index(other)] == "x" else "granted")
    refused = arriving == "notification" and other != "notification"
    assert room.last["A2"] == ("cancelled" if refused else "waiting")
    if not refused:
        room.give_back("A1")
        assert room.last["A2"] == "granted"


@pytest.mark.parametrize(("arriving", "other"), list(itertools.product(PRIORITIES, PRIORITIES)))
def test_within_one_client_who_waits(arriving: str, other: str, room: Room) -> None:
    """The same for an utterance that waits, here for another client."""
    room.ask("B1", priority="important")
    room.ask("A1", priority=other)
    room.ask("A2", priority=arriving)
    assert room.last["A1"] == ("cancelled" if WITHIN[arriving][1][PRIORITIES.index(other)] == "x" else "waiting")
    refused = arriving == "notification" and other != "notification"
    assert room.last["A2"] == ("cancelled" if refused else "waiting")
    assert room.last["B1"] == "granted"


def test_the_rules_are_about_speech(room: Room) -> None:
    """Claims for the microphone alone queue, whatever their client says meanwhile."""
    room.ask("A1", MICROPHONE)
    room.ask("A2", MICROPHONE)
    room.ask("A3", SPEAKER, "important")
    assert room.last == {"A1": "granted", "A2": "waiting", "A3": "granted"}


# --- leases -----------------------------------------------------------------------------------------------------------


def test_a_stopped_holder_blocks_nobody(room: Room) -> None:
    """Its device is the next one's once it answers no more; when it lives again it waits in its old place."""
    room.ask("A1")
    room.ask("B1")
    room.ask("C1")
    assert room.floor.watches(b"A")
    room.silent("A")
    assert room.last == {"A1": "waiting", "B1": "granted", "C1": "waiting"}
    assert not room.floor.watches(b"A")  # nothing ticks for it any more
    assert room.floor.silenced(b"A", room.now) == []
    room.heard("A")
    room.give_back("A1", keep=True)
    room.give_back("B1")
    assert room.last == {"A1": "granted", "B1": "result", "C1": "waiting"}


# --- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "by", "ended"),
    [
        (["2"], "Z", {"B1"}), (["1", "3"], "Z", {"A1", "A2"}), (["client A"], "Z", {"A1", "A2"}),
        (["self"], "B", {"B1"}), (["self"], "Z", set()), (["client B", "3"], "Z", {"B1", "A2"}), (["99"], "Z", set()),
        ([], "Z", {"A1", "B1", "A2"}),
    ],
)  # fmt: skip
def test_whom_names_mean(names: list[str], by: str, ended: set[str], room: Room) -> None:
    """Numbers of turns, clients, `self`, or nothing for everybody; a turn that has ended is not an error."""
    room.ask("A1", priority="message")
    room.ask("B1", priority="message")
    room.ask("A2", priority="message")
    turns = room.control("cancel", *names, by=by)
    assert {name for name, word in room.last.items() if word == "cancelled"} == ended
    assert sorted(turns) == sorted(room.turns[name].number for name in ended)


def test_a_pause_of_all_is_for_what_comes_too(room: Room) -> None:
    """Nobody speaks until `resume`, also who asks later; listeners go on. The status says so."""
    room.ask("A1")
    room.control("pause")
    assert room.ask("B1", priority="important") == "paused"
    assert room.ask("C1", MICROPHONE) == "granted"
    assert room.floor.status(room.now).paused
    room.give_back("A1", keep=True)
    room.wait(60)
    assert (room.last["A1"], room.last["B1"]) == ("paused", "paused")
    room.control("resume")
    assert (room.last["A1"], room.last["B1"]) == ("waiting", "granted")
    assert room.ask("D1") == "waiting"
    assert not room.floor.status(room.now).paused


def test_a_pause_outlives_its_supervisor() -> None:
    """It is saved when all speech is paused, not a turn alone; the next supervisor begins with it, until `resume`."""
    first = Room()
    first.control("pause")
    first.control("pause", "self")
    first.control("resume", "self")
    next_room = Room(paused=True)
    assert next_room.ask("A1") == "paused"
    assert next_room.floor.status(next_room.now).paused
    next_room.control("resume")
    assert next_room.last["A1"] == "granted"
    assert (first.saved, next_room.saved) == ([True], [False])


# --- the end ----------------------------------------------------------------------------------------------------------


def test_a_shutdown_refuses_who_waits_and_lets_speak_who_speaks(room: Room) -> None:
    """Waiting and new claims are sent to the next supervisor; the speaker only when this one leaves."""
    room.ask("A1")
    room.ask("B1")
    room.take(room.floor.shut(room.now))
    assert room.last == {"A1": "granted", "B1": "shutting_down"}
    assert room.ask("C1") == "shutting_down"
    room.take(room.floor.close())
    assert room.last["A1"] == "shutting_down"
    assert not room.floor.busy


# --- hostility --------------------------------------------------------------------------------------------------------


class Storm(Room):
    """Random acts; `check` holds after each."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.names = itertools.count()
        self.heard_at: dict[str, float] = {}
        self.leaving: dict[str, float] = {}  # claims that must fall silent, and when

    def take(self, actions: list[Action]) -> None:
        before = dict(self.last)
        super().take(actions)
        for name, word in self.last.items():
            if before.get(name) == "granted" and word != "granted":
                self.leaving[name] = self.now

    def act(self) -> None:
        r = self.random
        open_claims = [name for name, word in self.last.items() if word in ("waiting", "granted", "paused")]
        some = r.choice(open_claims) if open_claims else "A0"
        x = r.random()
        if x < 0.40:
            client = r.choice("ABCD")
            self.heard_at[client] = self.now
            self.ask(
                f"{client}{next(self.names)}", r.choice([SPEAKER, SPEAKER, MICROPHONE, BOTH]), r.choice(PRIORITIES)
            )
        elif x < 0.62:
            self.give_back(r.choice([some, *self.leaving]), keep=r.random() < 0.3)
        elif x < 0.67:
            self.cancel(some)
        elif x < 0.70:
            self.gone(some[0])
            self.last = {name: word for name, word in self.last.items() if name[0] != some[0]}
        elif x < 0.82:
            action = r.choice(["stop", "cancel", "pause", "resume", "resume"])
            names: list[str] = r.choice([[], ["self"], [str(r.randrange(30))]])
            self.control(action, *names, by=r.choice("ABCD"))
        else:
            self.wait(r.choice([0.1, 0.5, 1, 5, 12]), alive="".join(c for c in "ABCD" if r.random() < 0.8))

    def check(self) -> None:
        claims = list(self.floor.claims)
        holders = [c for c in claims if c.holds]
        for device in DEVICES:
            assert sum(device in c.devices for c in holders) <= 1, "two holders of one device"
        free = set(DEVICES).difference(*(c.devices for c in holders))
        able = [c for c in claims if not c.holds and not c.paused and self.floor.watches(c.route)]
        for c in able:
            if c.devices <= free:  # then it is kept for one who comes before, and wants what is not yet free
                elders = [e for e in able if (e.rank, e.number) < (c.rank, c.number) and e.devices & c.devices]
                assert elders, f"{c} waits for a free device"
                assert any(
                    self.now - e.asked_at >= MAX_PASSED_S or all(h.leaves for h in holders if h.devices & e.devices)
                    for e in elders
                ), f"{c} waits for a free device that nobody has a right to"
        for c in claims:
            name = c.id.decode().strip()
            assert not (c.over and not c.holds), "a claim that is over and has nothing"
            assert not (c.leaves and not c.holds)
            assert c.until <= self.now + FADE_OUT_TIMEOUT_S or c.until == math.inf
            assert (self.last.get(name) in ("waiting", "granted", "paused")) == (not c.over)
            if not c.over:
                assert self.last[name] == c.state
            assert self.floor.watches(c.route) or not c.holds, "a silent holder"
            urgent = c in able and c.rank <= 1
            blockers = [h for h in holders if h.devices & c.devices]
            if urgent and len(c.devices) == 1:
                rivals = [
                    e for e in able if e is not c and (e.rank, e.number) < (c.rank, c.number) and e.devices & c.devices
                ]
                assert rivals or all(h.leaves or h.rank <= c.rank for h in blockers), "urgent, and nobody gives way"


@pytest.mark.parametrize("block", range(4))
def test_every_promise_holds_whatever_happens(block: int) -> None:
    """1,000 seeded storms of 60 acts: one holder a device, nobody waits in vain, order and last words are kept."""
    words: set[str] = set()
    for seed in range(block * 250, block * 250 + 250):
        storm = Storm(seed)
        try:
            for _ in range(60):
                storm.act()
                storm.check()
                words |= set(storm.last.values())
            storm.control("resume")
            storm.heard_at.clear()
            for _ in range(400):  # whoever has the floor gives it back: then everybody has had it
                for client in "ABCD":
                    storm.heard(client)
                storm.wait(FADE_OUT_TIMEOUT_S)
                for name in [name for name, word in storm.last.items() if word == "granted"]:
                    storm.give_back(name)
                storm.check()
                if not storm.floor.busy:
                    break
            assert not storm.floor.claims, "somebody never had the floor"
            assert storm.floor.deadline() == math.inf
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    assert words == {"granted", "waiting", "paused", "result", "cancelled"}


def test_many_wait_for_a_word_beside_those_who_speak_and_listen() -> None:
    """Everybody may wait at once, and is shown; it keeps nobody from speaker or microphone, nor is it kept by them."""
    room = Room()
    assert [room.ask("A1", BOTH), room.ask("B1", ["wake"]), room.ask("C1", ["wake"])] == ["granted"] * 3
    room.give_back("A1")
    assert room.ask("D1", MICROPHONE, "important") == "granted"
    status = room.floor.status(room.now)
    assert [turn.client for turn in status.wake] == ["client B", "client C"]
    assert status.microphone is not None
    assert status.microphone.client == "client D"
    assert room.last["B1"] == room.last["C1"] == "granted"


def test_a_pause_closes_the_microphone_of_those_who_wait_for_a_word() -> None:
    """They are paused with everybody or by name, later ones too, and go on; to stop speech does not concern them."""
    room = Room()
    room.ask("A1", ["wake"])
    room.ask("B1", ["wake"])
    room.control("stop")
    room.control("cancel")
    assert room.last["A1"] == room.last["B1"] == "granted"
    room.control("pause")
    assert room.last["A1"] == room.last["B1"] == "paused"
    room.give_back("A1", keep=True)
    room.give_back("B1", keep=True)
    assert room.floor.status(room.now).wake == ()
    assert room.ask("C1", ["wake"]) == "paused"
    room.control("resume")
    assert [room.last[name] for name in ("A1", "B1", "C1")] == ["granted"] * 3


def test_the_pause_of_a_client_ends_with_its_connection(room: Room) -> None:
    """Whoever comes by the same route later speaks: nothing of the one before is kept."""
    room.ask("A1")
    room.control("pause", "self", by="A")
    room.gone("A")
    assert room.ask("A2") == "granted"


def test_a_pause_leaves_a_second_to_fall_silent(room: Room) -> None:
    """The loudspeaker stays with who is paused until it is silent, and comes to the next after a second at most."""
    room.ask("A1")
    room.ask("B1")
    room.control("pause", "1")
    room.wait(FADE_OUT_TIMEOUT_S - 0.01)
    assert (room.holder(), room.last["B1"]) == ("A", "waiting")
    room.wait(0.02)
    assert (room.holder(), room.last["B1"]) == ("B", "granted")


def test_a_second_pause_gives_no_second_time(room: Room) -> None:
    """A turn that is paused again meanwhile has the loudspeaker no longer than by the first pause."""
    room.ask("A1")
    room.ask("B1")
    room.control("pause", "1")
    room.wait(FADE_OUT_TIMEOUT_S / 2)
    room.control("pause", "1")
    room.wait(FADE_OUT_TIMEOUT_S / 2)
    assert room.holder() == "B"
