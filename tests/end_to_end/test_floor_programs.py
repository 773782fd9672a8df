"""The floor, with real programs: `say`, `listen` and `hushd` as processes, on a device that keeps a diary."""

from __future__ import annotations

from pathlib import Path
from subprocess import Popen

import pytest
from support.diary import RATE, check_no_overlap
from support.peer import Supervisor, wait_until
from support.programs import Programs, finish


def one_waits(programs: Programs, first_s: float, second_s: float) -> tuple[Popen[bytes], Popen[bytes]]:
    """A `say` that is heard, and one that waits for it."""
    first = programs.say(first_s)
    programs.wait_for_sound(first)
    second = programs.say(second_s)
    wait_until(lambda: "waiting to speak or listen: 1" in programs.hushd("status"))
    return first, second


# --- say and listen ---------------------------------------------------------------------------------------------------


def test_two_says_never_overlap(programs: Programs) -> None:
    """Four programs that speak at once are heard one after the other, each to its end."""
    processes = [programs.say(0.5) for _ in range(4)]
    for process in processes:
        assert finish(process) == ""
    sounds = programs.sounds()
    assert [sound.heard for sound in sounds] == [8000] * 4
    assert {sound.pid for sound in sounds} == {process.pid for process in processes}
    check_no_overlap(sounds)


def test_something_urgent_interrupts(programs: Programs) -> None:
    """The lower one fades out, says why in one sentence, and ends with 130; what it was to say is not said."""
    text = programs.say(60)  # not held: it has a second in which to fade out
    programs.wait_for_sound(text)
    urgent = programs.say(0.1, "--priority", "message")
    assert finish(text, 130) == "say: Another program has something more urgent to say.\n"
    finish(urgent)
    sounds = programs.sounds()
    check_no_overlap(sounds)
    assert sounds[0].heard < 60 * RATE
    assert sounds[1].heard == 1600


def test_stop_speaking_is_silence(programs: Programs) -> None:
    """`hushd stop` ends who speaks and who waits, with 130."""
    with programs.held():
        first, second = one_waits(programs, 7, 1)
        programs.hushd("stop")
    for process in (first, second):
        assert finish(process, 130) == "say: It was stopped.\n"
    assert len(programs.sounds()) == 1


def test_pause_and_resume(programs: Programs) -> None:
    """A paused `say` leaves the loudspeaker, another may have it, and every sample is heard once all the same."""
    with programs.held():
        paused = programs.say(2)
        programs.wait_for_sound(paused)
        status = programs.hushd("status")
        assert f"speaker: turn 1 of say, pid {paused.pid}, text, for 0:" in status
        programs.hushd("pause", "1")
    wait_until(lambda: programs.lines("close", paused.pid), "silence")
    other = programs.say(0.1)
    finish(other)
    assert paused.poll() is None
    programs.hushd("resume")
    finish(paused)
    sounds = programs.sounds()
    check_no_overlap(sounds)
    assert [sound.pid for sound in sounds] == [paused.pid, other.pid, paused.pid]
    # At the loudness 0 of a fade even speech counts as silence.
    assert 32000 - 4 <= sounds[0].heard + sounds[2].heard <= 32000


def test_a_pause_is_kept_while_no_supervisor_runs(
    programs: Programs, supervisor: Supervisor, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hushd pause` starts a supervisor if need be; after that has left `status` says so, and the next one heeds it."""
    supervisor.stop()
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    programs.hushd("pause")
    assert (runtime / "paused").exists()
    programs.hushd("shutdown")
    assert "Speaking is paused: `hushd resume` goes on." in finish(programs.start("hushd", "status"), 3)
    paused = programs.say(0.1)
    wait_until(lambda: (runtime / "client.sock").exists(), "the next supervisor")
    assert "speaking is paused" in programs.hushd("status")
    wait_until(lambda: "waiting to speak or listen: 1" in programs.hushd("status"), "the claim")
    assert not programs.sounds()
    programs.hushd("resume")
    finish(paused)
    assert not (runtime / "paused").exists()
    assert programs.sounds()[-1].heard == 1600
    programs.hushd("shutdown")


# --- accidents --------------------------------------------------------------------------------------------------------


def test_a_killed_say_blocks_nobody(programs: Programs) -> None:
    """SIGKILL in the middle of a word: the next one speaks."""
    with programs.held():
        first, second = one_waits(programs, 7, 0.1)
        first.kill()
    finish(second)
    assert programs.sounds()[-1].heard == 1600
