"""The engine `server` that hears: the text of any server, word times only of those that have real ones."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_protocol.errors import HushdError
from hushd_worker.job import Cancelled
from hushd_worker_stt.engine import RATE, Options, PieceLength, Word
from hushd_worker_stt.engines.server import TranscriptionServer
from support import servers
from support.refusals import hushd_error

Make = Callable[..., TranscriptionServer]
SECOND = np.full(RATE, 0.1, np.float32)


@pytest.fixture
def make(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """`make(*lies, **keys of the file)`: the engine, loaded with a server `mine`."""
    monkeypatch.setenv("TOLD", str(runtime / "told"))
    made = []

    def load(*lies: str, **keys: Any) -> TranscriptionServer:
        servers.write(runtime, "mine", *lies, **{"speech": False, "languages": ["en"]} | keys)
        engine = TranscriptionServer()
        engine.load("mine", lambda note: None)
        made.append(engine)
        return engine

    yield load
    for each in made:
        each.close()


def told(runtime: Path) -> dict[str, str]:
    """The path and the fields of the last request's form."""
    last = json.loads((runtime / "told").read_text().splitlines()[-1])
    fields = re.findall(r'name="([^"]+)"[^\r]*\r\n(?:Content-Type[^\r]*\r\n)?\r\n(.*?)\r\n--', last["body"], re.DOTALL)
    return {"path": last["path"]} | dict(fields)


def hear(engine: TranscriptionServer, **options: Any) -> list[Any]:
    return list(engine.transcribe(SECOND, Options(**options)))


def test_hears(make: Make, runtime: Path) -> None:
    engine = make(model="tiny", piece=[5, 10], env={"TOLD": str(runtime / "told")})
    (segment,) = hear(engine, language="en", prompt="Mr Kay", hotwords="blue, red", temperature=0.2)
    assert (segment.start, segment.end, segment.text, segment.words) == (0.0, 1.0, "heard 1.0", ())
    fields = told(runtime)
    assert fields.pop("file").startswith("RIFF")
    assert fields == {
        "path": "/v1/audio/transcriptions", "model": "tiny", "language": "en", "prompt": "Mr Kay, blue, red",
        "temperature": "0.2", "response_format": "verbose_json",
    }  # fmt: skip
    assert [each.PIECE for each in (engine, make(), make(whole=True))] == [
        PieceLength(5, 10), PieceLength(15, 30), PieceLength(3600, 3600),
    ]  # fmt: skip
    detected = engine.detect_language(SECOND)
    assert detected is not None
    assert detected.tag == "en"


def test_word_times_are_offered_where_they_are_real(make: Make, runtime: Path) -> None:
    """The file says so: servers are known that invent them."""
    assert not hear(make(), word_times=True)[0].words
    assert [model.word_times for model in TranscriptionServer.models()] == [False]
    engine = make(words=True, env={"TOLD": str(runtime / "told")})
    assert hear(engine, word_times=True)[0].words == (Word("heard", 0.0, 0.1),)
    assert told(runtime)["timestamp_granularities[]"] == "segment"  # the last of two
    assert [model.word_times for model in TranscriptionServer.models()] == [True]


def test_only_the_fields_that_it_takes(make: Make, runtime: Path) -> None:
    engine = make(send=["file", "model"], model="tiny", env={"TOLD": str(runtime / "told")})
    hear(engine, language="en", decoder={"extra": {"vad": True}})
    assert set(told(runtime)) == {"path", "file", "model", "vad"}


def test_words_asked_for_in_the_path(make: Make, runtime: Path) -> None:
    """whisper-asr-webservice takes them so."""
    engine = make(like="asr-webservice", env={"TOLD": str(runtime / "told")})
    assert hear(engine, language="en")
    assert told(runtime)["path"].endswith("&language=en&word_timestamps=false")
    assert set(told(runtime)) == {"path", "audio_file"}


def test_an_api_of_its_own(make: Make, runtime: Path) -> None:
    form = {"audio_file": "{audio}", "task": "transcribe"}
    engine = make(like=None, hear="/asr?output=json", form=form, env={"TOLD": str(runtime / "told")})
    assert hear(engine, language="en")
    assert told(runtime) | {"audio_file": ""} == {"path": "/asr?output=json", "audio_file": "", "task": "transcribe"}


@pytest.mark.parametrize(("lie", "said"), [
    ("page", "answered without a transcript: Model not found"),
    ("nothing", "answered without a transcript: nothing"),
    ("error", "answered without a transcript: no model is loaded"),
])  # fmt: skip
def test_no_lie_is_a_transcript(make: Make, lie: str, said: str) -> None:
    with hushd_error("engine_missing", has=f"The server mine {said}"):
        make(lie)
    engine = make(f"later={lie.replace('=', ':')}")
    with hushd_error("worker_failed", said=f"The server mine {said}."):
        hear(engine)


