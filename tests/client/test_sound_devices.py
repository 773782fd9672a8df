"""Playing and recording, with a sounddevice whose thread is the test's, and without one."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import hushd.audio_device
import hushd.feed
import hushd.microphone
import pytest
from hushd.microphone import Microphone
from hushd.playback import play
from hushd_protocol.errors import HushdError


class PortAudioError(Exception):
    """As sounddevice's: the text first, then codes."""


class CallbackStop(Exception):
    """As sounddevice's."""


class FakeStream:
    """A stream whose callbacks run on a thread of its own, `limit` of them at most, as a device would call."""

    def __init__(self, device: FakeSoundDevice, options: dict[str, Any]) -> None:
        self.device = device
        self.options = options
        self.closed = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        assert not self.device.hangs, "closing this device would take a minute"
        self.closed = True
        self._closing.set()
        self._thread.join(5)

    def _run(self) -> None:
        for count in self.device.blocks:
            if self.closed:
                return
            if "finished_callback" not in self.options:
                self.options["callback"](bytes(count * 2), count, None, None)
                continue
            output = bytearray(b"?" * count * 2)
            try:
                self.options["callback"](memoryview(output), count, None, None)
            except self.device.CallbackStop:
                self.device.played += output
                self.options["finished_callback"]()
                return
            self.device.played += output
            self._closing.wait(0.0005)  # a device takes its time, or the silence would fill the memory
        self._closing.wait(0.5)


