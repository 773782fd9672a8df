"""The Client against scripted supervisors: what it asks, what it makes of answers, when it asks again."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd import Client, HushdError, Segment, Word
from hushd_models import languages
from hushd_protocol import messages as m
from hushd_schema.results import Sentence, Spoken
from support.peer import wait_until
from support.refusals import hushd_error
from support.scripted_router import ScriptedRouter, Start

Script = Callable[[ScriptedRouter, bytes, m.Message], None]


@pytest.fixture
def client(runtime: Path) -> Iterator[Client]:
    with Client() as client:
        yield client


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A file that no engine reads here."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + bytes(200_000))
    return path


def segment(request_id: bytes, n: int, text: str = "Hi.", *, first: int = 0) -> m.Partial:
    """The answer's segment `n`, a second long; `first` is the second at which it began."""
    data = {"kind": "segment", "id": n, "start": float(first + n), "end": first + n + 1.0, "text": text}
    return m.Partial(id=request_id, seq=n, data=data)


def hearing(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
    """A worker that hears one segment in whatever it gets."""
    if isinstance(message, m.Request) and message.input == "stream":
        router.send(route, m.Credit(id=message.id, chunks=200))
    elif isinstance(message, m.Request) or (isinstance(message, m.Chunk) and message.last):
        done = m.Result(id=message.id, data={"language": "en", "duration": 2.0, "segments": 1, "ended": "input"})
        router.send(route, segment(message.id, 0), done)


def failing_first(code: str, then: Script, *, before: Callable[[bytes], list[m.Message]] = lambda i: []) -> Script:
    """Fails the first request with `code`, having sent what `before` makes; then does as `then`."""
    failed: list[bytes] = []  # the id of the first request, until it is asked again
    first = [True]

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if isinstance(message, m.Request) and first:
            first.clear()
            failed.append(message.id)
            error = m.Error(id=message.id, code=code, message="The worker died.", culprit="worker", retryable=True)
            router.send(route, *before(message.id), error)
        elif isinstance(message, m.Request) or getattr(message, "id", None) not in failed:
            failed.clear()
            then(router, route, message)

    return script


# --- hearing ----------------------------------------------------------------------------------------------------------


def test_a_file_is_transcribed_by_its_path(start_router: Start, client: Client, sound: Path) -> None:
    """The request names path, identity, worker, lease and deadline; the transcript has the words."""
    router = start_router(hearing)
    transcript = client.transcribe(
        str(sound),
        engine="moonshine",
        model="tiny-en",
        language="en",
        keep_alive="5m",
        priority="message",
        deadline=2.5,
    )
    (asked,) = router.of(m.Request)
    info = os.stat(sound)
    assert (asked.op, asked.worker, asked.input, asked.path) == (
        "transcribe", "stt/moonshine/tiny-en", "path", str(sound),
    )  # fmt: skip
    assert (asked.device, asked.inode, asked.size) == (info.st_dev, info.st_ino, info.st_size)
    assert (asked.keep_alive, asked.priority, asked.deadline_ms) == (300.0, "message", 2500)
    assert asked.params == {"language": "en"}
    assert transcript.segments == (Segment(0, 0.0, 1.0, "Hi."),)
    assert (transcript.text, transcript.language, transcript.duration, transcript.ended) == ("Hi.", "en", 2.0, "input")


@pytest.mark.parametrize("kind", ["bytes", "large", "file", "chunks", "raw"])
def test_other_audio_is_sent(kind: str, start_router: Start, client: Client, sound: Path) -> None:
    """Small bytes travel in the request, large ones, files and iterables as a stream; a rate means raw samples."""
    router = start_router(hearing)
    data = sound.read_bytes()
    if kind == "bytes":
        client.transcribe(data[:1000])
        assert router.of(m.Request)[0].payload == data[:1000]
        return
    if kind == "large":
        client.transcribe(data)
    elif kind == "file":
        client.transcribe(io.BytesIO(data))
    elif kind == "chunks":
        client.transcribe(data[n : n + 2000] for n in range(0, len(data), 2000))
    else:
        client.transcribe(iter([data]), rate=8000, channels=2)
        assert router.of(m.Request)[0].params == {"format": "s16le", "rate": 8000, "channels": 2}
    assert router.of(m.Request)[0].input == "stream"
    assert b"".join(chunk.payload for chunk in router.of(m.Chunk)) == data


def test_segments_stream_with_words_speakers_and_progress(start_router: Start, client: Client, sound: Path) -> None:
    """Each segment is handed out when it arrives, before the next exists; anything else is passed over."""
    go = threading.Event()

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if not isinstance(message, m.Request):
            return
        i = message.id
        first = m.Partial(
            id=i, seq=1, data={"kind": "segment", "id": 0, "start": 0, "end": 1, "text": "a",
                               "words": [{"word": "a", "start": 0, "end": 1}], "speaker": "SPEAKER_00"},
        )  # fmt: skip
        router.send(route, m.Accepted(id=i, state="running"), m.Progress(id=i, done=1.0, total=2.0))
        router.send(route, m.Partial(id=i, seq=0, data={"kind": "unstable", "text": "ah"}), first)
        assert go.wait(60)
        router.send(route, m.Partial(id=i, seq=2, data={"kind": "later"}), segment(i, 3), m.Result(id=i))

    start_router(script)
    progress = []
    heard = client.transcribe_stream(sound, on_progress=lambda *a: progress.append(a), word_times=True)
    assert next(heard) == Segment(0, 0.0, 1.0, "a", (Word("a", 0.0, 1.0),), "SPEAKER_00")
    assert progress == [(1.0, 2.0)]
    go.set()
    assert [(part.id, part.start) for part in heard] == [(1, 3.0)]
    assert list(heard) == []


def test_what_may_be_asked_of_a_transcription(start_router: Start, client: Client, sound: Path) -> None:
    """Options travel under their names, hotwords in one string; None and False are not sent."""
    router = start_router(hearing)
    client.transcribe(
        sound, task="translate", prompt="Hushd.", hotwords=["Ada", "Babbage"], beam_size=3, temperature=0.0,
        word_times=True, diarize=False, speakers=2, min_silence_s=0.4, speech_pad_s=0.2, max_segment_s=None,
        start_s=7.5,
    )  # fmt: skip
    assert router.of(m.Request)[0].params == {
        "task": "translate", "prompt": "Hushd.", "hotwords": "Ada, Babbage", "beam_size": 3, "temperature": 0.0,
        "word_times": True, "speakers": 2, "min_silence_s": 0.4, "speech_pad_s": 0.2, "start_s": 7.5,
    }  # fmt: skip
    with pytest.raises(TypeError, match="'beam'"):
        client.transcribe(sound, beam=3)


def test_listening_is_a_live_request(start_router: Start, client: Client) -> None:
    """Live audio says so, with its endpoint rules, and ends when the worker says that the speaker stopped."""

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if isinstance(message, m.Request):
            router.send(route, m.Credit(id=message.id, chunks=100))
        elif isinstance(message, m.Chunk) and message.seq == 5:
            router.send(route, segment(message.id, 0), m.Result(id=message.id, data={"ended": "endpoint"}))

    router = start_router(script)
    heard = client.listen(iter(lambda: bytes(3200), None), language="en").transcript()
    assert (heard.text, heard.ended) == ("Hi.", "endpoint")
    assert router.of(m.Request)[0].params == {
        "format": "s16le", "rate": 16000, "channels": 1, "live": True, "continuous": False, "silence_s": 0.8,
        "language": "en",
    }  # fmt: skip


# --- asking again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["worker_crashed", "worker_stopped", "supervisor_lost", "shutting_down", "slow_consumer"]
)
@pytest.mark.parametrize("streamed", [False, True])
def test_the_rest_of_a_recording_is_asked_for(
    code: str, streamed: bool, start_router: Start, client: Client, sound: Path
) -> None:
    """The worker dies after two seconds of text, and after another one again: what follows is heard, no text twice."""
    crash = failing_first(code, hearing, before=lambda i: [segment(i, 0, "c", first=2)])
    router = start_router(failing_first(code, crash, before=lambda i: [segment(i, 0, "a"), segment(i, 1, "b")]))
    heard = client.transcribe(sound.read_bytes() if streamed else sound, language="en")
    assert [(s.id, s.text) for s in heard] == [(0, "a"), (1, "b"), (2, "c"), (3, "Hi.")]
    asked = router.of(m.Request)
    assert [request.params.get("start_s") for request in asked] == [None, 2.0, 3.0]
    assert len({request.id for request in asked}) == 3
    assert {(request.input, request.attempt, request.params["language"]) for request in asked} == {
        ("stream" if streamed else "path", 0, "en")
    }


