"""Manifests: lines that are right, wrong, and a million of them."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hushd_cluster import manifest
from hushd_cluster.recording import Recording
from hushd_cluster.sources import Manifest
from hushd_protocol.errors import HushdError
from support.refusals import hushd_error


def parsed(**fields: Any) -> Recording:
    return manifest.parse(json.dumps({"id": "17", "url": "s3://calls/17.wav", **fields}).encode())


def test_a_line_names_a_recording_and_its_options() -> None:
    """A line has the form of a request, and may leave things to the command."""
    recording = parsed(language="de", word_times=True, hotwords="Ada, Grace", clips=[0, 10], model="small", prompt=None)
    assert (recording.name, recording.place) == ("17", "s3://calls/17.wav")
    assert recording.options == {
        "language": "de", "word_times": True, "hotwords": "Ada, Grace", "clips": [0, 10], "model": "small",
    }  # fmt: skip


def test_speakers_are_told_apart_by_their_number_too() -> None:
    """A number of speakers asks for diarization by itself."""
    assert parsed(speakers=2).options == {"diarize": True, "speakers": 2}
    assert parsed(diarize=True).options == {"diarize": True}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"no", "not JSON"), (b"[]", "not a JSON object"), (b"{}", "no 'id'"), (b'{"id": "a"}', "no 'url'"),
        (b'{"id": "", "url": "a"}', "id must be text that is not empty"),
        (b'{"id": 7, "url": "a"}', "id must be text"), (b'{"id": "a\\\\b", "url": "a"}', "id has a control"),
        (b'{"id": "a", "url": "a", "langage": "de"}', "no 'langage' (did you mean language?)"),
        (b'{"id": "a", "url": "a", "beam_size": 0}', "beam_size must be a whole number from 1 to 100, not 0"),
        (b'{"id": "a", "url": "a", "diarize": 1}', "diarize must be true or false"),
        (b'{"id": "a", "url": "https://u:secret@h/a"}', "https://u@h/a was given with a password"),
        ('{"id": "a", "url": "https://u:secret@ex\u2100mple/a"}'.encode(), "https://… is not a URL"),
        ('{"id": "a", "url": "https://u:secret\uff20h/a"}'.encode(), "https://… is not a URL"),
        (b'{"id": "a", "url": "zip://x::https://u:secret@h/a"}', "was given with a password"),
        (b'{"id": "a", "url": "a", "clips": [1], "diarize": true}', "leave out clips"),
        (b'{"id": "a", "url": "a", "live": true}', "no 'live'"), (b"[" * 100_000, "not JSON"), (b"\xff", "not JSON"),
        (b'{"id": "a", "url": "' + b"a" * manifest.MAX_MANIFEST_LINE_BYTES + b'"}', "longer than"),
    ],
)  # fmt: skip
def test_a_wrong_line_says_why(line: bytes, sentence: str) -> None:
    """The error is one sentence, without a password."""
    with hushd_error("bad_request", has=sentence) as raised:
        manifest.parse(line)
    assert "secret" not in raised.value.message


def test_the_lines_around_a_wrong_one_are_read(tmp_path: Path) -> None:
    """Each wrong one is named by its number; an id that comes again is wrong too, and empty lines are nothing."""
    path = tmp_path / "corpus.jsonl"
    good = [json.dumps({"id": name, "url": f"/a/{name}"}) for name in ("1", "2", "3")]
    path.write_text(
        "\n".join([good[0], "", "wrong", good[1], good[0], "x" * (3 * manifest.MAX_MANIFEST_LINE_BYTES), good[2]])
    )
    source = Manifest(str(path))
    assert [each.name for each in source.recordings()] == ["1", "2", "3"]
    assert [sentence.removeprefix(f"{path}:")[:15] for sentence in source.faults] == [
        "3: It is not JS", "5: Its id '1' w", "6: It is longer",
    ]  # fmt: skip


def test_standard_input_is_a_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` names it."""
    data = io.BytesIO(b'{"id": "a", "url": "b"}\n')
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(data))
    assert [each.name for each in Manifest("-").recordings()] == ["a"]


def test_random_lines_end_in_a_recording_or_a_sentence() -> None:
    """No line ends in another exception."""
    chance = random.Random(41)
    words = ["id", "url", "language", "clips", "speakers", "hotwords", "x", "model", "decoder"]
    values = [
        "a", "", 1, -1, 1e400, None, True, [], [1, 2], [2, 1], {}, {"a": []}, "s3://b/c", "//", "https://[", "\ud800",
    ]  # fmt: skip
    for _ in range(3000):
        fields = {chance.choice(words): chance.choice(values) for _ in range(chance.randrange(5))}
        line = json.dumps({"id": "a", "url": "b"} | fields).encode()
        if chance.random() < 0.2:
            line = line[: chance.randrange(len(line))]
        codes: list[str] = []
        try:
            assert manifest.parse(line).name
        except HushdError as error:
            codes.append(error.code)
        assert codes in ([], ["bad_request"])
