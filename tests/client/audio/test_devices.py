"""Playing and recording, with a sounddevice whose thread is the test's, and without one."""

from __future__ import annotations

import itertools
import random
import re
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import hushd.audio.devices
import hushd.audio.microphone
import hushd.audio.playback_buffer
import pytest
from hushd.audio.microphone import Microphone
from hushd.audio.playback import Player, outputs
from hushd.audio.playback_buffer import FADE_S, PlaybackBuffer
from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError
from support.refusals import hushd_error


class PortAudioError(Exception):
    """Stands for sounddevice's: the text first, then codes."""


class CallbackStop(Exception):
    """Stands for sounddevice's."""


class FakeStream:
    """A stream whose callbacks run on a thread of its own, `limit` of them at most, as a device would call."""

    latency = 0.25

    def __init__(self, device: FakeSoundDevice, options: dict[str, Any]) -> None:
        self.device = device
        self.options = options
        self.closed = False
        self.heard = 0  # samples that were not silence
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self.device.hangs:
            assert threading.current_thread().name == "hushd-close", "closing this device would take a minute"
            return
        self.closed = True
        self._closing.set()
        self._thread.join(60)

    def _run(self) -> None:
        for count in self.device.blocks:
            if self.closed:
                return
            if "finished_callback" not in self.options:
                self.options["callback"](bytes(count * 2), count, None, None)
                continue
            output = bytearray(b"?" * count * 2)
            stopped = False
            try:
                self.options["callback"](memoryview(output), count, None, self.device.flags)
            except self.device.CallbackStop:
                stopped = True
            self.device.played += output
            self.heard += sum(map(bool, array("h", bytes(output))))
            if stopped:
                self.options["finished_callback"]()
                return
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
        self.default = SimpleNamespace(device=(0, 1))
        self.plugged = ["Headset", "Speakers", "Speakers, rear"]
        self.known = list(self.plugged)  # since it was started
        self.starts = 0
        self.flags: Any = None  # of the callbacks

    def RawOutputStream(self, **options: Any) -> FakeStream:
        return self._open(options)

    RawInputStream = RawOutputStream

    def _open(self, options: dict[str, Any]) -> FakeStream:
        if options["samplerate"] in self.refused_rates:
            raise PortAudioError("Invalid sample rate", -9997)
        assert all(stream.closed for stream in self.opened), "opened twice"
        self.opened.append(FakeStream(self, options))
        return self.opened[-1]

    def query_hostapis(self) -> list[dict[str, str]]:
        return [{"name": "ALSA"}]

    def query_devices(self, device: object = None, kind: str = "") -> Any:
        if kind:
            return {"default_samplerate": 44100.0}
        return [
            {"name": name, "hostapi": 0, "max_output_channels": 2, "max_input_channels": 1 - index % 2}
            for index, name in enumerate(self.known)
        ]

    def _terminate(self) -> None:
        self.known = []

    def _initialize(self) -> None:
        self.known = list(self.plugged)
        self.starts += 1


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice()
    monkeypatch.setattr(hushd.audio.devices, "load", lambda: fake)
    monkeypatch.setattr(hushd.audio.devices, "_streams", WeakSet())
    return fake


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starvation is noticed sooner."""
    for module in (hushd.audio.microphone, hushd.audio.playback_buffer):
        monkeypatch.setattr(module, "UNPLUGGED_AFTER_S", 0.05)
    monkeypatch.setattr(hushd.audio.playback_buffer, "BUFFERED_S", 0.05)


def test_all_is_played_in_order(device: FakeSoundDevice) -> None:
    """Chunks of any size reach the device whole and in order, between silence; then play returns."""
    rng = random.Random(4)
    for _ in range(30):
        device.played.clear()
        chunks = [bytes(rng.choices(range(1, 256), k=2 * rng.randrange(3000))) for _ in range(rng.randrange(8))]
        Player().play(iter(chunks), 16000)
        assert bytes(device.played).replace(b"\0", b"") == b"".join(chunks)
        assert device.opened[-1].closed
    options = device.opened[-1].options
    assert (options["samplerate"], options["channels"], options["dtype"]) == (16000, 1, "int16")


def test_slow_speech_is_bridged_by_silence(device: FakeSoundDevice) -> None:
    """The device plays silence while the next sentence is being made, and nothing is lost or doubled."""
    heard = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"ab" * 500
        while len(device.played) < 4000:
            heard.wait(0.001)
        yield b"cd" * 500

    Player().play(chunks(), 16000)
    assert bytes(device.played).replace(b"\0", b"") == b"ab" * 500 + b"cd" * 500


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("blocks", [0, 3])
def test_a_loudspeaker_that_goes_away_is_noticed(device: FakeSoundDevice, blocks: int) -> None:
    """Callbacks that stop, before or in the middle, are no_device and not a wait without end."""
    device.blocks = [160] * blocks
    device.hangs = True
    with pytest.raises(HushdError, match="loudspeaker") as caught:
        Player().play(iter([bytes(32000)] * 4), 16000)
    assert (caught.value.code, caught.value.exit_code) == ("no_device", 8)


def test_an_error_of_the_speech_stops_the_device(device: FakeSoundDevice) -> None:
    """An exception from the chunks is raised, with the stream closed."""

    def broken() -> Iterator[bytes]:
        yield bytes(100)
        while not device.played:
            time.sleep(0.001)
        raise HushdError("worker_crashed", "Gone.")

    with pytest.raises(HushdError, match="Gone"):
        Player().play(broken(), 16000)
    assert device.opened[0].closed


# --- volume, position, underruns --------------------------------------------------------------------------------------


def blocks(feed: PlaybackBuffer, frames: int, count: int, channels: int = 1) -> array[int]:
    """Returns the samples that a device gets in `count` callbacks, or until it is to stop."""
    played = array("h")
    for _ in range(count):
        output = bytearray(b"?" * frames * 2 * channels)
        try:
            feed.callback(memoryview(output), frames, None, None)
        except CallbackStop:
            count = 0
        played += array("h", bytes(output))
        if not count:
            break
    return played


@pytest.mark.parametrize(("volume", "heard"), [(0.0, 0), (0.5, 10000), (1.0, 20000), (1.5, 30000), (2.0, 32767)])
def test_the_volume_is_a_factor(volume: float, heard: int, device: FakeSoundDevice) -> None:
    """It goes from silence to twice as loud, where excess is cut and does not wrap round."""
    Player(volume=volume).play([array("h", [20000, -20000] * 400).tobytes()], 16000)
    samples = array("h", bytes(device.played))
    lowest = -32768 if heard == 32767 else -heard
    assert list(samples[:800]) == [heard, lowest] * 400


def test_the_position_is_what_was_heard(device: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows to the length of the speech, and never runs ahead of what the device was given."""
    monkeypatch.setattr(hushd.audio.playback_buffer, "POSITION_S", 0.001)
    told: list[float] = []
    given: list[float] = []

    def note(position: float) -> None:
        told.append(position)
        given.append(len(device.played) / 32000)

    Player(on_position=note).play([b"ab" * 8000, b"cd" * 8000], 16000)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 3
    assert all(position <= end + 0.02 for position, end in zip(told, given, strict=True))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [16, 100, 160, 1600])
