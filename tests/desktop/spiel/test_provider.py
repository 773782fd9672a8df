"""Spiel's provider on a session bus of its own, with the real engine and a client of the tests' own: libspiel is not on
PyPI, and was not tried."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.peer import Supervisor, wait_until

media_player = pytest.importorskip("support.media_player", reason="jeepney is not installed")
pytestmark = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed")

from hushd_cli.commands.service import units  # noqa: E402
from hushd_desktop.spiel import interface  # noqa: E402
from hushd_desktop.spiel.provider import Provider  # noqa: E402
from jeepney import DBusAddress, DBusErrorResponse, message_bus, new_method_call  # noqa: E402
from jeepney.io.blocking import DBusConnection, open_dbus_connection  # noqa: E402
from jeepney.wrappers import unwrap_msg  # noqa: E402

TEXT = "The build is green."
LONG = "A worker starts with the first request, and it leaves when it has been idle for a while. " * 60
PROVIDER = DBusAddress(interface.PATH, interface.NAME, interface.INTERFACE)
BOUND_S = 60.0
_RUN = """
import sys
from hushd.client import Client
from hushd_desktop.spiel.provider import Provider
from jeepney.io.blocking import open_dbus_connection
with Client(holder="spiel") as client:
    Provider(open_dbus_connection("SESSION", enable_fds=True), client, idle_s=float(sys.argv[1])).run()
"""


class Program:
    """A client of the provider, on a connection of its own."""

    def __init__(self, address: str) -> None:
        self.connection: DBusConnection = open_dbus_connection(address, enable_fds=True)

    def close(self) -> None:
        self.connection.close()

    def names(self) -> list[str]:
        """The names on the bus that somebody has."""
        return list(unwrap_msg(self.connection.send_and_get_reply(message_bus.ListNames()))[0])

    def property(self, name: str) -> Any:
        return self.call("Get", "ss", (interface.INTERFACE, name), interface.PROPERTIES)[0][1]

    def call(
        self, method: str, signature: str, body: tuple[Any, ...], of: str = interface.INTERFACE
    ) -> tuple[Any, ...]:
        address = PROVIDER.with_interface(of)
        message = new_method_call(address, method, signature, body)
        return tuple(unwrap_msg(self.connection.send_and_get_reply(message, timeout=BOUND_S)))

    def speak(
        self, text: str, voice: str = "", pitch: float = 1.0, rate: float = 1.0, ssml: bool = False, language: str = ""
    ) -> int:
        """Asks for a speech; returns the end of its pipe to read from."""
        read, write = os.pipe()
        try:
            self.call("Synthesize", interface.SYNTHESIZE, (write, text, voice, pitch, rate, ssml, language))
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        return read

    def hear(self, *arguments: Any, **options: Any) -> array[int]:
        """The samples of a whole speech."""
        with os.fdopen(self.speak(*arguments, **options), "rb") as pipe:
            return array("h", pipe.read())


@pytest.fixture
def bus(tmp_path: Path, carried: Supervisor) -> Iterator[media_player.SessionBus]:
    """A session bus that starts hushd's provider when it is called, as `hushd service install --spiel` has it."""
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "share"), "HOME": str(tmp_path)}
    service = units.find(environ=environment, platform="linux", spiel=True)
    (provider,) = [path for path in service.files if path.name == units.PROVIDER]
    provider.parent.mkdir(parents=True)
    provider.write_text(service.files[provider])
    with media_player.SessionBus(tmp_path, environment) as made:
        yield made


@pytest.fixture
def program(bus: media_player.SessionBus) -> Iterator[Program]:
    made = Program(bus.address)
    yield made
    made.close()


def test_the_bus_starts_it_and_it_names_its_voices(program: Program) -> None:
    """Nobody has the name before the first call. The usual voice is there, with the format that the speech has."""
    assert interface.NAME not in program.names()
    assert interface.NAME in unwrap_msg(program.connection.send_and_get_reply(message_bus.ListActivatableNames()))[0]
    assert program.property("Name") == "hushd"
    voices = {row[1]: row for row in program.property("Voices")}
    name, _, form, features, languages = voices["hibari/heart"]
    assert name == "heart (hibari)"
    assert form == "audio/x-raw,format=S16LE,channels=1,rate=24000"
    assert features & 0x1000
    assert languages[0].startswith("en")
    (everything,) = program.call("GetAll", "s", (interface.INTERFACE,), interface.PROPERTIES)
    assert sorted(everything) == ["Name", "Voices"]