# --- speaking ---------------------------------------------------------------------------------------------------------


def speaking(*chunks: dict[str, object]) -> Script:
    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if isinstance(message, m.Request) and message.input == "stream":
            router.send(route, m.Credit(id=message.id, chunks=200))
        elif isinstance(message, m.Request) or (isinstance(message, m.Chunk) and message.last):
            made = [m.Chunk(id=message.id, seq=n, **chunk) for n, chunk in enumerate(chunks)]  # type: ignore[arg-type]
            data = {"duration": 0.5, "rate": 22050, "voice": "en", "sentences": 2}
            router.send(route, *made, m.Result(id=message.id, data=data))
        elif isinstance(message, m.Control):
            voices: list[dict[str, Any]] = [
                {"name": "en", "language": "en-US", "engine": "hibari", "model": "small", "installed": True},
                {"name": "fr", "language": "fr-FR", "engine": "hibari", "installed": True},
            ]
            engines = [{"name": "hibari", "installed": True, "voices": voices}]
            router.send(route, m.Result(id=message.id, data={"tts": {"engines": engines}}))

    return script


RAW = speaking({"payload": b"ab", "rate": 22050, "channels": 1}, {"payload": b"cd"})


def test_speech_streams(start_router: Start, client: Client) -> None:
    """Chunks of s16le come as they are made; rate and channels are known with the first, the rest at the end."""
    router = start_router(RAW)
    speech = client.synthesize("Good morning.", voice="en", wpm=180, engine="hibari")
    assert (speech.rate, speech.channels, speech.format) == (22050, 1, "s16le")
    assert list(speech) == [b"ab", b"cd"]
    assert (speech.duration, speech.voice) == (0.5, "en")
    (asked,) = router.of(m.Request)
    assert (asked.op, asked.worker, asked.payload) == ("synthesize", "tts/hibari/small", b"Good morning.")
    assert asked.params == {"voice": "en", "wpm": 180, "format": "s16le"}
    assert asked.credit > 0