def test_a_hush_fades_and_loses_nothing_else(frames: int, channels: int) -> None:
    """10 ms down to silence without a jump, then the device is stopped; the rest comes later, faded in."""
    fade = int(FADE_S * 16000)
    feed = PlaybackBuffer(CallbackStop, 16000, channels)
    feed.fill([array("h", [20000]).tobytes() * 8000 * channels])
    feed.begin()
    before = blocks(feed, frames, 1, channels)
    assert set(before) == {20000}
    feed.hush()
    faded = blocks(feed, frames, 1000, channels)
    assert len(faded) < 1000 * frames * channels
    first = faded[: fade * channels : channels]
    assert list(first) == sorted(first, reverse=True)
    assert max(first[i] - first[i + 1] for i in range(fade - 1)) <= 20000 // fade + 1
    assert first[0] > 19000
    assert not any(faded[fade * channels :])
    feed.begin()
    rest = blocks(feed, frames, 1000, channels)
    assert list(rest[: fade * channels]) == sorted(rest[: fade * channels])
    heard = len(before) + fade * channels + sum(map(bool, rest))
    assert heard == 8000 * channels
    assert feed.done


def test_silence_follows_the_last_sample() -> None:
    """PortAudio on ALSA forgets its buffer when it stops: only silence may be there then, also after a
    hush."""
    for hushed in (False, True):
        feed = PlaybackBuffer(CallbackStop, 16000, 1, latency=0.15)
        feed.fill([array("h", [20000] * 1600).tobytes()])
        feed.begin()
        played = blocks(feed, 160, 2)
        if hushed:
            feed.hush()
        played += blocks(feed, 160, 1000)
        last = max(index for index, sample in enumerate(played) if sample)
        assert (last < 500) == hushed
        assert 2400 <= len(played) - last - 1 < 2400 + 320


# --- devices ----------------------------------------------------------------------------------------------------------


def test_loudspeakers_by_name(device: FakeSoundDevice) -> None:
    """A loudspeaker is named by number, name, or how it begins; the usual one is marked."""
    assert [(output.number, output.name, output.usual) for output in outputs()] == [
        (0, "Headset", False),
        (1, "Speakers", True),
        (2, "Speakers, rear", False),
    ]
    for wish, number in (("speakers", 1), ("Speakers, r", 2), ("head", 0), (2, 2), (None, None)):
        Player(wish).play([b"ab"], 16000)
        assert device.opened[-1].options["device"] == number
    for use in (Player("horn").check, lambda: Player("horn").play([b"ab"], 16000)):
        with hushd_error("no_device", "no loudspeaker called 'horn': choose one of 'Headset', 'Speakers'"):
            use()
    Player("head").check()


