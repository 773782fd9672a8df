"""The arithmetic of `scripts/bench fullsize`: no process is started."""

from __future__ import annotations

from dataclasses import replace

from benches import full_size
from benches.full_size import Taken


def test_expectations_are_held_against_the_true_peak() -> None:
    """The learnt need and the catalogue's are missed and met as the goals say; a model without an estimate has none."""
    taken = Taken("whisper/small", 1000, 990, 700, 30, 1000, 5.0, 9.0, 4.0, 8.0, 0.1)
    learnt, expected = (row for row in full_size._rows(taken) if "learnt" in row.case or "expected" in row.case)
    assert (learnt.ok, expected.ok) == (True, True)
    unknown = Taken("onnx-asr/own", None, 700, 700, 30, 1000, 5.0, 9.0, 4.0, 8.0, 0.1)
    rows = list(full_size._rows(unknown))
    assert [row.ok for row in rows if "learnt" in row.case] == [False]
    assert not any("expected" in row.case for row in rows)
    text = full_size.section([taken, unknown], "2026-11-22", 15)
    assert "| `whisper/small` | 1,000 / 990 | 1,000 | 700 | 30 | 5.0 / 4.0 / 0.10 |" in text
    assert "| `onnx-asr/own` | – / 700 |" in text


def test_a_row_stays_until_its_model_is_measured_anew() -> None:
    """The section keeps the rows of other models, in the order of the catalogue, and has one for each."""
    row = Taken("whisper/small", 1000, 990, 700, 30, 1000, 5.0, 9.0, 4.0, 8.0, 0.1)
    before = full_size.section([replace(row, model="kokoro/kokoro-v1.0"), row], "2026-11-21", 15)
    rows = full_size.section([replace(row, learnt=500)], "2026-11-22", 15, before).splitlines()[-2:]
    assert rows[0].startswith("| `whisper/small` | 1,000 / 500 |")
    assert rows[1].startswith("| `kokoro/kokoro-v1.0` | 1,000 / 990 |")
