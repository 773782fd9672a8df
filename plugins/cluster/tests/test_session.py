"""The cluster that a command connects to; without Ray."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
from hushd_protocol.errors import HushdError

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    pytest.mark.usefixtures("ray"),
]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options with which Ray is begun, on a machine without a cluster; None once it has ended."""
    from hushd_cluster import session

    calls: list[Any] = []

    def init(**options: Any) -> None:
        calls.append(options)
        if options["address"] != "local":
            raise ConnectionError("Could not find any running Ray instance.")

    ended = SimpleNamespace(
        init=init, shutdown=lambda: calls.append(None), exceptions=__import__("ray").exceptions, nodes=list
    )
    monkeypatch.setattr(session, "ray", ended)
    monkeypatch.setattr(session, "_last", lambda: "")
    monkeypatch.setattr(session.console, "silence_libraries", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    return calls


def test_a_machine_without_a_cluster_is_one_for_a_corpus(
    begun: list[dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    """It says so in one sentence, and ends with the command."""
    from hushd_cluster import session

    with suppress(ZeroDivisionError), session.connected(None, or_local=True):
        raise ZeroDivisionError
    assert [call and call["address"] for call in begun] == ["auto", "local", None]
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("address", "or_local"), [("127.0.0.1:1", True), (None, False)])
def test_no_other_cluster_is_begun(begun: list[dict[str, Any]], address: str | None, or_local: bool) -> None:
    """An address was given, or the command is about a cluster that stays."""
    from hushd_cluster import session

    with pytest.raises(HushdError, match="No Ray cluster was found"), session.connected(address, or_local=or_local):
        pass
    assert "local" not in [call and call["address"] for call in begun]


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_ray_that_does_not_begin_ends_with_a_sentence(
    begun: list[dict[str, Any]], interrupted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence comes in time, or at Ctrl-C; nothing more is asked of it, since that would not come back either."""
    from hushd_cluster import session

    monkeypatch.setattr(session, "BEGIN_TIMEOUT_S", 60.0 if interrupted else 0.01)
    monkeypatch.setattr(session, "_given_up", False)
    monkeypatch.setattr(session, "_calls", SimpleQueue())
    monkeypatch.setattr(session, "_has_thread", False)
    monkeypatch.setattr(session.atexit, "unregister", begun.append)

    def init(**options: Any) -> None:
        if interrupted:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        threading.Event().wait()

    monkeypatch.setattr(session.ray, "init", init)
    expected = (
        pytest.raises(KeyboardInterrupt) if interrupted else pytest.raises(HushdError, match="did not begin within")
    )
    with expected, session.connected(None):
        pass
    assert begun == [session.ray_worker.shutdown]


def test_the_thread_that_begins_ray_lives_on(begun: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's processes end with the thread that has started them, and a run with them, without a word."""
    from hushd_cluster import session

    threads: list[threading.Thread] = []
    monkeypatch.setattr(session.ray, "init", lambda **_: threads.append(threading.current_thread()))
    with session.connected(None):
        assert threads[0].is_alive()
    with session.connected(None):
        assert threads[1] is threads[0] is not threading.main_thread()


def test_a_ray_of_our_own_has_a_token_of_its_own(begun: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The program begins anew with one before it starts that Ray; to join a cluster it needs none, and has none."""
    from hushd_cluster import session

    class Begun(Exception):
        pass

    def begin(program: str, arguments: list[str]) -> None:
        raise Begun(os.environ["RAY_AUTH_MODE"], len(os.environ["RAY_AUTH_TOKEN"]))

    monkeypatch.delenv("RAY_AUTH_MODE")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    monkeypatch.setattr(session.os, "execv", begin)
    shown: list[tuple[int, int]] = []
    monkeypatch.setattr(session.os, "dup2", lambda *descriptors: shown.append(descriptors))
    monkeypatch.setattr(session.console, "errors", lambda: 77)
    with pytest.raises(Begun, match=r"'token', 64"), session.connected(None, or_local=True):
        pass
    assert [call and call["address"] for call in begun] == ["auto", None]
    assert shown == [(77, 2)], "its errors go where this program's went"


@pytest.mark.parametrize(
    ("token", "mode", "taken"),
    [(True, None, ["token", "0"]), (False, None, ["None", "0"]), (True, "disabled", ["disabled", "0"])],
)
def test_the_users_token_is_offered(tmp_path: Path, token: bool, mode: str | None, taken: list[str]) -> None:
    """`ray start` asks for it; who has none offers none, or would refuse the nodes; the user's mode counts."""
    if token:
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("secret")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    environment |= {"HOME": str(tmp_path)} | ({"RAY_AUTH_MODE": mode} if mode else {})
    code = """
import os, sys
from hushd_cluster import command
before = os.environ.get("RAY_AUTH_MODE")
sys.modules["hushd_cluster.serving"] = None  # as where there is no Ray: the command ends once it would import it
try:
    command.main("hushd cluster", ["status"])
except Exception:
    print(before, os.environ.get("RAY_AUTH_MODE"), len(os.environ.get("RAY_AUTH_TOKEN", "")))
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(mode), *taken]
