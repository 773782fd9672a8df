"""The arithmetic of `scripts/bench incident` and `fullsize`: no process is started."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benches import full_size, incident
from benches.full_size import Taken
from benches.incident import Speaker, Turns
from benches.process_memory import Held, Recording, parsed, total, within
from full_size.catalogue import MODELS

ROLLUP = """55d0-7ffd ---p 00000000 00:00 0                          [rollup]
Rss:              900000 kB
Pss:              600000 kB
Pss_Anon:         500000 kB
Pss_File:          99000 kB
Pss_Shmem:          1000 kB
"""
VOICE = Speaker("kokoro", "kokoro-v1.0", "kokoro", "python", "", "")


def played(*stages: tuple[str, dict[str, Held]]) -> Recording:
    """A recording with two samples a stage, a second apart."""
    memory = Recording(dict)
    for number, (name, sample) in enumerate(stages):
        memory.stages.append((2.0 * number, name))
        memory.samples += [(2.0 * number + 0.5, sample), (2.0 * number + 1.5, sample)]
    return memory


SERVER = played(
    ("used", {"server": Held(8000, 10)}),
    ("idle", {"server": Held(5400, 10)}),
    ("given back", {"server": Held(4440, 10)}),
    ("trimmed", {"server": Held(850, 10)}),
)
OURS = played(
    ("used", {"supervisor": Held(20), "TTS worker": Held(6000)}),
    ("idle", {"supervisor": Held(20), "TTS worker": Held(4000, 300), "STT worker": Held(900)}),
    ("given back", {"supervisor": Held(21)}),
)


def test_private_and_mapped_are_told_apart() -> None:
    """Shared memory counts as a process's own, and kB are 1024 bytes where MB are 10^6."""
    assert parsed(ROLLUP) == Held(pytest.approx(513.024), pytest.approx(101.376))
    assert total({"a": Held(1, 2), "b": Held(10, 20)}) == Held(11, 22)


def test_a_stage_ends_where_the_next_begins() -> None:
    """Its samples stand at shares of its time; the last stage ends with the last sample."""
    samples = [(second, {"": Held(second)}) for second in (1.0, 2.0, 4.0, 6.0)]
    stages = [(1.0, "first"), (5.0, "last")]
    assert [share for share, _ in within(samples, stages, "first")] == [0.0, 0.25, 0.75]
    assert within(samples, stages, "last") == [(1.0, {"": Held(6.0)})]


def test_the_figures_are_of_the_ends_of_stages() -> None:
    """And the most is of the first stage alone."""
    figures = incident._figures(SERVER, OURS)
    assert figures["one process, after del and gc.collect"] == 4440
    assert figures["one process, after malloc_trim too"] == 850
    assert figures["hushd, both idle"] == 4920
    assert figures["hushd, both idle: mapped besides"] == 300
    assert figures["hushd, after keep_alive"] == 21
    assert figures["one process, most while loading and at work"] == 8000


def test_the_section_says_what_was_refused_and_which_model_it_was() -> None:
    """Numbers with their thousands, and the code of the first refusal."""
    turns = [Turns(3000, 2, ": model_too_large"), Turns(6000, 0)]
    text = incident.section(incident._figures(SERVER, OURS), turns, VOICE, "2026-11-22", 3.2)
    assert "| both used, then idle | 5,400 | 4,920 |" in text
    assert "`keep_alive` | 4,440 | 21 |" in text
    assert "budget of 3,000 MB and both in turn, 2 of 4 requests were refused (`model_too_large`)." in text
    assert "budget of 6,000 MB and both in turn, 0 of 4 requests were refused." in text
    assert "int8 and kokoro, weights at random" in text


def test_the_picture_lays_both_out_by_stages() -> None:
    """A stage begins at one place for both, however long it took; the trimmed end is the right half of the last."""
    theirs = incident._laid_out(SERVER, incident.STAGES[:2])
    assert [second for second, _ in theirs] == [12.5, 37.5, 55.0, 65.0]
    end = incident._laid_out(SERVER, incident.STAGES[2:], "trimmed")
    assert [round(second, 1) for second, _ in end] == [73.8, 81.2, 90.0, 100.0]
    assert [incident._at(end, second) for second in (0, 80, 89, 95)] == [4440, 4440, 4440, 850]
    drawn = incident.picture(SERVER, OURS, incident._figures(SERVER, OURS))
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert "4,440 MB stay in one process that unloads them, 21 in hushd" in drawn


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
    assert "| `whisper/small` | 1,000 | 990 | 1,000 | 700 | 30 | 5.0 | 4.0 | 0.10 |" in text
    assert "| `onnx-asr/own` | – | 700 |" in text


def test_a_row_stays_until_its_model_is_measured_anew() -> None:
    """The section keeps the rows of other models, in the order of the catalogue, and has one for each."""
    row = Taken("whisper/small", 1000, 990, 700, 30, 1000, 5.0, 9.0, 4.0, 8.0, 0.1)
    before = full_size.section([replace(row, model="kokoro/kokoro-v1.0"), row], "2026-11-21", 15)
    rows = full_size.section([replace(row, learnt=500)], "2026-11-22", 15, before).splitlines()[-2:]
    assert rows[0].startswith("| `whisper/small` | 1,000 | 500 |")
    assert rows[1].startswith("| `kokoro/kokoro-v1.0` | 1,000 | 990 |")


@pytest.mark.parametrize("case", [incident.incident, full_size.full_size])
def test_without_models_a_note_says_how_to_make_them(case: object, tmp_path: Path) -> None:
    """No folder is named, or an empty one: nothing is started."""
    for models in (None, tmp_path):
        rows = list(case(Namespace(models=models, document=False, engine=None)))
        assert [row.value for row in rows] == [None]
        assert "--models names a folder" in rows[0].note or "scripts/fullsize make" in rows[0].note


def test_every_model_that_can_be_made_has_a_bare_load() -> None:
    """By its name or its engine's, and a statement that compiles; sherpa-onnx, of six families, has none."""
    for name in (name for name in MODELS if not name.startswith("sherpa-onnx/")):
        statement = full_size._BARE.get(name) or full_size._BARE[name.partition("/")[0]]
        compile(statement.format(path="p", folder="f", kind="k", precision=None), name, "exec")


def test_files_of_a_model_are_found_in_both_layouts(tmp_path: Path) -> None:
    """A folder of its own, or files of its name beside others'."""
    (tmp_path / "onnx-asr/a").mkdir(parents=True)
    (tmp_path / "onnx-asr/a/encoder.onnx").touch()
    (tmp_path / "whisper").mkdir()
    for name in ("small.pt", "small.en.pt"):
        (tmp_path / "whisper" / name).touch()
    assert [path.name for path in full_size._files(tmp_path, "onnx-asr/a")] == ["encoder.onnx"]
    assert [path.name for path in full_size._files(tmp_path, "whisper/small")] == ["small.pt"]
    assert full_size._files(tmp_path, "whisper/medium") == []
