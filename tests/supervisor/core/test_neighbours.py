"""Neighbours that are asked for memory: whom, in which order, and for how long; a pool without processes."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_schema.settings.neighbours import NeighbourSettings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.budget import Lack
from hushd_supervisor.core.memory.pressure import Level
from hushd_supervisor.core.neighbours.efforts import FRESH_S, LIMIT_S, LOOK_S, SHOWN_S
from hushd_supervisor.core.neighbours.holds import Hold, choose
from hushd_supervisor.core.neighbours.sleepers import TRIES
from hushd_supervisor.core.worker.progress import Used
from hushd_supervisor.core.worker.states import State
from support.house import MB, ROUTE, A, B, House

OLLAMA = NeighbourSettings("ollama", "http://127.0.0.1:11434")
SWAP = NeighbourSettings("llama-swap", "http://127.0.0.1:8080", 0.0)
VLLM = NeighbourSettings("vllm", "http://127.0.0.1:8000")
GPU = Card("cuda:0", "0000:01:00.0", "a card", 8000 * MB, 1000 * MB)
OTHER = Card("cuda:1", "0000:02:00.0", "a card", 8000 * MB, 500 * MB)


def hold(neighbour: str = "ollama", model: str = "llama3", ram: int = 400 * MB, **fields: Any) -> Hold:
    return Hold(neighbour, model, ram, **{"idle_s": 90.0, "in_use": False, **fields})


class Street(House):
    """A house with neighbours, and too little memory for a worker: 300 MB are missing."""

    def __init__(self, *holds: Hold, **options: Any) -> None:
        options.setdefault("neighbours", {"ollama": OLLAMA})
        super().__init__(**options)
        self.available = 100 * MB + 125 * MB  # of 300 and a reserve of 125
        self.total = 1000 * MB
        self.holds = holds

    def look(self, *failed: str) -> None:
        """All neighbours answer a look at once; those of `failed` have nothing to say."""
        for name in self.pool._settings.neighbours:
            if name not in failed:
                holds = tuple(hold for hold in self.holds if hold.neighbour == name)
                self.tell(ev.FromNeighbour("look", name, holds=holds))
            else:
                self.tell(ev.FromNeighbour("look", name, error="It is gone."))
        self.tell(ev.FromNeighbour("look"))

    def gives(self, name: str = "ollama", model: str = "llama3", size: int = 400 * MB, **fields: Any) -> None:
        """A neighbour says that it has ended a model, of which `size` bytes are free."""
        self.available += size
        self.tell(ev.FromNeighbour("give", name, model, **fields))

    def asked(self, question: str) -> list[tuple[str, str]]:
        return [(a.neighbour, a.model) for a in self.of(do.AskNeighbour) if a.question == question]

    def notes(self) -> list[str]:
        said = (a.message for a in self.of(do.ToClient))
        return [message.note for message in said if isinstance(message, m.Accepted) and message.note]


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_a_start_that_fits_asks_nobody() -> None:
    """No look, no child, and nothing that is due: neighbours cost nothing where memory is there."""
    street = Street()
    street.available = 900 * MB
    street.idle(A)
    assert street.of(do.AskNeighbour) == []


def test_an_idle_model_leaves_and_the_request_is_served() -> None:
    """Look, one request, then the start, once the memory is seen; the client hears for whom it waits."""
    street = Street(hold(ram=4100 * MB))
    request = street.request(A)
    assert (street.asked("look"), street.spawned()) == ([("", "")], [])
    street.look()
    assert street.asked("give") == [("ollama", "llama3")]
    assert street.notes()[-2:] == ["asking ollama for memory", "waiting for ollama to give 4.1 GB"]
    street.gives(size=0)
    street.wait(0.5)
    assert street.spawned() == []
    street.available = 800 * MB
    street.wait(0.2)
    assert street.spawned() == [A]
    street.ready(A)
    street.finish(A)
    assert street.answer(request) == m.Result(id=request, data={"given": "ollama gave 4.1 GB"})
    street.wait(60)
    assert len(street.asked("look")) == len(street.asked("give")) == 1
    assert do.Log("INFO", f"ollama gave 4.1 GB for {A}") in street.done


@pytest.mark.parametrize(
    ("fields", "idle", "goes"),
    [
        ({"idle_s": 60.0}, 60.0, True),
        ({"idle_s": 59.0}, 60.0, False),
        ({"idle_s": None}, 60.0, False),
        ({"idle_s": None, "in_use": None}, 60.0, False),
        ({"idle_s": 900.0, "in_use": None}, 60.0, False),
        ({"in_use": True}, 60.0, False),
        ({"pinned": True}, 60.0, False),
        ({"idle_s": None, "in_use": None}, 0.0, True),
        ({"idle_s": 0.0}, 0.0, True),
        ({"in_use": True}, 0.0, False),
        ({"pinned": True, "in_use": None}, 0.0, False),
        ({"ram": 150 * MB}, 60.0, False),
    ],
)
def test_what_may_be_asked_for(fields: dict[str, Any], idle: float, goes: bool) -> None:
    """Only a model idle for long enough by the neighbour's report, never one in use or pinned, nor one too small."""
    street = Street(hold(**fields), neighbours={"ollama": NeighbourSettings("ollama", "http://x", idle)})
    request = street.request(A)
    street.look()
    assert street.asked("give") == ([("ollama", "llama3")] if goes else [])
    assert street.code(request) == ("" if goes else "server_busy")