def says(content: bytes, kind: bytes = b"application/json") -> dict[str, Any]:
    """Options by which the server answers with this."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(content))
    return {"decoder": {"extra": {"lie": f"says={base64.b64encode(head + content).decode()}"}}}


LIES = [
    (b'{"text": "", "error": "CUDA out of memory"}', "failed: CUDA out of memory"),
    (b'{"text": "", "error": {"message": "no GPU", "code": 5}}', "failed: no GPU"),
    (b'{"text": "half a", "error": "CUDA out of memory"}', "failed: CUDA out of memory"),
    (b'{"segments": [], "errors": ["bad model"]}', "failed: bad model"),
    (b'{"text": "", "detail": "model is loading"}', "failed: model is loading"),
    (b'{"text": " ", "message": "quota exceeded"}', "failed: quota exceeded"),
    (b'{"text": "", "success": false}', "failed: it does not say why."),
    (b'{"text": null, "error": "x y"}', "answered without a transcript: x y"),
    (b'{"result": "hello"}', "answered without a transcript: hello"),
    (b'{"text": "\xe2\x80\x8b\xe2\x80\x8b\xef\xbb\xbf"}', "answered with a text of 3 characters without a letter"),
    (b'{"text": "\xef\xbf\xbd\xef\xbf\xbd"}', "answered with a text of 2 characters without a letter"),
]
PLAIN_LIES = [
    b'data: {"type": "transcript.text.delta", "delta": "Hi"}\n\n', b"event: error\ndata: out of memory\n\n",
    b": ping\ndata: {}\n\n", b"id: 1\ndata: x\n\n", b"WEBVTT\n\n00:00.000 --> 00:01.000\nHi\n",
    b"1\n00:00:00,000 --> 00:00:01,000\nHi\n", b"ab\0cd", b"\xff\xfe\x00", b"RIFF\x00\x01WAVE", b'{"text": "cut',
]  # fmt: skip


def test_an_answer_that_has_failed_is_quoted(make: Make) -> None:
    """A failure that comes with 200, events, subtitles and bytes are errors; a person's words and silence are texts."""
    engine = make()
    for content, said in LIES:
        with pytest.raises(HushdError) as raised:
            hear(engine, **says(content))
        assert raised.value.code == "worker_failed"
        assert raised.value.message.startswith(f"The server mine {said}"), content
    for content in PLAIN_LIES:
        with pytest.raises(HushdError, match=r"^The server mine answered without a transcript: "):
            hear(engine, **says(content, b"text/plain"))
    with pytest.raises(HushdError, match="answered without a transcript: Hello"):
        hear(engine, **says(b"Hello there.", b"text/event-stream"))
    for content, text in (
        (b"Hello: there.", "Hello: there."), (b"Data: they are here.", "Data: they are here."),
        (b'{"text": "Hi", "error": null}', "Hi"), (b'{"text": "Hi", "success": true, "msg": "ok"}', "Hi"),
        (b'{"text": "Hi", "message": "1 s"}', "Hi"), ('{"text": "\u4f60\u597d"}'.encode(), "\u4f60\u597d"),
    ):  # fmt: skip
        assert [each.text for each in hear(engine, **says(content, b"text/plain"))] == [text]
    assert hear(engine, **says(b'{"text": "", "error": "", "msg": "success"}')) == []


def test_words_beside_the_segments_are_those_of_their_times(make: Make) -> None:
    """A word in no segment is left out; segments with words of their own keep them."""
    segments = [{"start": start, "end": start + 0.2, "text": "a", "words": []} for start in (0.0, 0.3, 0.6)]
    segments[2]["words"] = [{"word": "own", "start": 0.6, "end": 0.7}]
    words = [{"word": f"w{at}", "start": at / 10, "end": at / 10 + 0.1} for at in (0, 1, 2, 3, 6, 9)]
    heard = hear(make(words=True), **says(json.dumps({"segments": segments, "words": words}).encode()))
    assert [[word.text for word in each.words] for each in heard] == [["w0", "w1"], ["w3"], ["own"]]


def test_several_at_once(make: Make) -> None:
    """The server answers none before it has three."""
    engine = make("later=meets:3", parallel=3)
    assert engine.batch == 3
    results = engine.transcribe_batch([SECOND, SECOND[:8000], SECOND], [Options()] * 3)
    assert [segments[0].text for segments in results] == ["heard 1.0", "heard 0.5", "heard 1.0"]


def test_a_cancel_closes_the_connection(make: Make) -> None:
    engine = make("later=hang")

    def gone() -> None:
        raise Cancelled

    engine.check = gone
    with pytest.raises(Cancelled):
        hear(engine)


def test_an_invalid_file_is_a_model_whose_use_reports_it(runtime: Path) -> None:
    servers.write(runtime, "mine", langages=["en"])
    assert [(model.name, TranscriptionServer.installed(model.name)) for model in TranscriptionServer.models()] == [
        ("mine", False)
    ]
    with pytest.raises(HushdError, match=r"there is no key 'langages' \(did you mean languages\?\)"):
        TranscriptionServer().load("mine", lambda note: None)
