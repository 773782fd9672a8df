"""Tests of the door on real sockets, with a real gateway process where one is needed."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hushd_models import listings
from hushd_protocol.errors import HushdError
from hushd_protocol.system import uploads
from hushd_protocol.system.paths import find
from hushd_schema.description import SpeakingDescription
from hushd_schema.settings import HttpSettings, Settings, WyomingSettings, access
from hushd_supervisor.system.process import Child
from hushd_supervisor.system.serving import listeners
from hushd_supervisor.system.serving.connections import FIRST_S, IDLE_S, MAX_PER_PEER
from hushd_supervisor.system.serving.door import open_door
from hushd_supervisor.system.serving.lingering_close import LINGER_S
from support.doorway import SETTINGS, Doorway, is_whole

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
WORK = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
DESCRIBE = b'{"type": "describe", "version": "1.10.2"}\n'
VOICES = HEALTH.replace(b"/health", b"/v1/audio/voices")


def test_polls_start_no_gateway(tmp_path: Path) -> None:
    """An hour of Home Assistant, a health check and Prometheus: 0 processes, each answer what its program expects."""
    with Doorway(tmp_path) as doorway, doorway.connect() as prometheus:
        for second in range(0, 3600, 5):
            if second % 10 == 0:
                assert doorway.ask(HEALTH).endswith(b"\r\n\r\nOK")
            if second % 15 == 0:
                prometheus.send(HEALTH.replace(b"/health", b"/metrics"))
                assert b"hushd_up 1" in doorway.read(prometheus, is_whole)
            if second % 30 == 0:
                with doorway.connect("wyoming") as assistant:
                    assistant.send(DESCRIBE)
                    answer = doorway.read(assistant, lambda data: data.endswith(b'"satellite": null}'))
                    assert json.loads(answer.split(b"\n")[0])["type"] == "info"
            doorway.now += 5
            doorway.turn()
        prometheus.close()
        doorway.until(lambda: doorway.door.status().connections == 0, "the end of the last")
        assert doorway.door.deadline() == float("inf")  # at rest the loop does not wake
        status = doorway.door.status()
        assert (status.gateway.starts, status.handovers, status.polls) == (0, 0, 360 + 240 + 120)


def test_everything_else_reaches_a_gateway_as_it_came(tmp_path: Path) -> None:
    """One process takes the requests of all connections, with the bytes that the door had read first."""
    with Doorway(tmp_path) as doorway:
        answers = [doorway.ask(WORK).partition(b"\r\n\r\n")[2].split() for _ in range(3)]
        (pid,) = {answer[0] for answer in answers}
        assert [answer[1:] for answer in answers] == [[b"POST", b"/v1/audio/speech", b"5"]] * 3
        assert (doorway.gateway.starts, doorway.gateway.pid) == (1, int(pid))


def test_a_connection_that_has_polled_may_go_on_with_work(tmp_path: Path) -> None:
    """A poll and a request in one packet, and an event after `describe`: the first is the door's, the rest not."""
    with Doorway(tmp_path) as doorway, doorway.connect() as connection, doorway.connect("wyoming") as assistant:
        connection.send(HEALTH + WORK)
        answers = doorway.read(connection, lambda data: data.count(b"HTTP/1.1 200 OK") == 2 and data.endswith(b" 5"))
        assert b"\r\n\r\nOKHTTP/1.1 200 OK" in answers
        assistant.send(DESCRIBE)
        doorway.read(assistant, lambda data: data.endswith(b"}"))
        assistant.send(b'{"type": "transcribe"}\n')
        assert doorway.read(assistant, lambda data: data.endswith(b"\n")) == b'{"type": "transcribe"}\n'
        assistant.send(DESCRIBE)  # now the gateway's
        assert doorway.read(assistant, lambda data: data.endswith(b"\n")) == DESCRIBE