def test_what_may_be_asked_of_a_speech(start_router: Start, client: Client) -> None:
    """Every option is a parameter; None and False are not sent, another name is a mistake of the program's."""
    router = start_router(RAW)
    options: dict[str, Any] = {
        "speed": 1.5, "markup": "markdown", "pronounce": {"nginx": "engine x"}, "volume": 0.5, "sample_rate": 8000,
        "channels": 2, "timeline": True,
    }  # fmt: skip
    list(client.synthesize("x", **options))
    list(client.synthesize("x", **dict.fromkeys(options), voice=None, language=None))
    list(client.synthesize("x", **options | {"timeline": False}))
    sent = [request.params for request in router.of(m.Request)]
    assert sent[0] == options | {"format": "s16le", "languages": languages.of_session()}
    assert sent[1] == {"format": "s16le", "languages": languages.of_session()}
    assert "timeline" not in sent[2]
    with pytest.raises(TypeError, match="no option 'loudness': it takes voice, language"):
        client.synthesize("x", loudness=2)  # type: ignore[call-arg]


def test_the_timeline_comes_with_the_audio(start_router: Start, client: Client) -> None:
    """Each sentence is told before its audio, with the places of its words; wanting to be told asks for it."""
    word = {"start": 0.1, "end": 0.4, "text_start": 0, "text_end": 4}
    data = {"kind": "sentence", "start": 0.0, "end": 0.5, "text_start": 0, "text_end": 5, "words": [word]}
    later = data | {"start": 0.5, "end": 1.0, "words": []}

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if isinstance(message, m.Request):
            i = message.id
            messages = [m.Partial(id=i, seq=0, data=data), m.Chunk(id=i, seq=1, payload=b"ab", rate=8000, channels=1),
                        m.Partial(id=i, seq=2, data=later), m.Chunk(id=i, seq=3, payload=b"cd")]  # fmt: skip
            router.send(route, *messages, m.Result(id=i))

    router = start_router(script)
    told: list[Sentence] = []
    speech = client.synthesize("Hello", on_sentence=told.append)
    assert speech.rate == 8000
    assert router.of(m.Request)[0].params["timeline"] is True
    first, second = map(Sentence.from_data, (data, later))
    assert first.words == (Spoken(start=0.1, end=0.4, text_start=0, text_end=4),)
    assert told == speech.timeline == [first]
    assert list(speech) == [b"ab", b"cd"]
    assert told == speech.timeline == [first, second]


def test_long_and_streamed_text_is_sent_in_pieces(start_router: Start, client: Client) -> None:
    """More than 64 KiB, and whatever comes from an iterator, streams; the pieces make the text."""
    router = start_router(RAW)
    text = "Grüße! " * 20_000
    list(client.synthesize(text))
    list(client.synthesize(word for word in ("Grüße", "!")))
    assert {request.input for request in router.of(m.Request)} == {"stream"}
    first, second = (request.id for request in router.of(m.Request))
    assert b"".join(c.payload for c in router.of(m.Chunk) if c.id == first).decode() == text
    assert b"".join(c.payload for c in router.of(m.Chunk) if c.id == second).decode() == "Grüße!"


