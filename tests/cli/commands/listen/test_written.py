"""`listen --written`, of files and at the microphone: a plugin writes the numbers, here one that knows "two"."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hushd import HushdError
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cli.commands.listen import command, microphone, written
from hushd_models import installation
from hushd_protocol.messages import Message, Partial, Request, Result
from hushd_schema.results import ResultWarning
from support.scripted_router import ScriptedRouter, Start


def two_of(language: str) -> Callable[[Segment], Segment] | None:
    return (lambda segment: replace(segment, text=segment.text.replace("two", "2"))) if language == "en" else None


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "entry_points", lambda group: {"written": f"{__name__}:two_of"})
    monkeypatch.setattr(written, "loaded", lambda target: two_of)


def segment(request: Request, n: int, language: str) -> Partial:
    data = {"kind": "segment", "id": n, "start": float(n), "end": n + 1.0, "text": f"two {n}", "language": language}
    return Partial(id=request.id, seq=n, data=data)


def speaking(*languages: str) -> Callable[[ScriptedRouter, bytes, Message], None]:
    """Answers each request with a segment in each of the languages."""

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            segments = [segment(message, n, language) for n, language in enumerate(languages)]
            router.send(route, *segments, Result(id=message.id, data={"language": languages[0], "duration": 9.0}))

    return script


def test_a_recording(plugin: None, start_router: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each segment by its language, in standard output and files; one sentence for each language without rules."""
    start_router(speaking("en", "nl", "nl", "en"))
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"sound")
    assert command.main("listen", [str(sound), "--written", "-f", "json"]) == 0
    out, error = capfd.readouterr()
    document = json.loads(out)
    assert [row["text"] for row in document["segments"]] == ["2 0", "two 1", "two 2", "2 3"]
    (warning,) = document["warnings"]
    assert warning == {
        "code": "not_written", "message": "Numbers stay words: --written does not know those of Dutch."
    }  # fmt: skip
    assert error.count(warning["message"]) == 1
    assert command.main("listen", [str(sound), "--written", "-o", str(tmp_path / "a.srt")]) == 0
    assert "2 3" in (tmp_path / "a.srt").read_text()
    assert command.main("listen", [str(sound)]) == 0
    assert "two 0" in capfd.readouterr().out


def test_the_language(plugin: None) -> None:
    """A segment's own, or else the one named; of a translation English; unlikely text stays."""
    heard = Segment(0, 0.0, 1.0, "two")
    for task, named, told, text in [
        (None, None, "en", "2"), (None, "en", "", "2"), (None, "en", "nl", "two"), ("translate", "nl", "nl", "2"),
        (None, "auto", "", "two"),
    ]:  # fmt: skip
        writer = written.Written(Namespace(task=task, language=named))
        assert writer.segment(heard, told).text == text
        assert len(writer.warnings) == (text == "two")
    assert "name it with --language" in writer.warnings[0].message
    assert writer.segment(replace(heard, unlikely=True), "en").text == "two"


def test_the_microphone(plugin: None) -> None:
    """Finished text has its numbers in digits, and the warning comes beside the worker's own."""

    class Heard:
        language = "en"

        def __iter__(self) -> Iterator[Segment]:
            yield Segment(0, 0.0, 1.0, "two")
            self.language = "nl"
            yield Segment(1, 1.0, 2.0, "two")

        def so_far(self, segments: Iterable[Segment]) -> Transcript:
            return Transcript(
                tuple(segments), "nl", 2.0, warnings=(ResultWarning(code="clipped", message="Too loud."),)
            )

    session = microphone._Session(cast(Any, Heard()), written.Written(Namespace(task=None, language=None)))
    assert [segment.text for segment in session] == ["2", "two"]
    assert [warning.code for warning in session.warnings] == ["clipped", "not_written"]


def test_without_the_plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One sentence with the line that installs it, before a recording is opened."""
    monkeypatch.setattr(written, "entry_points", lambda group: {})
    monkeypatch.setattr(installation, "plugins", dict)
    with pytest.raises(HushdError, match=r"^--written takes the plugin written: .*written.*\.$"):
        command.main("listen", [str(tmp_path / "none.wav"), "--written"])
