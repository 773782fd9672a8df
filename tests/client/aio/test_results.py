"""AsyncClient and Client with the real engines: the same methods, the same results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd import AsyncClient, Client, HushdError
from hushd_schema.status import Status
from support.peer import Supervisor
from support.recordings import recording

TEXT = "Good morning. It is nine."


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


def test_live_audio_is_the_same(carried: Supervisor, beckett: Path) -> None:
    """Segments, partial texts and events of a live request, from an asynchronous and from an ordinary iterable."""
    samples, rate = soundfile.read(beckett, dtype="int16")
    data = samples.tobytes()
    chunks = [data[start : start + 6400] for start in range(0, len(data), 6400)]

    async def hear(client: AsyncClient, audio: Any) -> Any:
        noted: list[Any] = []

        def note(*what: Any) -> None:
            noted.append(what)

        heard = await client.listen(audio, rate=rate, continuous=True, on_partial=note, on_event=note)
        return await heard.transcript(), noted[0]

    async def run(client: AsyncClient) -> list[Any]:
        return [await hear(client, each) for each in (parts(data), chunks)]

    first, second = asyncio.run(_with_client(run))
    noted: list[Any] = []
    with Client() as client:
        heard = client.listen(chunks, rate=rate, continuous=True, on_event=lambda *a: noted.append(a)).transcript()
    assert first[0].segments == second[0].segments == heard.segments
    assert first[1][0] == noted[0][0] == "began"


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


def test_management_is_the_same(carried: Supervisor, beckett: Path, tmp_path: Path) -> None:
    """Descriptions, voices, choices, workers, models, the floor's commands and errors."""

    async def run(client: AsyncClient) -> list[Any]:
        await client.preload("stt", "tts")
        return [
            await client.describe("stt"), await client.voices(), (await client.choose_model("en"))[:2],
            await client.find_model("tiny-en"), speakers_and_hearers(await client.status()),
            sorted(await client.unload("stt", "tts")), await client.pause(), await client.resume(),
            await client.stop_speaking(), await client.reload(),
            await _refused(client.transcribe(tmp_path / "none.wav")),
            await _refused(client.transcribe(beckett, language="xx")),
            await _refused(client.synthesize("Hello.", format="mpeg")),
            await _refused(client.synthesize("Hello.", priority="high")),
            await _refused(client.pull("moonshine/none")),
        ]  # fmt: skip

    found = asyncio.run(_with_client(run))
    with Client() as client:
        client.preload("stt", "tts")
        calls: list[Callable[[], Any]] = [
            lambda: client.describe("stt"), client.voices, lambda: client.choose_model("en")[:2],
            lambda: client.find_model("tiny-en"), lambda: speakers_and_hearers(client.status()),
            lambda: sorted(client.unload("stt", "tts")), client.pause, client.resume, client.stop_speaking,
            client.reload,
            lambda: client.transcribe(tmp_path / "none.wav"),
            lambda: client.transcribe(beckett, language="xx"),
            lambda: client.synthesize("Hello.", format="mpeg"),
            lambda: client.synthesize("Hello.", priority="high"),
            lambda: client.pull("moonshine/none"),
        ]  # fmt: skip
        for call, one in zip(calls, found, strict=True):
            try:
                other = call()
            except HushdError as error:
                other = (error.code, error.message)
            assert one == other


def speakers_and_hearers(status: Status) -> list[tuple[str, str]]:
    """The name and state of each worker for speech."""
    return sorted((worker.name, worker.state) for worker in status.workers if worker.role in ("stt", "tts"))


async def _refused(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except HushdError as error:
        return error.code, error.message


async def _with_client(run: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    async with AsyncClient() as client:
        return await run(client)