def test_abandoned_speech_is_cancelled(start_router: Start, client: Client) -> None:
    """Leaving a loop and dropping the speech, or closing it, cancels the request once; a finished one is not."""
    router = start_router(
        lambda router, route, message: (
            router.send(route, m.Chunk(id=message.id, seq=0, payload=b"ab", rate=8000))
            if isinstance(message, m.Request)
            else None
        )
    )
    speech = client.synthesize("x")
    assert next(speech) == b"ab"
    del speech
    gc.collect()
    client.synthesize("y").close()
    assert [c.id for c in router.wait_for(m.Cancel, 2)] == [r.id for r in router.of(m.Request)]


# --- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ask", "code"), [
    (lambda c: c.synthesize(""), "bad_request"),
    (lambda c: c.synthesize(" \n\t"), "bad_request"),
    (lambda c: c.synthesize("\ud800"), "bad_request"),
    (lambda c: c.synthesize("x", format="midi"), "bad_request"),
    (lambda c: c.synthesize("x", priority="urgent"), "bad_request"),
    (lambda c: c.synthesize("x", keep_alive="soon"), "bad_request"),
    (lambda c: c.synthesize("x", model="en"), "bad_request"),
    (lambda c: c.transcribe(b""), "input_unreadable"),
    (lambda c: c.transcribe("/nowhere/a.wav"), "input_unreadable"),
    (lambda c: c.preload("stt", keep_alive="soon"), "bad_request"),
])  # fmt: skip
def test_bad_arguments_cost_no_worker(
    ask: Callable[[Client], object], code: str, start_router: Start, client: Client
) -> None:
    """Nonsense is refused before anything is sent."""
    router = start_router()
    with hushd_error(code):
        ask(client)
    assert router.heard == []


# --- workers ----------------------------------------------------------------------------------------------------------


def test_preloading_asks_for_all_at_once(start_router: Start, client: Client) -> None:
    """All workers are asked for before the first is ready, and an error of one is raised."""

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        asked.append(message)
        if len(asked) == 2:
            assert isinstance(asked[0], m.Request)
            router.send(route, m.Result(id=asked[0].id))
            router.send(route, m.Error(id=asked[1].id, code="engine_missing", message="No such engine."))  # type: ignore[attr-defined]

    asked: list[m.Message] = []
    router = start_router(script)
    with pytest.raises(HushdError, match="No such engine"):
        client.preload("stt", "tts/none", keep_alive=-1)
    assert [(r.worker, r.op, r.input, r.keep_alive) for r in router.of(m.Request)] == [
        ("stt", "warm", "none", -1.0), ("tts/none", "warm", "none", -1.0),
    ]  # fmt: skip


def test_no_supervisor_and_no_start(runtime: Path, sound: Path) -> None:
    """HUSHD_AUTOSTART=0, and a client that shall not start one, both end with no_supervisor, exit code 3."""
    for client in (Client(), Client(start=False)):
        with pytest.raises(HushdError) as caught:
            client.transcribe(sound)
        assert (caught.value.code, caught.value.exit_code) == ("no_supervisor", 3)


def test_a_dropped_client_leaves(start_router: Start, sound: Path) -> None:
    """A Client that nobody closed ends its thread when it is collected; one in use by a speech does not."""
    start_router(hearing)
    before = threading.active_count()
    client = Client()
    heard = client.transcribe_stream(sound)
    del client
    gc.collect()
    assert heard.transcript().text == "Hi."
    del heard
    gc.collect()
    wait_until(lambda: threading.active_count() <= before, "the thread's end")


# --- the package ------------------------------------------------------------------------------------------------------


def test_importing_is_cheap() -> None:
    """`import hushd` loads no zmq; a Client no numpy, asyncio, sounddevice or plugin."""
    script = """
import sys, hushd
assert not {"zmq", "hushd.client"} & set(sys.modules), sys.modules
hushd.Client, hushd.Transcript, hushd.Speech
print(sorted({"numpy", "asyncio", "sounddevice", "subprocess", "http", "soundfile"} & set(sys.modules)))
hushd.Client()
assert not {"asyncio", "hushd.aio"} & set(sys.modules)
hushd.AsyncClient
assert not [name for name in sys.modules if name.startswith("hushd_wake")]
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
