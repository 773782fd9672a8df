"""The recordings of a folder, and the sentences that they read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_tune.clips import clips


def test_a_recording_without_a_text_does_not_count(tmp_path: Path) -> None:
    """A recording with an empty text does not either; a text that is not UTF-8 is refused in one sentence."""
    for name, text in (("a", "Hello.\n"), ("empty", " \n")):
        (tmp_path / f"{name}.wav").write_bytes(b"1")
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "alone.wav").write_bytes(b"3")
    assert [(clip.path.name, clip.sentence) for clip in clips(tmp_path)] == [("a.wav", "Hello.")]
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(HushdError, match=r"a\.txt is not in UTF-8"):
        clips(tmp_path)
