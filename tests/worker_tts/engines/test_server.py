"""The engine `server` that speaks: sound is passed on as it comes, and no lie is taken for speech."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import wav_header
from hushd_worker.job import Cancelled
from hushd_worker_tts.engine import AudioChunk, Voice
from hushd_worker_tts.engines.received_sound import decoded
from hushd_worker_tts.engines.server import SpeechServer
from support import servers
from support.peer import BOUND_S
from support.refusals import hushd_error

Make = Callable[..., SpeechServer]


@pytest.fixture
def make(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """`make(*lies, **keys of the file)`: the engine with a server `mine`."""
    monkeypatch.setenv("TOLD", str(runtime / "told"))
    made = []

    def load(*lies: str, **keys: Any) -> SpeechServer:
        servers.write(runtime, "mine", *lies, **{"hear": False} | keys)
        engine = SpeechServer("mine")
        engine.load(lambda note: None)
        made.append(engine)
        return engine

    yield load
    for each in made:
        each.close()


def told(runtime: Path) -> dict[str, Any]:
    return dict(json.loads(json.loads((runtime / "told").read_text().splitlines()[-1])["body"]))


def voice(name: str = "mine") -> Voice:
    return next(voice for voice in SpeechServer.voices() if voice.name == name)


def speak(
    engine: SpeechServer, text: str = "one two three", name: str = "mine", speed: float = 1.0
) -> list[AudioChunk]:
    return list(engine.synthesize(text, voice(name), speed))


def seconds(chunks: list[AudioChunk]) -> float:
    return sum(len(chunk.samples) / chunk.rate for chunk in chunks)


def test_speaks(make: Make, runtime: Path) -> None:
    engine = make(model="tiny")
    chunks = speak(engine, speed=1.25)
    assert seconds(chunks) == pytest.approx(0.3)
    assert chunks[0].rate == 8000
    assert abs(chunks[0].samples).max() == pytest.approx(8000 / 32768, abs=1e-4)
    assert told(runtime) == {"model": "tiny", "input": "one two three", "response_format": "wav", "speed": 1.25}
    assert not speak(engine, "…")  # nothing in it can be spoken


def heard_in_parts(engine: SpeechServer, gate: Path) -> float:
    """The seconds of a speech whose second part is sent once the first has been heard."""
    gate.unlink(missing_ok=True)
    heard = 0.0
    for chunk in engine.synthesize("one two three", voice(), 1.0):
        if not heard:
            assert not gate.exists(), "nothing was heard before all was there"
            gate.touch()
        heard += len(chunk.samples) / chunk.rate
    return heard


def test_streams(make: Make, tmp_path: Path) -> None:
    """A WAV file without a length, labelled as a page: the first sound comes before the last."""
    gate = tmp_path / "gate"
    gate.touch()  # for the proof
    engine = make("stream", env={"GATE": str(gate)})
    assert heard_in_parts(engine, gate) == pytest.approx(0.3)


@pytest.mark.parametrize("form", ["mp3", "flac", "ogg"])
def test_other_formats_are_decoded_as_they_come(make: Make, tmp_path: Path, form: str) -> None:
    """The first sound comes before the second half of the file; of FLAC FFmpeg wants ten frames, 1.7 s, first."""
    path = tmp_path / f"said.{form}"
    soundfile.write(path, np.random.default_rng(1).uniform(-0.3, 0.3, 6 * 24_000), 24_000)
    gate = tmp_path / "gate"
    gate.touch()  # for the proof
    engine = make(f"file={path}", body={"input": "{text}", "response_format": form}, env={"GATE": str(gate)})
    assert heard_in_parts(engine, gate) == pytest.approx(6, abs=0.2)


def test_bare_samples() -> None:
    """Their content type tells them, which may have a rate."""
    data = np.full(2400, 8000, "<i2").tobytes()
    for kind, rate in (("audio/pcm", 24_000), ("audio/L16;rate=16000", 16_000)):
        (chunk,) = decoded(iter([data]), kind)
        assert (chunk.rate, len(chunk.samples), round(float(chunk.samples[0]), 3)) == (rate, 2400, 0.244)


def test_samples_that_its_file_names(make: Make, runtime: Path) -> None:
    assert seconds(speak(make(stream="pcm", rate=16_000))) == pytest.approx(0.15 + 44 / 32_000, abs=0.001)
    assert told(runtime)["response_format"] == "pcm"


def test_a_body_of_its_own(make: Make, runtime: Path) -> None:
    engine = make(
        like=None, speech="/tts", body={"text": "{text}", "as": "voice {voice}!", "take": "{model}", "x": 0.5}
    )
    speak(engine)
    assert told(runtime) == {"text": "one two three", "as": "voice !", "x": 0.5}


def test_extra_fields_reach_it_and_may_be_refused(make: Make, runtime: Path) -> None:
    """Its refusal is the caller's error, in its own words."""
    engine = make(send=["input", "model"])
    engine.extra = {"exaggeration": 0.7}
    speak(engine)
    assert told(runtime) == {"input": "one two three", "exaggeration": 0.7}
    engine.extra = {"refuse": True}
    with hushd_error("bad_request", r"The server mine refused this \(422: refuse is not allowed\)\."):
        speak(engine)


