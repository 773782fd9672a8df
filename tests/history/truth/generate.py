"""True histories by seed: clients at work among faults, everything as promised, with much that nobody can know."""

from __future__ import annotations

from collections.abc import Callable

from ..events import Event
from .house import Client, House
from .requests import Requests

BOUND_S = 30.0
ACTS = {"say": 6, "record": 3, "hear": 4, "keep": 3, "status": 3, "unload": 0.1, "pause": 0.15}


def true_history(seed: int, seconds: float = 90.0) -> list[Event]:
    """Returns the events of a history in which no promise is broken.

    Args:
        seconds: for which clients begin something new, and things go wrong.
    """
    house = House(seed)
    requests = Requests(house)
    clients = [Client(house, f"client {number}") for number in range(house.dice.randint(2, 7))]
    for client in clients:
        _work(house, requests, client, seconds)
    for _ in range(house.dice.choice((0, 2, 8))):
        house.later(house.dice.uniform(0, seconds), lambda: _fault(house, requests, clients))
    house.later(seconds, lambda: house.harness.saw("calm", bound=4 * seconds))
    house.later(seconds, lambda: requests.floor.pause(False))
    house.run()
    for client in clients:
        if not client.dead:
            client.see.saw("closed")
    _rest(house, requests)
    return house.events()


def _work(house: House, requests: Requests, client: Client, seconds: float) -> None:
    """Lets a client do one thing after the other."""

    def again() -> None:
        if house.now < seconds:
            client.do(house.dice.expovariate(1.0), act)

    def act() -> None:
        (name,) = house.dice.choices(list(ACTS), list(ACTS.values()))
        work: Callable[[Client, Callable[[], None]], None] = getattr(requests, name)
        work(client, again)

    again()


def _fault(house: House, requests: Requests, clients: list[Client]) -> None:
    living = [client for client in clients if not client.dead]
    kind = house.dice.choice(("supervisor", "supervisor", "worker", "stop", "kill"))
    if kind == "supervisor":
        house.kill_supervisor()
    elif kind == "worker":
        requests.crash()
    elif living:
        client = house.dice.choice(living)
        if kind == "stop":
            client.stop(house.dice.uniform(0.5, 12))
            requests.floor.stopped(client)
        else:
            client.kill()
            house.later(1.0, lambda: requests.floor.gone(client))


def _rest(house: House, requests: Requests) -> None:
    """Writes the state of the house at the end."""
    leases = [[worker, holder, None] for (worker, holder), until in requests.leases.items() if until > house.now]
    house.harness.saw(
        "rest", workers={"stt/echo/a": "ready", "stt/echo/b": "stopped"}, speaker=None, microphone=None, waiting=0,
        leases=leases, account=100_000_000, processes=100_400_000, within=1_000_000,
    )  # fmt: skip
