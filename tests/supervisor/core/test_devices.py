"""Requests that ask for a device: their worker is moved there, and disturbs no other program's job."""

from __future__ import annotations

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core import actions as do
from support.house import MB, A, House


def devices(house: House) -> list[str]:
    return [action.compute_device for action in house.of(do.Spawn)]


def jobs(house: House) -> list[bytes]:
    """The requests that were handed to processes."""
    return [action.message.id for action in house.of(do.ToWorker) if isinstance(action.message, m.Job)]


def ready(house: House, kind: str) -> None:
    house.says(A, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    house.says(A, m.Ready(slots=1, pss=300 * MB, capabilities={"compute_device": kind}))


def done(house: House, request: bytes) -> bool:
    house.finish(A)
    return house.code(request) == "result"


def test_a_worker_that_does_not_run_is_started_there() -> None:
    """The start names the device; later requests that name none use it where it is."""
    house = House()
    request = house.request(A, compute_device="cuda:1")
    assert devices(house) == ["cuda:1"]
    ready(house, "cuda")
    assert done(house, request)
    assert done(house, house.request(A))
    assert done(house, house.request(A, compute_device="cuda:1"))
    assert done(house, house.request(A, compute_device="cuda"))
    assert devices(house) == ["cuda:1"]


@pytest.mark.parametrize("op", ["echo", "warm"])
def test_an_idle_worker_is_moved(op: str) -> None:
    """It leaves, and the request is done by its successor."""
    house = House()
    first = house.request(A)
    ready(house, "cpu")
    assert done(house, first)
    request = house.request(A, compute_device="cuda", op=op)
    assert house.drained() == [A]
    house.leave(A)
    assert devices(house) == ["", "cuda"]
    ready(house, "cuda")
    assert done(house, request)


def test_a_worker_that_is_there_stays() -> None:
    """By its own word, or by the configuration."""
    house = House(worker={"stt/a": {"compute_device": "cuda:1"}})
    first = house.request(A)
    ready(house, "cuda")
    assert done(house, first)
    for device in ("cuda:1", "cuda", "auto"):
        assert done(house, house.request(A, compute_device=device))
    assert devices(house) == [""]


def test_a_busy_worker_finishes_first() -> None:
    """Another program's job goes on, and nothing more is handed to its process before the move."""
    house = House(worker={"stt/a": {"max_replicas": 1}})
    running = house.request(A)
    ready(house, "cpu")
    moving, later = house.request(A, compute_device="cuda"), house.request(A)
    assert jobs(house) == [running]
    assert done(house, running)
    house.leave(A)
    ready(house, "cuda")
    assert done(house, moving)
    assert done(house, later)
    assert devices(house) == ["", "cuda"]


def test_a_process_beside_a_busy_worker() -> None:
    """Another process is started at once on the device that has room."""
    house = House()
    house.request(A)
    ready(house, "cpu")
    house.request(A, compute_device="cuda")
    house.wait(10)
    assert (house.spawned(), devices(house)) == ([A, f"{A}#2"], ["", "cuda"])


# --- engines that cannot use every device ----------------------------------------------------------------------------

ALONE = "the engine a computes on the CPU alone"
FEW = "The engine a cannot compute on {}: ask for cpu, cuda or rocm."


@pytest.mark.parametrize(
    ("kinds", "asked", "starts", "remark"),
    [
        ((), "cuda", [""], ALONE),
        ((), "rocm", [""], ALONE),
        ((), "vulkan", [""], ALONE),
        ((), "mps", [""], ALONE),
        ((), "cpu", [""], None),
        ((), "auto", [""], None),
        ((), "", [""], None),
        (("cuda", "rocm"), "cuda", ["", "cuda"], None),
        (("cuda", "mps"), "mps", ["", "mps"], None),
        (("cuda", "rocm"), "vulkan", [""], FEW.format("vulkan")),
        (("vulkan",), "vulkan", ["", "vulkan"], None),
    ],
)
def test_what_a_device_does_to_an_idle_worker(
    kinds: tuple[str, ...], asked: str, starts: list[str], remark: str | None
) -> None:
    """Its process is replaced only where its engine may use that device; else it answers, or nothing is started."""
    house = House(card_kinds=lambda _: kinds)
    house.request(A)
    house.says(A, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    house.says(A, m.Ready(slots=1, pss=300 * MB, capabilities={}))  # as engines do that know nothing of devices
    house.finish(A)
    request = house.request(A, compute_device=asked)
    if len(starts) > 1:
        house.leave(A)
        ready(house, asked)
    house.finish(A)
    answer = house.answer(request)
    if isinstance(answer, m.Error):
        assert (answer.code, answer.message) == ("unsupported", remark)
    else:
        assert answer
        assert answer.data == ({"compute_device": "cpu", "why_there": remark} if remark else {})
    assert devices(house) == starts


def test_an_engine_that_only_has_the_cpu() -> None:
    """It is started once for the device, and not again and again."""
    house = House()
    request = house.request(A, compute_device="cuda")
    ready(house, "cpu")
    assert done(house, request)
    assert done(house, house.request(A, compute_device="cuda"))
    assert devices(house) == ["cuda"]


def test_a_device_that_does_not_exist() -> None:
    """It is refused before anything is started."""
    house = House()
    answer = house.answer(house.request(A, compute_device="gpu"))
    assert isinstance(answer, m.Error)
    assert (answer.code, house.spawned()) == ("bad_request", [])
