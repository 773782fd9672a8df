"""The floor for tasks, from a real supervisor."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from hushd import AsyncClient, Client, HushdError
from support.peer import BOUND_S, Supervisor


async def chunks() -> AsyncIterator[bytes]:
    for number in range(3):
        yield bytes([number])


async def waiting(client: AsyncClient, count: int) -> None:
    """Returns once the supervisor knows of so many claims that wait."""
    while (await client.status()).floor.waiting != count:
        pass


def test_tasks_take_turns(supervisor: Supervisor) -> None:
    """One at a time holds it, each hears that it waits, and no thread waits for it."""

    before = set(threading.enumerate())  # libraries that other tests have imported keep some

    async def main() -> list[int]:
        order: list[int] = []
        noted: list[str] = []
        async with asyncio.timeout(BOUND_S), AsyncClient() as client, AsyncExitStack() as stack:

            async def take(number: int) -> None:
                other = await stack.enter_async_context(AsyncClient())  # one program's texts replace each other
                async with other.floor("speaker", on_wait=noted.append) as floor:
                    assert floor.held
                    order.append(number)
                    await client.status()
                    order.append(number)

            async with client.floor("speaker"):
                tasks = [asyncio.create_task(take(number)) for number in range(5)]
                await waiting(client, 5)
                assert order == []
                names = {thread.name.rstrip("0123456789") for thread in set(threading.enumerate()) - before}
                assert names <= {"hushd-io", "asyncio_"}
            await asyncio.gather(*tasks)
            assert noted == ["waiting"] * 5
            while (await client.status()).floor.speaker:  # the last one's message is on its way
                pass
        return order

    order = asyncio.run(main())
    assert order[::2] == order[1::2]
    assert sorted(order[::2]) == [*range(5)]


def test_a_cancelled_task_waits_no_longer(supervisor: Supervisor) -> None:
    """Its claim is gone, the same floor can be entered again, and `cancelled` of the supervisor is an error."""

    async def main() -> None:
        async with asyncio.timeout(BOUND_S), AsyncClient() as client, AsyncClient() as other:
            floor = client.floor("microphone")
            async with other.floor("microphone") as held:
                task = asyncio.create_task(floor.__aenter__())
                await waiting(client, 1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await waiting(client, 0)
                assert held.held
            async with floor:
                assert [chunk async for chunk in floor.while_held(chunks())] == [b"\0", b"\1", b"\2"]
                assert list(floor.while_held([b"a", b"b"])) == [b"a", b"b"]
            async with other.floor("speaker"):
                task = asyncio.create_task(client.floor("speaker").__aenter__())
                await waiting(client, 1)
                await other.stop_speaking()
                with pytest.raises(HushdError) as caught:
                    await task
                assert caught.value.code == "cancelled"

    asyncio.run(main())


def test_a_pause_is_waited_for(supervisor: Supervisor) -> None:
    """While a person pauses it, chunks wait; they go on when it is resumed."""

    async def main() -> list[bytes]:
        heard = []
        async with asyncio.timeout(BOUND_S), AsyncClient() as client, client.floor("speaker") as floor:
            with Client() as person:
                async for chunk in floor.while_held(chunks()):
                    heard.append(chunk)
                    if len(heard) == 1:
                        await asyncio.to_thread(person.pause)
                        while floor.held:
                            await client.status()
                        task = asyncio.create_task(floor.regain())
                        await client.status()
                        assert not task.done()
                        await asyncio.to_thread(person.resume)
                        await task
        return heard

    assert asyncio.run(main()) == [b"\0", b"\1", b"\2"]