@pytest.mark.parametrize(("lie", "said"), [
    ("page", "answered without sound: Model not found"),
    ("nothing", "answered without sound"),
    ("error", "answered without sound: no model is loaded"),
    ("silence", "answered without sound"),
    ("short", "ended the connection before the end of its answer"),
    ("status=500", "failed (500: Oops out of luck)"),
])  # fmt: skip
def test_no_lie_is_speech(make: Make, lie: str, said: str) -> None:
    """A lie is refused at the start, where the server proves itself, and later."""
    with hushd_error("engine_missing", has=f"The server mine {said}"):
        make(lie)
    engine = make(f"later={lie.replace('=', ':')}")
    with hushd_error("worker_failed", said=f"The server mine {said}."):
        speak(engine)


FLOATS = struct.pack(
    "<4sI4s4sIHHIIHH4sI", b"RIFF", 36, b"WAVE", b"fmt ", 16, 3, 1, 8000, 32_000, 4, 32, b"data", 32_000
)


@pytest.mark.parametrize(("body", "said"), [
    (b'{"error": {"message": "no model"}}', "answered without sound: no model"),
    (b'{ "detail": "CUDA out of memory" }', "answered without sound: CUDA out of memory"),
    (b"<!DOCTYPE html><h1>Bad gateway</h1>", "answered without sound: Bad gateway"),
    (b"Internal Server Error", "answered without sound: Internal Server Error"),
    (b"data: [DONE]\n\n", "answered without sound: data: [DONE]"),
    (b"no!!", "answered without sound: no!!"),
    (bytes(8000), "answered without sound"),
    (np.full(4000, 20, "<i2").tobytes(), "answered without sound"),
])  # fmt: skip
@pytest.mark.parametrize("stream", ["pcm", None])
def test_words_are_no_samples(make: Make, body: bytes, said: str, stream: str | None) -> None:
    """Samples are not either if they are ones that nobody hears, whatever the content type says."""
    engine = make(stream=stream)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nContent-Length: {len(body)}\r\n\r\n"
    engine.extra = {"lie": f"says={base64.b64encode(head.encode() + body).decode()}"}
    with hushd_error("worker_failed", said=f"The server mine {said}."):
        speak(engine)


@pytest.mark.parametrize(("sample", "said"), [
    (1e-40, "answered without sound"), (5e-4, "answered without sound"), (math.nan, "sent samples that are no numbers"),
    (math.inf, "sent samples that are no numbers"),
])  # fmt: skip
def test_samples_that_nobody_hears_are_no_speech(make: Make, sample: float, said: str) -> None:
    """A server that computes in floats sends denormals, which a player takes for silence, or infinity."""
    engine, body = make(), FLOATS + np.full(8000, sample, "<f4").tobytes()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: {len(body)}\r\n\r\n"
    engine.extra = {"lie": f"says={base64.b64encode(head.encode() + body).decode()}"}
    with hushd_error("worker_failed", said=f"The server mine {said}."):
        speak(engine)