def test_a_websocket_is_handed_over_and_upgraded(tmp_path: Path) -> None:
    """The upgrade is a request like any other; what follows is uvicorn's."""
    request = (
        b"GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with Doorway(tmp_path) as doorway, doorway.connect() as connection:
        connection.send(request)
        assert b" 101 " in doorway.read(connection, lambda data: data.endswith(b"\r\n\r\n"))
        connection.send(b"\x81\x82\x00\x00\x00\x00hi")  # a text, masked with zeros
        assert doorway.read(connection, lambda data: len(data) == 4) == b"\x81\x02hi"


def test_an_idle_gateway_leaves_and_the_next_connection_starts_another(tmp_path: Path) -> None:
    """Nothing is lost at the seam: a connection that comes while the old one leaves waits for the next."""
    with Doorway(tmp_path, "--idle", "0") as doorway:
        pids = set()
        for _ in range(12):
            pids.add(doorway.ask(WORK.replace(b"Host", b"Connection: close\r\nHost")).split()[-4])
        doorway.until(lambda: doorway.gateway.pid is None, "a gateway that left")
        assert len(pids) == doorway.gateway.starts > 1
        assert not [line for line in doorway.log if line.startswith("error")]


def test_a_connection_that_a_dead_gateway_left_behind_is_served_by_the_next(tmp_path: Path) -> None:
    """Sent, and not received: a gateway that ends then has not lost it."""
    with Doorway(tmp_path, "--deaf") as doorway, doorway.connect() as connection:
        connection.send(WORK)
        doorway.until(lambda: doorway.gateway.pid is not None, "a gateway")
        doorway.passes(20)  # so long that its end is not that of a failed start
        doorway.flags = ()
        os.kill(doorway.gateway.pid or 0, signal.SIGKILL)
        assert b" 200 " in doorway.read(connection, is_whole)
        assert doorway.gateway.starts == 2


def test_a_gateway_that_dies_at_its_start_is_an_answer_of_503(tmp_path: Path) -> None:
    """With the time after which to ask again; until then none is started, and the polls go on."""
    with Doorway(tmp_path, "--die") as doorway:
        first, second = doorway.ask(WORK), doorway.ask(WORK)
        assert all(b" 503 " in answer and b"\r\nRetry-After: 1\r\n" in answer for answer in (first, second))
        assert json.loads(first.partition(b"\r\n\r\n")[2])["error"]["message"].endswith("ask again in a moment.")
        assert doorway.gateway.starts == 1
        assert doorway.ask(HEALTH).endswith(b"OK")
        assert doorway.ask(b'{"type": "transcribe"}\n', "wyoming") == b""
        doorway.now += 1.5
        assert b"\r\nRetry-After: 2\r\n" in doorway.ask(WORK)
        doorway.now, doorway.flags = doorway.now + 2.5, ()
        assert b" 200 " in doorway.ask(WORK)


def _is_broken(connection: socket.socket) -> bool:
    try:
        return connection.send(b"more") < 0
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_a_refused_program_that_still_sends_can_read_why(tmp_path: Path) -> None:
    """Its body is thrown away, where unread bytes would discard the answer; soon the connection is closed after all."""
    with Doorway(tmp_path, "--die") as doorway, doorway.connect() as connection, doorway.connect() as endless:
        body = bytes(1_000_000)
        data = memoryview(WORK.replace(b"Content-Length: 5\r\n\r\nhello", b"Content-Length: 1000000\r\n\r\n") + body)

        def sent() -> bool:
            nonlocal data
            with suppress(BlockingIOError):
                data = data[connection.send(data) :]
            return not data

        doorway.until(sent, "the whole body")
        assert b" 503 " in doorway.read(connection, is_whole)
        endless.send(WORK)
        assert b" 503 " in doorway.read(endless, is_whole)
        doorway.now += LINGER_S
        doorway.turn()
        assert doorway.door.deadline() > doorway.now
        doorway.until(lambda: _is_broken(endless), "the end of the connection")


def test_slow_and_idle_connections_are_dropped(tmp_path: Path) -> None:
    """A request must come within 10 s, however it trickles; between two polls there is a minute."""
    with (
        Doorway(tmp_path) as doorway,
        doorway.connect() as slow,
        doorway.connect() as silent,
        doorway.connect() as keeps,
    ):
        keeps.send(HEALTH)
        doorway.read(keeps, is_whole)
        for byte in HEALTH[:9]:
            slow.send(bytes([byte]))
            doorway.turn()
            doorway.now += FIRST_S / 10
        doorway.passes(FIRST_S / 5)
        assert doorway.read(slow) == doorway.read(silent) == b""
        assert doorway.door.status().connections == 1
        doorway.passes(IDLE_S["http"])
        assert doorway.read(keeps) == b""
        assert doorway.door.deadline() == float("inf")  # at rest the loop need not wake


def test_connections_are_bounded_and_those_at_rest_make_room(tmp_path: Path) -> None:
    """One that only rests is given up for another, then the oldest that has sent nothing: it is told when to come."""
    with Doorway(tmp_path, most=3) as doorway:
        rests = doorway.connect()
        rests.send(HEALTH)
        doorway.read(rests, is_whole)
        waiting = [doorway.connect() for _ in range(3)]
        doorway.until(lambda: doorway.door.status().connections == 3, "three")
        assert doorway.read(rests) == b""
        assert doorway.ask(HEALTH).endswith(b"OK")
        answer = doorway.read(waiting[0], is_whole)
        assert b" 429 " in answer
        assert b"\r\nRetry-After: 1\r\n" in answer
        for connection in (rests, *waiting):
            connection.close()


def test_silent_connections_shut_nobody_out(tmp_path: Path) -> None:
    """As many as there may be: each further one is answered, at the cost of the oldest."""
    with Doorway(tmp_path) as doorway:
        crowd = [doorway.connect() for _ in range(MAX_PER_PEER)]
        doorway.until(lambda: doorway.door.status().connections == MAX_PER_PEER, "a crowd")
        for count in range(1, 31):
            assert doorway.ask(HEALTH).endswith(b"OK")
            assert doorway.door.status().refusals <= count
        assert doorway.door.status().refusals >= 1
        for connection in crowd:
            connection.close()


def test_a_poll_waits_until_the_engines_are_listed(tmp_path: Path) -> None:
    """Only the first ever: afterwards the last list is the answer."""
    with Doorway(tmp_path, described=False) as doorway, doorway.connect() as connection:
        connection.send(VOICES)
        doorway.until(lambda: doorway.door.status().connections == 1, "a connection")
        assert doorway.answers.wanted(doorway.now) == ["stt", "tts", "wake"]
        doorway.turn()
        doorway.describe()
        assert doorway.read(connection, is_whole).endswith(b'{"voices": []}')
        doorway.answers.renew()
        assert doorway.ask(VOICES).endswith(b'{"voices": []}')


def test_the_token_is_asked_for_by_polls(tmp_path: Path) -> None:
    """Before a gateway is started, and compared without telling where it differs."""
    with Doorway(tmp_path, token="s3cret") as doorway:
        assert b" 401 " in doorway.ask(VOICES)
        for header in (b"Authorization: Bearer s3cret", b"x-api-key: s3cret"):
            assert b" 200 " in doorway.ask(VOICES.replace(b"Host", header + b"\r\nHost"))
        assert doorway.gateway.starts == 0


def test_a_door_that_leaves_answers_polls_and_asks_all_others_to_come_again(tmp_path: Path) -> None:
    """The gateway ends with the supervisor: a request that is handed over now would be lost."""
    with Doorway(tmp_path) as doorway:
        doorway.door.leave()
        assert doorway.ask(HEALTH).endswith(b"OK")
        answer = doorway.ask(WORK)
        assert b" 503 " in answer
        assert b"\r\nRetry-After: 1\r\n" in answer
        assert doorway.gateway.starts == 0


def test_the_end_of_the_door_is_the_end_of_its_gateway(tmp_path: Path) -> None:
    """An answer under way is finished, connections at rest are closed, and the process is gone."""
    with Doorway(tmp_path) as doorway, doorway.connect() as connection:
        connection.send(WORK)
        doorway.read(connection, is_whole)
        pid = doorway.gateway.pid or 0
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_door_that_opens_removes_the_recordings_that_nobody_needs(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway whose supervisor was killed has died with it; a recording that another one still reads stays."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    dead, held = tmp_path / f"{uploads.PREFIX}dead", tmp_path / f"{uploads.PREFIX}held"
    dead.write_bytes(b"a voice")
    with held.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        open_door(SETTINGS, Child, find(), lambda level, text: None, str).close()
        assert list(tmp_path.glob(f"{uploads.PREFIX}*")) == [held]


# --- listeners -------------------------------------------------------------------------------------------------------


def settings(*http: str, wyoming: tuple[str, ...] = (), **others: object) -> Settings:
    allow = others.pop("allow", ())
    return Settings(http=HttpSettings(listen=http, **others), wyoming=WyomingSettings(listen=wyoming, allow=allow))  # type: ignore[arg-type]


def test_an_address_beyond_this_machine_needs_a_token_or_a_list() -> None:
    """One sentence says why, and what to write."""
    with pytest.raises(HushdError, match="HUSHD_HTTP_TOKEN"):
        listeners.open_all(settings("0.0.0.0:0"), "")
    with pytest.raises(HushdError, match=r"\[wyoming\] allow"):
        listeners.open_all(settings(wyoming=("tcp://0.0.0.0:0",)), "s3cret")
    for token in ("schl\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel", "a\nb", "\udcff"):  # most clients send only ASCII
        with pytest.raises(HushdError, match="HUSHD_HTTP_TOKEN must be of ASCII's letters, digits and signs"):
            listeners.open_all(settings("127.0.0.1:0"), token)
    opened = listeners.open_all(settings("0.0.0.0:0", wyoming=("tcp://0.0.0.0:0",), allow=("10.0.0.0/8",)), "s3cret")
    http, wyoming = opened
    assert [
        wyoming.allows(peer) for peer in ("10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "11.1.2.3", "fe80::1%eth0")
    ] == [
        True,
        True,
        True,
        False,
        False,
    ]
    for listener in opened:
        listener.close()
    assert http.allows("11.1.2.3")


def test_what_the_gateway_needs_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said when it is turned on, with the command, and not by each request."""
    monkeypatch.setattr(access, "PACKAGES", {"http": ("starlette", "no_such_package")})
    with pytest.raises(HushdError, match=r"run pip install 'hushd\[http\]'"):
        listeners.open_all(settings("127.0.0.1:0"), "")


def test_an_address_in_use_is_one_sentence_and_opens_nothing() -> None:
    """The listeners before it are closed again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HushdError, match=f"cannot listen at 127.0.0.1:{port} .Address already in use.: choose"):
            listeners.open_all(settings("127.0.0.1:0", f"127.0.0.1:{port}"), "")


def test_a_path_is_ours_alone_and_goes_with_the_door(tmp_path: Path) -> None:
    """A dead socket there is replaced, a file or a living one is not."""
    path = tmp_path / "h.sock"
    wanted = settings(f"unix://{path}")
    path.touch()
    with pytest.raises(HushdError, match="cannot listen"):
        listeners.open_all(wanted, "")
    path.unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    (listener,) = listeners.open_all(wanted, "")
    with pytest.raises(HushdError, match="cannot listen"):
        listeners.open_all(wanted, "")
    listener.close()
    assert not path.exists()


def test_a_token_file_is_private_and_not_empty(tmp_path: Path) -> None:
    """A file that others can read is not a secret."""
    file = tmp_path / "token"
    wanted = settings(token_file=str(file))
    for mode, content, fault in (
        (0o600, "", "is empty"),
        (0o644, "s", "open to other"),
        (0o600, "ä", "cannot be read"),
    ):
        file.write_text(content)
        file.chmod(mode)
        with pytest.raises(HushdError, match=fault):
            access.read_token(wanted)
    file.write_text("s3cret\n")
    assert access.read_token(wanted) == "s3cret"


def test_other_settings_keep_the_sockets_whose_addresses_stay(tmp_path: Path) -> None:
    """A reload closes no connection at an address that is still in the configuration."""
    with Doorway(tmp_path) as doorway, doorway.connect() as connection:
        before = {listener.address.kind: listener.socket for listener in doorway.door.listeners}
        only_http = Settings(http=SETTINGS.http)
        doorway.door.configure(only_http, "", listeners.open_all(only_http, "", (), doorway.door.listeners))
        assert [listener.socket for listener in doorway.door.listeners] == [before["http"]]
        assert before["wyoming"].fileno() == -1
        connection.send(HEALTH)
        assert doorway.read(connection, is_whole).endswith(b"OK")


def test_the_gateway_finds_the_lists_of_the_polls(tmp_path: Path) -> None:
    """The engines as they were listed last are in a file, and with the door the file goes."""
    with Doorway(tmp_path) as doorway:
        assert listings.load_catalogues(tmp_path / "engines.json").tts == SpeakingDescription.from_data({"role": "tts"})
        doorway.describe(voices=2)
        assert len(listings.load_catalogues(tmp_path / "engines.json").tts.voices()) == 2
    assert not (tmp_path / "engines.json").exists()
