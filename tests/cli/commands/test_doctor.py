"""`hushd doctor`: each thing that breaks is found, with a remedy, and the exit status says so."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd_cli.commands.doctor import installation, machine
from hushd_models import paces
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support.command_line import run
from support.peer import ECHO, Start, command

Found = list[dict[str, str]]


def doctor(*words: str, **environment: str) -> tuple[int, Found]:
    done = run("hushd", "doctor", "--json", *words, text=True, env=os.environ | environment)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)["findings"]


def of(found: Found, area: str, state: str = "broken") -> list[dict[str, str]]:
    return [finding for finding in found if finding["area"] == area and finding["state"] == state]


def test_without_portaudio_files_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loudspeaker and microphone need it, which is a warning with both remedies: nothing is broken."""
    error = HushdError("no_device", "Loudspeaker and microphone need the PortAudio library: apt install libportaudio2.")
    monkeypatch.setattr("hushd.audio.devices.load", lambda: (_ for _ in ()).throw(error))
    (found,) = machine.sound()
    assert (found.state, found.text) == ("warning", "Loudspeaker and microphone need the PortAudio library")
    assert found.remedy == "apt install libportaudio2; `say -o FILE` and `listen FILE` need none"


def test_what_is_broken(runtime: Path) -> None:
    """A wrong configuration, a folder that is open to others, a damaged model and no supervisor where none may start:
    each is named with its remedy, the status is 1, and the rest is looked at all the same."""
    (runtime / "config.toml").write_text("exit_when_idle = -1\n")
    runtime.chmod(0o755)
    models = runtime / "models"
    (models / "piper").mkdir(parents=True)
    (models / "piper/mine.hushd.json").write_text("{")
    status, found = doctor("--no-engines", HUSHD_MODELS_DIR=str(models))
    broken = {finding["area"]: finding for finding in found if finding["state"] == "broken"}
    assert (status, set(broken)) == (1, {"configuration", "folders", "models", "supervisor"})
    assert "exit_when_idle" in broken["configuration"]["text"]
    assert "0755" in broken["folders"]["text"]
    assert "0700" in broken["folders"]["remedy"]
    assert broken["models"]["remedy"] == "hushd models pull piper/mine"
    assert broken["supervisor"]["remedy"]
    assert of(found, "extras", "ok")
    assert "engines" not in {finding["area"] for finding in found}


def test_an_engine_that_cannot_load_is_found(start_supervisor: Start) -> None:
    """Its worker's reason is the finding, its log the remedy, and the other engines are tried all the same."""
    broken = '[worker."stt/moonshine"]\ncommand = ["/bin/false"]\n[worker."tts/hibari"]\n' + command(ECHO)
    start_supervisor(broken)
    status, found = doctor()
    engines = {finding["text"].split("/")[1]: finding for finding in found if finding["area"] == "engines"}
    assert status == 1
    assert engines["moonshine"]["state"] == "broken"
    assert engines["moonshine"]["remedy"] == "hushd logs stt/moonshine"
    assert engines["hibari"]["text"].startswith("tts/hibari/en speaks")


def test_every_engine_speaks_and_hears(start_supervisor: Start) -> None:
    """The speech of one engine is heard by the other, word for word as far as it can, and no worker is left. Every area
    is looked at; with nothing broken the status is 0. A server is added in the same way for both roles."""
    started = start_supervisor("")
    status, found = doctor()
    said = [finding["text"] for finding in of(found, "engines", "ok")]
    assert status == 0, found
    areas = {"python", "extras", "memory", "card", "folders", "configuration", "models", "service", "engines"}
    assert {*areas, "confinement"} <= {finding["area"] for finding in found}
    assert sum(each["remedy"].startswith("`hushd servers add") for each in of(found, "engines", "note")) == 2
    assert len(of(found, "supervisor", "ok")) == 2
    assert any(text.startswith("tts/hibari/en speaks") for text in said)
    assert any(text.startswith("stt/moonshine/tiny-en hears 'The quick brown fox") for text in said)
    with started.connect() as peer:
        assert all(row["state"] != "ready" for row in peer.control("status")["workers"])


def test_a_voice_that_is_slow_here(start_supervisor: Start) -> None:
    """The pace that `hushd get` measured is said with the engine's sentence, beside the command for a faster voice."""
    start_supervisor('[worker."tts/hibari"]\n' + command(ECHO))
    assert machine._faster("en") == "hushd get en --speaking"
    paces.keep(paths.find(), "hibari/en", 3.25)
    _, found = doctor()
    (slow,) = (each for each in of(found, "engines", "warning") if "tts/hibari" in each["text"])
    assert slow["text"].endswith(
        "start; a second of it takes 3.2 s of computing here, so that a conversation waits for it"
    )
    assert slow["remedy"] == ""  # no natural voice is faster than hibari


@pytest.mark.parametrize(("voice", "states"), [("heart", []), ("nothere", ["warning"]), ("", [])])
def test_a_usual_voice_that_is_not_installed(runtime: Path, voice: str, states: list[str]) -> None:
    """Speech goes on by another voice, which is a warning with the commands that show and choose one."""
    (runtime / "config.toml").write_text(f'voice = "{voice}"\n')
    listed = [Namespace(name="heart", installed=True), Namespace(name="ann", installed=False)]
    client = Namespace(describe=lambda *roles: Namespace(of=lambda role: Namespace(engines=())), voices=lambda: listed)
    found = [*machine.Running(client).engines()]  # type: ignore[arg-type]
    assert [each.state for each in found] == states
    assert all("'nothere' is not installed" in each.text and "config set voice" in each.remedy for each in found)


def test_an_extra_that_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is gone is a warning with the command that brings it; a whole extra that is absent a note."""
    there: Callable[[str], Any] = lambda name: None if name in ("soxr", "wyoming") else object()  # noqa: E731
    monkeypatch.setattr(installation, "find_spec", there)
    found = {finding.text.split()[0]: finding for finding in installation.extras() if finding.state != "ok"}
    assert {extra: finding.state for extra, finding in found.items()} == {
        "stt": "warning",
        "tts": "warning",
        "wyoming": "note",
    }
    assert "wyoming" in found["wyoming"].remedy


def test_each_of_the_users_languages_has_its_line(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the configuration, else the session's; what neither hears nor speaks it says which command brings it."""
    monkeypatch.setenv("LC_ALL", "mt_MT.UTF-8")
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(runtime / "models"))
    (maltese,) = installation.languages()
    assert (maltese.remedy, "Maltese" in maltese.text) == ("hushd get mt", True)
    config = paths.find().config
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('languages = ["en"]\n')
    (english,) = installation.languages()
    assert (english.remedy, english.text) == ("", "English is heard and spoken")
    config.write_text('languages = ["en", "fr"]\nstt = "onnx-asr/nemo-canary-1b-v2"\n')
    told = next(installation.languages())
    assert told.text == "onnx-asr/nemo-canary-1b-v2 cannot tell English and French apart: it reads all as English"
    assert told.remedy == "hushd get fr"
    config.write_text('languages = ["fr"]\nstt = "onnx-asr/nemo-canary-1b-v2"\n')
    assert not any("apart" in each.text for each in installation.languages())