def flac(seconds: int) -> bytes:
    """Silence after a click: hours of it take little room."""
    sink = io.BytesIO()
    soundfile.write(sink, np.append(np.ones(1, "<i2"), np.zeros(8000 * seconds, "<i2")), 8000, format="FLAC")
    return sink.getvalue()


def test_no_answer_has_more_sound_than_its_text(make: Make) -> None:
    """No answer has an impossible rate either: each is a sentence, and the server goes on, whoever keeps the error."""
    engine, kept = make(), []
    tone = np.full(4000, 8000, "<i2").tobytes()
    for kind, body, said in (
        ("audio/flac", flac(3600), "sent more than 73 s of sound for this text"),
        ("audio/pcm;rate=8000", tone * 300, "sent more than 73 s of sound for this text"),
        ("audio/pcm;rate=999", tone, "sent sound of an impossible rate, 999 Hz"),
        (
            "audio/wav",
            wav_header(8000, None)[:24] + b"\xff\xff\xff\x7f" + wav_header(8000, None)[28:] + tone,
            "sent sound of an impossible rate, 2147483647 Hz",
        ),
    ):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        engine.extra = {"lie": f"says={base64.b64encode(head.encode() + body).decode()}"}
        with pytest.raises(HushdError, match=f"^The server mine {said}") as raised:
            speak(engine)
        kept.append(raised)
    engine.extra = {}
    assert speak(engine)


def test_voices(make: Make, runtime: Path) -> None:
    """Those in its file, or those that it has listed; the first is the default. Another is not asked for: servers
    answer so with any of theirs."""
    engine = make("voices", voices="/voices")
    names = {each.name for each in SpeechServer.voices()}
    assert names == {"mine", "mine.anna", "mine.bert"}
    speak(engine, name="mine.bert")
    assert told(runtime)["voice"] == "bert"
    speak(engine)
    assert told(runtime)["voice"] == "anna"
    unknown = Voice("mine.carl", "en-US", "", "mine", True, "", 160)
    with pytest.raises(HushdError, match="The server mine has no voice 'carl'"):
        list(engine.synthesize("one", unknown, 1.0))
    servers.write(runtime, "mine", voices=["zoe"])
    assert {each.name for each in SpeechServer.voices()} == {"mine", "mine.zoe"}


def test_what_goes_on_after_a_cancel_is_let_finish(make: Make, runtime: Path) -> None:
    """The next request comes once it is done."""
    gate = runtime / "gate"
    engine = make("later=gate", "later=busy:1", stop_timeout=BOUND_S, env={"GATE": str(gate)})

    def gone() -> None:
        if len((runtime / "told").read_text().splitlines()) > 1:
            gate.touch()
            raise Cancelled

    engine.check = gone
    with pytest.raises(Cancelled):
        speak(engine)
    engine.check = lambda: None
    assert speak(engine)
    lines = (runtime / "told").read_text().splitlines()
    assert [json.loads(line)["path"].rpartition("/")[2] for line in lines] == [
        "speech", "speech", "done", "speech", "done",
    ]  # fmt: skip


def test_several_at_once(make: Make) -> None:
    """The server answers none before it has three."""
    engine = make("later=meets:3", parallel=3)
    assert engine.parallel == 3
    with ThreadPoolExecutor(3) as threads:
        assert all(threads.map(speak, [engine] * 3))


def test_an_invalid_file_is_a_voice_whose_use_reports_it(runtime: Path) -> None:
    (runtime / "servers").mkdir()
    (runtime / "servers" / "mine.toml").write_text('like = "openai"\n')
    assert voice().installed is False
    with hushd_error("model_missing", r"mine\.toml: it needs run = .* \(see .*SERVERS\.md\)"):
        SpeechServer("mine").load(lambda note: None)
