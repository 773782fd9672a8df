"""AsyncClient and Client with the real engines: the same methods, the same results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd import AsyncClient, Client
from support.peer import Supervisor
from support.recordings import recording

TEXT = "Good morning. It is nine."


@pytest.fixture(scope="module", autouse=True)
def carried_models_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of models that the developer has brought, `auto` would choose one as long as memory allows, and then another."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HUSHD_MODELS_DIR", "HF_HUB_CACHE"):
            patch.setenv(name, str(tmp_path_factory.mktemp("models")))
        yield


@pytest.fixture(scope="module")
def beckett(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first sentence of a person's reading: eighteen transcripts of it are compared."""
    samples, rate = soundfile.read(recording(), dtype="int16")
    path = tmp_path_factory.mktemp("sound") / "beckett.wav"
    soundfile.write(path, samples[: 2 * rate], rate)
    return path


async def parts(data: bytes, size: int = 6400) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
        await asyncio.sleep(0)


def test_transcripts_are_the_same(carried: Supervisor, beckett: Path) -> None:
    """The input is a path, a file's bytes, an array, raw samples, or comes by asynchronous iterables and files."""
    samples, rate = soundfile.read(beckett, dtype="int16")

    class Upload:
        """A file whose `read` is awaited."""

        def __init__(self) -> None:
            self._file = beckett.open("rb")

        async def read(self, size: int) -> bytes:
            return self._file.read(size) or self._file.close() or b""

    async def run(client: AsyncClient) -> list[Any]:
        listed = [segment async for segment in await client.transcribe_stream(beckett, word_times=True)]
        return [
            await client.transcribe(beckett),
            await client.transcribe(beckett.read_bytes()),
            await client.transcribe(samples, rate=rate),
            await client.transcribe(samples.tobytes(), rate=rate),
            await client.transcribe(beckett, model="auto", language="en"),
            await client.transcribe(beckett, model="tiny-en"),
            listed,
            await client.transcribe(parts(beckett.read_bytes())),
            await client.transcribe(Upload()),
            await client.transcribe([beckett.read_bytes()]),
        ]

    *same, streamed, upload, listed = asyncio.run(_with_client(run))
    with Client() as client:
        assert same == [
            client.transcribe(beckett),
            client.transcribe(beckett.read_bytes()),
            client.transcribe(samples, rate=rate),
            client.transcribe(samples.tobytes(), rate=rate),
            client.transcribe(beckett, model="auto", language="en"),
            client.transcribe(beckett, model="tiny-en"),
            list(client.transcribe_stream(beckett, word_times=True)),
        ]
    assert streamed == upload == listed == same[0]
    assert "Ever tried" in same[0].text


def test_speech_is_the_same(carried: Supervisor, tmp_path: Path) -> None:
    """Iterated over, as an array, saved in formats, timed, of a text that comes in parts; used by several tasks."""

    async def words() -> AsyncIterator[str]:
        for word in TEXT.split(" "):
            yield word + " "

    async def run(client: AsyncClient) -> list[Any]:
        told: list[Any] = []
        speech = await client.synthesize(TEXT, voice="heart", on_sentence=told.append)
        array = await speech.array()
        for name in ("a.wav", "a.flac", "a.pcm"):
            await speech.save(tmp_path / name)
        data = b"".join([chunk async for chunk in speech])
        both = await client.synthesize(TEXT, voice="heart")
        same = await asyncio.gather(*(both.array() for _ in range(5)), both.save(tmp_path / "c.wav"))
        assert all(np.array_equal(each, array) for each in same[:5])
        assert (tmp_path / "c.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()
        written = await client.synthesize(words(), voice="heart")
        mp3 = await client.synthesize(TEXT, voice="heart", format="mp3", keep=False)
        await mp3.save(tmp_path / "a.mp3")
        rest = (speech.rate, speech.channels, speech.duration, speech.voice, speech.timeline, told)
        return [array, data, rest, await written.array()]

    array, data, rest, written = asyncio.run(_with_client(run))
    with Client() as client:
        told: list[Any] = []
        speech = client.synthesize(TEXT, voice="heart", on_sentence=told.append)
        speech.save(tmp_path / "b.wav")
        speech.save(tmp_path / "b.flac")
        speech.save(tmp_path / "b.pcm")
        client.synthesize(TEXT, voice="heart", format="mp3").save(tmp_path / "b.mp3")
        assert np.array_equal(array, speech.array())
        assert data == b"".join(speech) == (tmp_path / "a.pcm").read_bytes()
        assert rest == (speech.rate, speech.channels, speech.duration, speech.voice, speech.timeline, told)
        assert len(written) == pytest.approx(len(array), rel=0.2)
    for kind in ("wav", "flac", "pcm", "mp3"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


async def _with_client(run: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    async with AsyncClient() as client:
        return await run(client)