def test_an_interrupted_player_fades_out(device: FakeSoundDevice) -> None:
    """Ctrl-C makes no click: 10 ms down to silence, then the device is closed."""
    device.blocks = iter(lambda: 50, None)

    def interrupt(position: float) -> None:
        if len(device.played) > 3200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Player(on_position=interrupt).play(iter([array("h", [20000] * 16000).tobytes()] * 9), 16000)
    played = array("h", bytes(device.played))
    last = max(index for index, sample in enumerate(played) if sample)
    assert last < 16000
    assert max(abs(a - b) for a, b in itertools.pairwise(played)) <= 20000 / 160 + 1
    assert device.opened[0].closed


def test_the_microphone_delivers_tenths_of_seconds(device: FakeSoundDevice) -> None:
    """16 kHz mono, 100 ms a chunk, from the moment it is opened; closed, it ends for good."""
    device.blocks = [1600] * 5
    with Microphone() as microphone:
        assert [len(next(microphone)) for _ in range(5)] == [3200] * 5
    assert list(microphone) == []
    assert list(microphone) == []  # who looks ahead asks once more
    options = device.opened[0].options
    assert (options["samplerate"], options["blocksize"], options["channels"]) == (16000, 1600, 1)


@pytest.mark.usefixtures("impatient")
def test_a_microphone_that_goes_away_is_noticed(device: FakeSoundDevice) -> None:
    """No error says that it was unplugged: that nothing comes any more does."""
    device.blocks = [1600]
    device.hangs = True
    with Microphone() as microphone:
        next(microphone)
        with pytest.raises(HushdError, match="microphone has stopped"):
            next(microphone)


@pytest.mark.parametrize("use", [lambda: Player().play([b"ab"], 16000), lambda: Player().check(), Microphone])
def test_no_device_is_one_sentence(
    use: Callable[[], object], device: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio's message appears once, in an error `no_device`, and not where it only says that there is none."""
    for message, shown in (("Device unavailable", r" \(Device unavailable\):"), ("Error querying device -1", ":")):

        def refuse(message: str = message, **options: Any) -> None:
            raise PortAudioError(message)

        monkeypatch.setattr(device, "_open", lambda options, refuse=refuse: refuse(**options))
        monkeypatch.setattr(device, "query_devices", lambda *_, refuse=refuse: refuse())
        with hushd_error("no_device", f"that can be used{shown}"):
            use()


@pytest.mark.parametrize(("module", "platform", "remedy"), [
    (None, "linux", re.escape(extra_command("audio"))),
    (OSError("PortAudio library not found"), "linux", "apt install libportaudio2"),
    (OSError("PortAudio library not found"), "darwin", "brew install portaudio"),
])  # fmt: skip
def test_what_is_missing_is_named_with_its_remedy(
    module: OSError | None, platform: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install without sounddevice, or without the PortAudio library."""
    if module is None:
        monkeypatch.setitem(sys.modules, "sounddevice", None)
    else:
        monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
        finder = SimpleNamespace(find_spec=lambda name, *_: broken() if name == "sounddevice" else None)
        monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    monkeypatch.setattr(sys, "platform", platform)

    def broken() -> None:
        raise module  # type: ignore[misc]

    with hushd_error("no_device", remedy):
        hushd.audio.devices.load()


@pytest.mark.parametrize(("platform", "debug", "silent"), [
    ("linux", "", True), ("linux", "1", False), ("darwin", "", False),
])  # fmt: skip
def test_alsas_own_lines_reach_no_terminal(
    platform: str, debug: str, silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its library writes of missing cards to standard error, which HUSHD_DEBUG alone shows; other systems have none."""
    told: list[object] = []
    library = SimpleNamespace(snd_lib_error_set_handler=told.append, getpid=threading.get_ident)
    monkeypatch.setattr(hushd.audio.devices, "ctypes", SimpleNamespace(
        CDLL=lambda name: library, cast=lambda function, kind: function, c_void_p=None,
    ))  # fmt: skip
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HUSHD_DEBUG", debug)
    monkeypatch.setitem(sys.modules, "sounddevice", fake := FakeSoundDevice())
    assert hushd.audio.devices.load() is fake
    assert told == [threading.get_ident] * silent


def test_a_system_without_alsa_has_loudspeakers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library is not needed: PipeWire and PulseAudio play without."""

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(hushd.audio.devices, "ctypes", SimpleNamespace(CDLL=missing))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("HUSHD_DEBUG", raising=False)
    monkeypatch.setitem(sys.modules, "sounddevice", fake := FakeSoundDevice())
    assert hushd.audio.devices.load() is fake
