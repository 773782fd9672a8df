"""The memory of sessions: nothing is said twice, and silence reaches who speaks."""

from __future__ import annotations

import threading
from pathlib import Path

from hushd_cli.commands.agents import sessions
from hushd_cli.commands.agents.sessions import Session
from hushd_protocol.system import paths
from support.peer import BOUND_S


def session(name: str = "s", clock: float = 0.0) -> Session:
    return Session(paths.find(), name, lambda: clock)


def test_an_answer_is_taken_once(runtime: Path) -> None:
    """A hook that fires twice in a turn is heard once; the same words in another turn are another answer."""
    assert session().remember("Done.", "t1")
    assert not session().remember("Done.", "t1")
    assert session().remember("Done, really.", "t1")  # a hook of somebody's has it go on
    assert session().remember("Done.", "t2")
    assert session("other").remember("Done.", "t1")


def test_prompts_count_where_turns_have_no_name(runtime: Path) -> None:
    """The same answer to a new prompt is heard again."""
    assert session().remember("Done.", "")
    assert not session().remember("Done.", "")
    session().hush(prompt=False)
    assert not session().remember("Done.", "")
    session().hush(prompt=True)
    assert session().remember("Done.", "")


def test_the_memory_is_bounded_and_holds_no_word(runtime: Path) -> None:
    """However long a session, its file stays small, and others cannot read it."""
    for number in range(100):
        assert session().remember(f"secret {number}", "t")
    (file,) = (runtime / "agents").iterdir()
    assert file.stat().st_size < 4096
    assert b"secret" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    for number in range(sessions.MAX_SESSIONS + 10):
        session(str(number)).remember("a", "t")
    sessions.prune(paths.find())
    assert len(list((runtime / "agents").iterdir())) == sessions.MAX_SESSIONS


def test_hush_reaches_who_speaks(runtime: Path) -> None:
    """Those of the session fall silent, others speak on until all are to be silent."""
    ended, other = threading.Event(), threading.Event()
    with session("other").speaking(other.set), session().speaking(ended.set) as may_speak:
        assert may_speak
        session().hush(prompt=True)
        assert ended.wait(BOUND_S)
        assert not other.is_set()
        sessions.hush(paths.find())
        assert other.wait(BOUND_S)
    assert not list((runtime / "agents").glob("*.[0-9]*"))