class FakeSoundDevice:
    """The part of sounddevice that is used."""

    CallbackStop = CallbackStop
    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.blocks: Any = iter(lambda: 160, None)
        self.played = bytearray()
        self.hangs = False
        self.opened: list[FakeStream] = []
        self.refused_rates: set[int] = set()

    def RawOutputStream(self, **options: Any) -> FakeStream:
        return self._open(options)

    RawInputStream = RawOutputStream

    def _open(self, options: dict[str, Any]) -> FakeStream:
        if options["samplerate"] in self.refused_rates:
            raise PortAudioError("Invalid sample rate", -9997)
        self.opened.append(FakeStream(self, options))
        return self.opened[-1]

    def query_devices(self, device: object, kind: str) -> dict[str, float]:
        return {"default_samplerate": 44100.0}


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice()
    monkeypatch.setattr(hushd.audio_device, "load", lambda: fake)
    return fake


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starvation is noticed sooner."""
    for module in (hushd.microphone, hushd.feed):
        monkeypatch.setattr(module, "STARVED_S", 0.05)
    monkeypatch.setattr(hushd.feed, "AHEAD_S", 0.05)


def test_all_is_played_in_order(device: FakeSoundDevice) -> None:
    """Chunks of any size reach the device whole and in order, between silence; then play returns."""
    rng = random.Random(4)
    for _ in range(30):
        device.played.clear()
        chunks = [bytes(rng.choices(range(1, 256), k=2 * rng.randrange(3000))) for _ in range(rng.randrange(8))]
        play(iter(chunks), 16000)
        assert bytes(device.played).replace(b"\0", b"") == b"".join(chunks)
        assert device.opened[-1].closed
    options = device.opened[-1].options
    assert (options["samplerate"], options["channels"], options["dtype"]) == (16000, 1, "int16")


def test_slow_speech_is_bridged_by_silence(device: FakeSoundDevice) -> None:
    """While the next sentence is being made the device plays silence, and nothing is lost or doubled."""
    heard = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"ab" * 500
        while len(device.played) < 4000:
            heard.wait(0.001)
        yield b"cd" * 500

    play(chunks(), 16000)
    assert bytes(device.played).replace(b"\0", b"") == b"ab" * 500 + b"cd" * 500


def test_little_is_kept_in_memory(device: FakeSoundDevice) -> None:
    """The device is given two seconds ahead; the rest waits where it comes from."""
    device.blocks = iter(lambda: 8000, None)
    given = 0
    worst = 0

    def chunks() -> Iterator[bytes]:
        nonlocal given, worst
        for _ in range(100):
            worst = max(worst, given - len(device.played))
            given += 32000
            yield bytes(32000)

    play(chunks(), 16000)
    assert worst <= 2 * 32000 + 32000


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("blocks", [0, 3])
def test_a_loudspeaker_that_goes_away_is_noticed(device: FakeSoundDevice, blocks: int) -> None:
    """When the callbacks stop, before or in the middle, it is no_device and not a wait without end."""
    device.blocks = [160] * blocks
    device.hangs = True
    with pytest.raises(HushdError, match="loudspeaker") as caught:
        play(iter([bytes(32000)] * 4), 16000)
    assert (caught.value.code, caught.value.exit_code) == ("no_device", 8)


def test_an_error_of_the_speech_stops_the_device(device: FakeSoundDevice) -> None:
    """What the chunks raise is raised, with the stream closed."""

    def broken() -> Iterator[bytes]:
        yield bytes(100)
        while not device.played:
            time.sleep(0.001)
        raise HushdError("worker_crashed", "Gone.")

    with pytest.raises(HushdError, match="Gone"):
        play(broken(), 16000)
    assert device.opened[0].closed


def test_the_microphone_delivers_tenths_of_seconds(device: FakeSoundDevice) -> None:
    """16 kHz mono, 100 ms a chunk, from the moment it is opened; closed, it ends."""
    device.blocks = [1600] * 5
    with Microphone() as microphone:
        assert [len(next(microphone)) for _ in range(5)] == [3200] * 5
    assert list(microphone) == []
    options = device.opened[0].options
    assert (options["samplerate"], options["blocksize"], options["channels"]) == (16000, 1600, 1)


def test_a_microphone_that_knows_no_16_khz(device: FakeSoundDevice) -> None:
    """Its own rate is used, and said."""
    device.refused_rates = {16000}
    device.blocks = [4410]
    with Microphone() as microphone:
        assert microphone.rate == 44100
        assert len(next(microphone)) == 8820


@pytest.mark.usefixtures("impatient")
def test_a_microphone_that_goes_away_is_noticed(device: FakeSoundDevice) -> None:
    """No error says that it was unplugged: that nothing comes any more does."""
    device.blocks = [1600]
    device.hangs = True
    with Microphone() as microphone:
        next(microphone)
        with pytest.raises(HushdError, match="microphone has stopped"):
            next(microphone)


@pytest.mark.parametrize("use", [lambda: play([b"ab"], 16000), Microphone])
def test_no_device_is_one_sentence(
    use: Callable[[], object], device: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What PortAudio says is said once, as no_device."""

    def refuse(**options: Any) -> None:
        raise PortAudioError("Error querying device -1")

    monkeypatch.setattr(device, "_open", lambda options: refuse(**options))
    monkeypatch.setattr(device, "query_devices", lambda *_: refuse())
    with pytest.raises(HushdError, match="Error querying device -1") as caught:
        use()
    assert caught.value.code == "no_device"


@pytest.mark.parametrize(
    ("module", "platform", "remedy"),
    [
        (None, "linux", r"pip install 'hushd\[audio\]'"),
        (OSError("PortAudio library not found"), "linux", "apt install libportaudio2"),
        (OSError("PortAudio library not found"), "darwin", "brew install portaudio"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    module: OSError | None, platform: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without sounddevice, or without the PortAudio library, the error says what to install."""
    if module is None:
        monkeypatch.setitem(sys.modules, "sounddevice", None)
    else:
        monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
        finder = SimpleNamespace(find_spec=lambda name, *_: broken() if name == "sounddevice" else None)
        monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    monkeypatch.setattr(sys, "platform", platform)

    def broken() -> None:
        raise module  # type: ignore[misc]

    with pytest.raises(HushdError, match=remedy) as caught:
        hushd.audio_device.load()
    assert caught.value.code == "no_device"
