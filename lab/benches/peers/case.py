"""Measures hushd beside other speech servers and programs: each in its own environment, with the same work."""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from functools import partial
from importlib.metadata import version as own_version
from pathlib import Path

import psutil
from hushd import Client

from ..stage import BIN, SENTENCE, Row, recording, supervisor
from . import document, running
from .environment import Environments, NotInstalledError, version
from .figures import Figures, measure
from .running import NotRunError, Running

LIMIT_S = 480.0  # after which no environment is made any more
ENGINES = tuple(f"{name}=={own_version(name)}" for name in ("hibari-tts", "moonshine-voice", "soundfile"))
UNITS = {"mb": "MB", "s": "s", "wakeups": ""}
RESIDENT = "both engines in a Python process"


def peers(options: Namespace) -> Iterator[Row]:
    """hushd beside process managers, resident servers and other speech programs; --document writes the document."""
    ends = time.monotonic() + LIMIT_S
    found = []
    with tempfile.TemporaryDirectory(prefix="hushd-", dir="/tmp", ignore_cleanup_errors=True) as name:
        bench = _Bench(Path(name), ends)
        for peer, take in bench.all().items():
            try:
                figures = take()
            except (NotInstalledError, NotRunError, psutil.Error, OSError, AssertionError, SystemExit) as error:
                yield Row(f"peers: {peer}", None, "", note=f"not measured: {error}")
                continue
            found.append(figures)
            yield from _rows(figures)
    if options.document:
        document.write(found)


def _rows(figures: Figures) -> Iterator[Row]:
    for field in fields(figures)[3:]:
        value = getattr(figures, field.name)
        if value is not None:
            words, _, unit = field.name.rpartition("_")
            yield Row(f"peers: {figures.name}: {(words or unit).replace('_', ' ')}", value, UNITS[unit])


class _Bench:
    """Takes the figures of each peer."""

    def __init__(self, folder: Path, ends: float) -> None:
        self._folder = folder
        self._environments = Environments(folder / "environments", ends)
        (folder / "environments").mkdir()

    def all(self) -> dict[str, Callable[[], Figures]]:
        return {
            "hushd": self._hushd,
            "bare engines": self._bare,
            "resident server": self._resident,
            "resident server that unloads": self._unloading,
            "circus": partial(self._managed, "circus", "circusd", running.CIRCUS),
            "supervisord": partial(self._managed, "supervisor", "supervisord", running.SUPERVISORD),
            "speech-dispatcher": self._speech_dispatcher,
            "hushd mcp": self._hushd_mcp,
            "voice-mode": self._voice_mode,
            "Ray Serve": self._ray,
        }

    def _hushd(self) -> Figures:
        with supervisor(), Client() as client:  # once after an installation it prepares its dictionaries
            list(client.synthesize(SENTENCE))
            client.transcribe(recording("beckett.wav"))
        return _take(running.hushd(), Figures("hushd", own_version("hushd"), "the supervisor, and its workers at work"))

    def _bare(self) -> Figures:
        figures = Figures("bare engines", _engine_versions(), "each request in a fresh process, to its end")
        return running.bare(self._engines(), self._folder, figures)

    def _resident(self) -> Figures:
        figures = Figures("resident server", "", f"{RESIDENT}, never unloaded")
        return _take(running.resident_server(self._engines(), self._scratch("resident")), figures)

    def _unloading(self) -> Figures:
        figures = Figures("resident server that unloads", "", "the same, with `del`, `gc.collect`, `malloc_trim`")
        return _take(running.resident_server(self._engines(), self._scratch("unloading"), "lazy"), figures)

    def _managed(self, package: str, program: str, config: str) -> Figures:
        python = self._environments.python(package, package)
        peer = running.managed(self._engines(), self._scratch(package), python.with_name(program), config)
        return _take(peer, Figures(program, version(python, package), "manages the resident server"))

    def _speech_dispatcher(self) -> Figures:
        figures = Figures(
            "speech-dispatcher", running.debian_version("speech-dispatcher"), "espeak-ng, a smaller voice"
        )
        return _take(running.speech_dispatcher(self._scratch("speechd")), figures)

    def _hushd_mcp(self) -> Figures:
        peer = running.mcp_server([BIN / "hushd", "mcp"], self._scratch("mcp"))
        return _take(peer, Figures("hushd mcp", own_version("hushd"), "its server for agents, beside the supervisor"))

    def _voice_mode(self) -> Figures:
        python = self._environments.python("voice-mode", "voice-mode")
        peer = running.mcp_server([python.with_name("voice-mode")], self._scratch("voice-mode"))
        return _take(
            peer, Figures("voice-mode", version(python, "voice-mode"), "its server for agents, without engines")
        )

    def _ray(self) -> Figures:
        python = self._environments.python("ray", "ray[serve]", *ENGINES)
        figures = Figures("Ray Serve", version(python, "ray"), "both engines in a deployment, no replica when idle")
        return _take(running.ray_serve(python, self._scratch("ray")), figures)

    def _engines(self) -> Path:
        return self._environments.python("engines", *ENGINES)

    def _scratch(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder


def _take(peer: AbstractContextManager[Running], figures: Figures) -> Figures:
    with peer as one:
        figures.ready_s = one.ready_s
        return measure(one, figures)


def _engine_versions() -> str:
    return ", ".join(name.replace("==", " ") for name in ENGINES[:2])
