"""Waiting for words by Wyoming, as Home Assistant's integration does it (its wake_word.py), with its own classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from support.peer import BOUND_S, Supervisor
from support.wyoming_gateway import served
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.wake import Detect, Detection, NotDetected

from .wake_words import needs_micro, room

pytestmark = needs_micro
SOUND = {"rate": 16_000, "width": 2, "channels": 1}
CONFIG = "[worker.wake]\nkeep_alive = 0.1\n"


@pytest.fixture(autouse=True)
def supervisor(start_supervisor: Callable[..., Supervisor]) -> Supervisor:
    return start_supervisor(CONFIG)


async def waited(sound: bytes, names: list[str] | None, *, start: bool = True, end: bool = True) -> list[Event]:
    """The events about one stream: until a detection, as Home Assistant reads them, or with `end` the last one."""
    async with served() as port, AsyncTcpClient("127.0.0.1", port) as client, asyncio.timeout(2 * BOUND_S):
        await client.write_event(Detect(names=names).event())
        if start:
            await client.write_event(AudioStart(**SOUND, timestamp=0).event())
        for at in range(0, len(sound), 2048):
            chunk = AudioChunk(audio=sound[at : at + 2048], timestamp=5000 + at // 32, **SOUND)
            await client.write_event(chunk.event())
        if end:
            await client.write_event(AudioStop().event())
        event = await client.read_event()
        assert event is not None
        return [event]


def test_a_word_is_detected() -> None:
    """It has the name that `info` lists, and the time by the program's own clock; no audio-stop is needed."""
    (event,) = asyncio.run(waited(room(1.0, "alexa", 2.0), ["hey_jarvis", "alexa"], end=False))
    detection = Detection.from_event(event)
    assert Detection.is_type(event.type)
    assert detection.name == "alexa"
    assert detection.timestamp is not None
    assert 6300 < detection.timestamp < 7200


def test_a_satellite_sends_no_start() -> None:
    """wyoming-satellite sends `detect` and then chunks alone; its end without a word is answered, too."""
    (event,) = asyncio.run(waited(room(1.0, "alexa", 2.0), ["alexa"], start=False, end=False))
    assert Detection.from_event(event).name == "alexa"
    (event,) = asyncio.run(waited(b"", ["alexa"], start=False))
    assert NotDetected.is_type(event.type)


@pytest.mark.parametrize("sound", [(1.0, "please open the window", 1.0), ()], ids=["other words", "nothing"])
def test_the_end_without_a_word(sound: tuple[str | float, ...]) -> None:
    """`not-detected` says that there was none."""
    (event,) = asyncio.run(waited(room(*sound) if sound else b"", ["alexa"]))
    assert NotDetected.is_type(event.type)


def test_an_unknown_name_is_an_error() -> None:
    """Its sentence names the words that there are."""
    (event,) = asyncio.run(waited(room(0.5), ["open_sesame"]))
    assert "here it knows alexa" in Error.from_event(event).text


def test_info_has_the_words() -> None:
    """One program that waits, with a model a word."""

    async def info() -> Info:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client, asyncio.timeout(BOUND_S):
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            return Info.from_event(event)

    (program,) = asyncio.run(info()).wake
    assert program.installed
    phrases = {model.name: (model.phrase, model.installed) for model in program.models}
    assert phrases["okay_nabu"] == ("Okay Nabu", True)
    assert set(phrases) == {"alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"}