def test_a_speech_is_that_of_the_client(program: Program) -> None:
    """To the sample; twice as fast it takes about half the time, a snippet of SSML keeps its break, and no text is
    silence."""
    from hushd import Client

    with Client() as client:
        plain = array("h", b"".join(client.synthesize(TEXT, sample_rate=interface.RATE)))
    assert program.hear(TEXT) == program.hear(TEXT, "hibari/heart") == plain
    assert len(program.hear(TEXT, rate=2.0)) == pytest.approx(len(plain) / 2, rel=0.2)
    assert len(program.hear(TEXT, pitch=2.0)) == pytest.approx(len(plain), rel=0.2)
    longer = program.hear(f'{TEXT} <break time="2s"/> {TEXT}', ssml=True)
    assert len(longer) > 2 * interface.RATE + 1.5 * len(plain)
    assert len(program.hear(" ")) == 0


def test_several_programs_are_answered_at_once(bus: media_player.SessionBus, program: Program) -> None:
    """A program that does not read its pipe keeps none of four others waiting, and each hears its own text."""
    waits = program.speak(LONG)
    speeches: dict[int, array[int]] = {}

    def listen(number: int) -> None:
        other = Program(bus.address)
        speeches[number] = other.hear(" ".join([TEXT] * (number + 1)))
        other.close()

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND_S)
    lengths = [len(speeches[number]) for number in range(4)]
    assert lengths == sorted(lengths)
    assert lengths[0] > interface.RATE / 2
    assert lengths[3] > 3 * lengths[0]
    os.close(waits)


def test_a_closed_pipe_ends_the_speech(bus: media_player.SessionBus, program: Program) -> None:
    """The provider then has nothing to do, and leaves as soon as its clock goes on."""
    from hushd import Client

    closed = threading.Event()

    def now() -> float:
        return time.monotonic() if closed.is_set() else 0.0

    connection = open_dbus_connection(bus.address, enable_fds=True)
    with Client() as client:
        provider = threading.Thread(target=Provider(connection, client, idle_s=0.2, now=now).run, daemon=True)
        provider.start()
        wait_until(lambda: interface.NAME in program.names(), "the name")
        pipe = program.speak(LONG)
        assert os.read(pipe, 1000)
        os.close(pipe)
        closed.set()
        provider.join(BOUND_S)
        assert not provider.is_alive()
        assert interface.NAME not in program.names()
    connection.close()


@pytest.mark.parametrize(
    ("method", "signature", "body", "error"),
    [
        ("Speak", "", (), "UnknownMethod"),
        ("Synthesize", "s", ("x",), "UnknownMethod"),
        ("Synthesize", "sssddbs", ("x", "x", "", 1.0, 1.0, False, ""), "UnknownMethod"),
    ],
)
def test_a_wrong_call_is_an_error(
    method: str, signature: str, body: tuple[Any, ...], error: str, program: Program
) -> None:
    """Its sender gets it, and the next call is answered."""
    with pytest.raises(DBusErrorResponse) as refused:
        program.call(method, signature, body)
    assert refused.value.name == f"org.freedesktop.DBus.Error.{error}"
    assert program.property("Name") == "hushd"


def test_an_unknown_voice_is_an_error(program: Program) -> None:
    """And so is an unknown property; markup that is not right ends the pipe, with a sentence in the journal."""
    with pytest.raises(DBusErrorResponse, match="There is no voice nobody"):
        program.speak(TEXT, "nobody")
    with pytest.raises(DBusErrorResponse, match="There is no property Colour"):
        program.property("Colour")
    assert len(program.hear("<nonsense", ssml=True)) == 0


def test_it_leaves_when_it_is_idle(bus: media_player.SessionBus) -> None:
    """The process ends by itself; the next call starts another."""
    environment = os.environ | {"DBUS_SESSION_BUS_ADDRESS": bus.address}
    process = subprocess.Popen([sys.executable, "-P", "-c", _RUN, "0.5"], env=environment)
    try:
        assert process.wait(BOUND_S) == 0
    finally:
        process.kill()
        process.wait()
    program = Program(bus.address)
    assert program.hear(TEXT)
    program.close()