def test_as_few_and_as_quick_to_load_as_suffice() -> None:
    """One that suffices alone, the quickest to load again; else the largest together, without a superfluous one."""
    small, large, dear = hold(model="s", ram=2), hold(model="l", ram=9), hold(model="d", ram=9, reload_s=60.0)
    assert choose([small, dear, large], Lack(8), "") == [large]
    assert choose([small, dear, large], Lack(2), "") == [small]
    assert choose([small, dear, large], Lack(12), "") == [large, dear]
    assert choose([small, dear, large], Lack(11), "") == [large, small]
    assert choose([small, dear, large], Lack(20), "") == [large, dear, small]
    assert choose([small, dear, large], Lack(21), "") == []


def test_own_idle_workers_leave_first() -> None:
    """Nobody else is asked where they suffice; where they do not, they leave once the rest has been given."""
    street = Street(hold(ram=150 * MB))
    street.available = 600 * MB
    street.idle(A)
    street.available = 325 * MB  # 100 are missing, and A has 300
    street.request(B)
    assert (street.drained(), street.of(do.AskNeighbour)) == ([A], [])
    street = Street(hold(ram=150 * MB))
    street.available = 600 * MB
    street.idle(A)
    street.available = 100 * MB  # 325 are missing: A's 300, and 25 more
    street.request(B)
    street.look()
    assert (street.drained(), street.asked("give")) == ([], [("ollama", "llama3")])
    street.gives(size=150 * MB)
    assert street.drained() == [A]
    street.available += 300 * MB
    street.leave(A)
    assert street.spawned() == [A, B]


def test_what_is_over_the_share_is_no_neighbours_matter() -> None:
    """Nobody is asked: workers may not take more, and others' memory would be freed in vain."""
    street = Street(hold(), memory_share=0.5)
    street.available = 900 * MB
    street.busy(A)
    assert street.code(street.request(B)) == "server_busy"
    assert street.of(do.AskNeighbour) == []


