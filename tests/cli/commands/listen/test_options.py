"""The options of `listen`: whisper's names, and what they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hushd.verbs.requests import transcribe_params
from hushd_cli.commands.listen.options import parse, transcribe_options
from hushd_protocol.errors import HushdError
from support.refusals import hushd_error


def asked(*argv: str) -> dict[str, Any]:
    return transcribe_params(transcribe_options(parse("listen", argv)))


@pytest.mark.parametrize(("argv", "expected"), [
    ([], {}),
    (["--language", "en"], {"language": "en"}),
    (["--initial-prompt=a_b"], {"prompt": "a_b"}),
    (["--hotwords", "Ada, Babbage"], {"hotwords": "Ada, Babbage"}),
    (["--word_timestamps"], {"word_times": True}),
    (["--word-timestamps=true"], {"word_times": True}),
    (["--word_timestamps", "False"], {}),
    (["--diarize", "--speakers", "3"], {"diarize": True, "speakers": 3}),
    (["--speakers", "3"], {"diarize": True, "speakers": 3}),
    (["--min-silence", "0.5"], {"min_silence_s": 0.5}),
    (["--speech_pad", "0.2", "--max-segment", "20"], {"speech_pad_s": 0.2, "max_segment_s": 20.0}),
])  # fmt: skip
def test_what_is_asked_for(argv: list[str], expected: dict[str, Any]) -> None:
    """Dashes and underscores are the same, switches stand alone or have True or False."""
    assert asked("a.wav", *argv) == expected
    assert asked(*argv, "a.wav") == expected


def test_own_words_are_read_from_their_file(tmp_path: Path) -> None:
    """The file is on the command's machine, not on the worker's; a file that cannot be read is one sentence."""
    (tmp_path / "names.txt").write_text("Qdrant\nkubectl = cube control\n")
    assert asked("a.wav", "--words", f"{tmp_path}/names.txt") == {"own_words": "Qdrant\nkubectl = cube control\n"}
    with pytest.raises(HushdError, match=r"^'\S+/none.txt' cannot be read \(No such file or directory\)\.$"):
        asked("a.wav", "--words", f"{tmp_path}/none.txt")


@pytest.mark.parametrize(("argv", "words"), [
    (["--beam_size", "0"], "--beam-size must be a whole number from 1 to 100, not '0'"),  # and so on: tests/golden
    (["--silence", "1", "a.wav"], "are for the microphone"),
    (["--continuous", "a.wav"], "are for the microphone"),
    (["--device", "x", "-"], "are for the microphone"),
    (["--min-silence", "1"], "is for FILE"),
    (["--clip_timestamps", "0,30"], "name its FILE"),
    (["--clip_timestamps", "0,30", "--diarize", "a.wav"], "leave out --clip-timestamps"),
    (["--resume", "-"], "which - and a pipe do not allow"),
    (["-o", "x", "--output_dir", "y", "a.wav"], "--output and --output-dir both say where the text goes"),
    (["--resume"], "name its FILE"),
    *((["--speaker", word, "a.wav"], "as in Ann=ann.wav") for word in ("=a.wav", "Ann=", "SPEAKER_00=a.wav")),
    (["--resume", "--diarize", "a.wav"], "leave out --resume"),
    (["--continuous", "--diarize"], "record first, and name its FILE"),
    (["--align", "a.txt"], "name its FILE"),
    (["--align", "a.txt", "a.wav", "b.wav"], "for one FILE"),
    (["--align", "a.txt", "--diarize", "a.wav"], "without --diarize"),
])  # fmt: skip
def test_mistakes(argv: list[str], words: str) -> None:
    """Each is a bad_request that names the option."""
    with hushd_error("bad_request", has=words):
        parse("listen", argv)