def test_the_status_says_who_has_given_and_who_failed() -> None:
    """Each neighbour that is named has a row; a server that answers again has not failed any more."""
    street = Street(hold(ram=4100 * MB), neighbours={"ollama": OLLAMA, "swap": SWAP})
    assert [row.data() for row in street.pool.standing(street.now).neighbours] == [
        {"name": "ollama", "kind": "ollama"},
        {"name": "swap", "kind": "llama-swap"},
    ]
    street.request(A)
    street.look("swap")
    street.gives(size=600 * MB)
    street.now += 2
    assert [row.data() for row in street.pool.standing(street.now).neighbours] == [
        {"name": "ollama", "kind": "ollama", "held_mb": 0.0, "seen_s": 2.0, "gave_mb": 4100.0},
        {"name": "swap", "kind": "llama-swap", "failure": "It is gone."},
    ]


# --- what may go wrong -----------------------------------------------------------------------------------------------


def test_one_that_hangs_delays_nobody() -> None:
    """After a second the answers that have come must do; its own limit is the process's matter."""
    street = Street(hold(), neighbours={"ollama": OLLAMA, "swap": SWAP})
    street.request(A)
    street.tell(ev.FromNeighbour("look", "ollama", holds=street.holds))
    assert street.asked("give") == []
    street.wait(LOOK_S)
    assert street.asked("give") == [("ollama", "llama3")]


@pytest.mark.parametrize("what", ["nothing comes", "nobody gives", "it lies"])
def test_no_request_waits_longer_than_its_bound(what: str) -> None:
    """Ten seconds in all, whatever neighbours do; then the request is refused as without them, and named in the log."""
    street = Street(hold())
    began, request = street.now, street.request(A)
    if what == "nobody gives":
        street.look("ollama")
    elif what != "nothing comes":
        street.look()
        street.gives(size=0)  # or took it again at once
    while not street.code(request):
        street.wait(0.1)
    assert street.code(request) == "server_busy"
    assert street.now - began <= LIMIT_S + 0.2
    assert street.state(A) is State.STOPPED


def test_memory_that_others_free_ends_the_wait() -> None:
    """Within a second, while a neighbour hangs."""
    street = Street(hold())
    street.request(A)
    street.available = 800 * MB
    street.wait(1.1)
    assert street.spawned() == [A]


def test_another_is_asked_where_one_did_not_give() -> None:
    """A refusal at once, an empty word after three seconds; and each is asked but once."""
    street = Street(
        hold(), hold("swap", "qwen"), hold(model="gemma", ram=350 * MB), neighbours={"ollama": OLLAMA, "swap": SWAP}
    )
    street.request(A)
    street.look()
    assert street.asked("give") == [("ollama", "gemma")]
    street.tell(ev.FromNeighbour("give", "ollama", "gemma", error="It answered 500."))
    assert street.asked("give")[1:] == [("ollama", "llama3")]
    street.gives(size=0)
    street.wait(SHOWN_S + 0.1)
    assert street.asked("give")[2:] == [("swap", "qwen")]
    street.tell(ev.FromNeighbour("give", "swap", "qwen"))
    street.tell(ev.FromNeighbour("give", "swap", "qwen"))  # twice
    street.available = 800 * MB
    street.wait(0.2)
    assert street.spawned() == [A]
    assert len(street.asked("give")) == 3


def test_the_answers_of_a_look_serve_the_next_start_too() -> None:
    """A client that asks again and again starts no process each time."""
    street = Street()
    street.request(A)
    street.look()
    for _ in range(5):
        assert street.code(street.request(A)) == "server_busy"
    assert len(street.asked("look")) == 1
    street.wait(FRESH_S)
    street.request(A)
    assert len(street.asked("look")) == 2


def test_a_start_that_died_of_memory_asks_before_the_next() -> None:
    """It fitted by its known need; a quarter more than it had taken does not, so neighbours are asked after all."""
    street = Street(hold())
    street.available = 300 * MB + 125 * MB
    street.request(A)
    assert (street.spawned(), street.asked("look")) == ([A], [])
    street.tell(ev.Gauged(A, street.worker(A).gen, Used(cpu_s=1, private=320 * MB)))
    street.exit(A, -9, out_of_memory=True)
    street.wait(2)
    assert (street.spawned(), street.asked("look")) == ([A], [("", "")])
    street.look()
    assert street.asked("give") == [("ollama", "llama3")]
    street.gives()
    street.wait(0.5)
    assert street.spawned() == [A, A]


def test_two_starts_share_a_look_and_no_model() -> None:
    """Each is asked for another model, at the same time."""
    street = Street(hold(), hold(model="gemma", ram=350 * MB))
    street.request(A), street.request(B)
    street.look()
    assert (len(street.asked("look")), street.asked("give")) == (1, [("ollama", "gemma"), ("ollama", "llama3")])
    street.gives(size=200 * MB)
    street.wait(0.2)
    assert len(street.spawned()) == 1


def test_memory_that_is_critically_short_is_given_too() -> None:
    """The incident: next to nothing is free, a neighbour gives, and the start does not wait for the level to fall."""
    street = Street(hold(ram=700 * MB))
    street.available = 50 * MB
    request = street.request(A)
    assert street.pool._admission.level is Level.CRITICAL
    street.look()
    street.gives(size=700 * MB)
    street.wait(0.2)
    assert (street.spawned(), street.code(request)) == ([A], "")


def test_what_another_program_wants_is_not_asked_for() -> None:
    """Nobody is asked for a start while another program wants all the memory itself."""
    street = Street(hold())
    street.available = 600 * MB
    street.tell(ev.Pressure(Level.CRITICAL, told=True))
    street.request(A)
    assert street.of(do.AskNeighbour) == []


def test_who_no_longer_waits_is_forgotten() -> None:
    """A client that leaves ends the effort; the neighbour's answer comes too late for anything."""
    street = Street(hold())
    street.request(A)
    street.look()
    street.tell(ev.ClientGone(ROUTE))
    street.gives()
    neighbours = street.pool._admission.relief
    assert neighbours is not None
    assert neighbours.neighbours._efforts == {}
    assert street.spawned() == []


# --- cards -----------------------------------------------------------------------------------------------------------


def with_card(*cards: Card, holds: tuple[Hold, ...], **worker: Any) -> Street:
    street = Street(*holds, worker={"stt": {"vram_mb": 3000.0, **worker}}, cards=list(cards))
    street.available = 900 * MB
    return street


def test_a_card_is_given_before_the_cpu_is_taken() -> None:
    """The memory counts once the driver shows it, for which the card is looked at again."""
    street = with_card(GPU, holds=(hold(ram=0, cards={GPU.id: 4000 * MB}),))
    street.request(A)
    street.look()
    assert (street.asked("give"), street.spawned()) == ([("ollama", "llama3")], [])
    street.gives(size=0)
    street.wait(0.5)
    assert street.spawned() == []
    street.free("cuda:0", 5000 * MB)
    street.wait(0.3)
    assert street.placed() == [(A, "cuda:0")]


def test_without_a_gift_the_cpu_is_taken() -> None:
    """As today, with the reason; and the result says nothing of neighbours."""
    street = with_card(GPU, holds=(hold(ram=0, cards={GPU.id: 1000 * MB}),))
    request = street.request(A)
    street.look()
    assert (street.asked("give"), street.placed()) == ([], [(A, "cpu")])
    street.ready(A)
    street.finish(A)
    answer = street.answer(request)
    assert isinstance(answer, m.Result)
    assert "given" not in answer.data


def test_memory_of_a_card_without_a_name_is_that_of_the_only_one() -> None:
    """With two cards no model is ended for one on which it may not be."""
    anywhere = hold(ram=0, cards={"": 4000 * MB})
    street = with_card(GPU, holds=(anywhere,))
    street.request(A)
    street.look()
    assert street.asked("give") == [("ollama", "llama3")]
    street = with_card(GPU, OTHER, holds=(anywhere,))
    street.request(A)
    street.look()
    assert street.asked("give") == []


def test_the_card_that_lacks_least_is_given() -> None:
    """Of two cards the one for which less must go, if somebody can give that; the other else."""
    street = with_card(GPU, OTHER, holds=(hold(ram=0, cards={OTHER.id: 4000 * MB}),))
    street.request(A)
    street.look()
    street.free("cuda:1", 5000 * MB)
    street.gives(size=0)
    street.wait(0.5)
    assert street.placed() == [(A, "cuda:1")]


# --- sleep -----------------------------------------------------------------------------------------------------------


def asleep(**options: Any) -> Street:
    """A worker that runs on memory for which vLLM sleeps."""
    street = Street(hold("vllm", "qwen"), neighbours={"vllm": VLLM}, **options)
    street.request(A, keep_alive=5.0)
    street.look()
    street.gives("vllm", "qwen", sleeps=True)
    street.wait(0.2)
    street.ready(A)
    street.finish(A)
    return street


def test_what_sleeps_is_recorded_first_and_woken_when_the_worker_has_left() -> None:
    """The record is there before the neighbour is asked, and goes when it has woken."""
    street = asleep()
    asked = [a for a in street.done if isinstance(a, do.RememberAsleep | do.AskNeighbour)]
    assert asked[1:] == [
        do.RememberAsleep((("vllm", "qwen"),)),
        do.AskNeighbour("give", 110.0, "vllm", "qwen", 400 * MB, {}),
        do.RememberAsleep((("vllm", "qwen"),)),
    ]
    street.wait(5)
    assert (street.drained(), street.asked("wake")) == ([A], [])
    street.leave(A)
    assert street.asked("wake") == [("vllm", "qwen")]
    street.tell(ev.FromNeighbour("wake", "vllm", "qwen"))
    assert street.of(do.RememberAsleep)[-1] == do.RememberAsleep(())
    street.wait(3600)
    assert len(street.asked("wake")) == 1


def test_what_the_last_supervisor_left_asleep_is_woken() -> None:
    """At once, before anybody asks for anything."""
    street = Street(neighbours={"vllm": VLLM}, asleep=[("vllm", "qwen")])
    street.wait(0.1)
    assert street.asked("wake") == [("vllm", "qwen")]


def test_one_that_does_not_wake_is_told_again_and_given_up_in_the_end() -> None:
    """With a sentence in the log; then nothing is due any more."""
    street = Street(neighbours={"vllm": VLLM}, asleep=[("vllm", "qwen")])
    for tried in range(TRIES):
        street.wait(400)
        assert len(street.asked("wake")) == tried + 1
        street.tell(ev.FromNeighbour("wake", "vllm", "qwen", error="It answered 500."))
    street.wait(3600)
    assert len(street.asked("wake")) == TRIES
    assert "does not wake qwen" in street.of(do.Log)[-1].text
    assert street.pool.deadline() is None


def test_the_supervisor_leaves_once_it_has_woken_what_sleeps() -> None:
    """It waits for one answer, whatever that is; the record stays for the next supervisor where it failed."""
    street = asleep()
    street.tell(ev.Shutdown())
    street.leave(A)
    assert (street.asked("wake"), street.of(do.Leave)) == ([("vllm", "qwen")], [])
    street.tell(ev.FromNeighbour("wake", "vllm", "qwen", error="It is gone."))
    assert len(street.of(do.Leave)) == 1
    assert street.of(do.RememberAsleep)[-1] == do.RememberAsleep((("vllm", "qwen"),))


# --- two hushds ------------------------------------------------------------------------------------------------------


def test_since_when_neighbours_are_asked_is_known() -> None:
    """The first to ask wins: whoever is asked for memory knows since when it wants some itself."""
    street = Street(hold())
    relief = street.pool._admission.relief
    assert relief is not None
    assert relief.neighbours.since() == float("inf")
    street.request(A)
    street.now += 1
    assert relief.neighbours.since() == 100.0
    street.look()
    street.gives()
    assert relief.neighbours.since() == float("inf")
