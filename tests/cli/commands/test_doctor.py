"""`hushd doctor`: each thing that breaks is found, with a remedy, and the exit status says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from hushd_cli.commands.doctor import engines, machine
from hushd_protocol.system import paths
from hushd_protocol.system.graphics_cards import PciCard
from support.command_line import on_terminal, run
from support.peer import ECHO, Start, command

Found = list[dict[str, str]]


def doctor(*words: str, **environment: str) -> tuple[int, Found]:
    done = run("hushd", "doctor", "--json", *words, text=True, env=os.environ | environment)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)["findings"]


def of(found: Found, area: str, state: str = "broken") -> list[dict[str, str]]:
    return [finding for finding in found if finding["area"] == area and finding["state"] == state]


def test_another_program_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program before hushd's on PATH, such as macOS's `say`, is named, with the two ways around it; hushd's own by a
    link is none."""
    ours = Path(sys.executable).parent
    (tmp_path / "say").write_text("#!/bin/sh")
    (tmp_path / "say").chmod(0o755)
    (tmp_path / "listen").symlink_to(ours / "listen")
    monkeypatch.setenv("PATH", f"{tmp_path}:{ours}")
    (found,) = machine.commands()
    assert found.text == f"say on PATH is another program, {tmp_path}/say"
    assert found.remedy == f"hushd say, or {ours}/say"


@pytest.mark.parametrize(
    ("kernel", "answer", "states"),
    [
        ([], "", ["ok"]),
        ([PciCard("0000:01:00.0", "AMD", "amdgpu", "D0")], "", ["ok"]),
        ([PciCard("0000:01:00.0", "NVIDIA", "nvidia", "D0")], '{"error": ""}', ["ok"]),
        ([PciCard("0000:01:00.0", "NVIDIA", "nouveau", "D0")], '{"error": "no driver"}', ["warning", "warning"]),
        ([PciCard("0000:01:00.0", "NVIDIA", "nvidia", "D0")], '{"error": "no library"}', ["ok", "warning"]),
        ([PciCard("0000:01:00.0", "NVIDIA", "nvidia", "D0")], "nothing", ["ok", "warning"]),
    ],
)
def test_a_card_that_is_not_used(
    kernel: list[PciCard], answer: str, states: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card of NVIDIA's that the kernel lists and its driver does not is a warning, since all runs on the CPU then."""
    monkeypatch.setattr(machine, "cards", lambda: kernel)
    monkeypatch.setattr("subprocess.run", lambda *_, **options: Namespace(stdout=answer))
    assert [each.state for each in machine.graphics_cards()] == states


@pytest.mark.parametrize(("driver", "power", "said"), [
    ("nvidia", "suspended", "NVIDIA card 0000:01:00.0, driver nvidia, suspended"),
    ("nvidia", "", "NVIDIA card 0000:01:00.0, driver nvidia"), ("", "", "NVIDIA card 0000:01:00.0, driver none"),
])  # fmt: skip
def test_a_card_is_named_with_its_driver_and_its_power(
    driver: str, power: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as the kernel reports them."""
    monkeypatch.setattr(machine, "cards", lambda: [PciCard("0000:01:00.0", "NVIDIA", driver, power)])
    monkeypatch.setattr("subprocess.run", lambda *_, **options: Namespace(stdout='{"error": ""}'))
    assert next(machine.graphics_cards()).text == said


def test_a_driver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver is waited for as long as the supervisor waits for it, and then named."""

    def late(*_: object, timeout: float, **options: object) -> None:
        raise subprocess.TimeoutExpired("card", timeout)

    monkeypatch.setattr(machine, "cards", lambda: [PciCard("0000:01:00.0", "NVIDIA", "nvidia", "D0")])
    monkeypatch.setattr("subprocess.run", late)
    assert "has not answered in 5 s" in [*machine.graphics_cards()][1].text


@pytest.mark.parametrize(
    ("landlock", "seccomp", "setting", "state"),
    [(6, True, "auto", "ok"), (6, False, "auto", "note"), (0, True, "auto", "note"), (6, True, "off", "warning")],
)
def test_confinement(
    landlock: int, seccomp: bool, setting: str, state: str, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said where engines are confined in part or not at all; a setting that asks for none is a warning."""
    (runtime / "config.toml").write_text(f'[security]\nconfine = "{setting}"\n')
    monkeypatch.setattr(machine.landlock, "version", lambda: landlock)
    monkeypatch.setattr(machine.seccomp, "available", lambda: seccomp)
    assert [each.state for each in machine.confinement()] == [state]


def test_a_state_folder_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a warning, since nothing else complains: logs and learnt sizes are not written. Some file systems count no
    files."""
    for room, found in (((5, 0, 0), 0), ((0, 9, 9), 1), ((5, 9, 0), 1)):
        counts = Namespace(f_bavail=room[0], f_files=room[1], f_favail=room[2])
        monkeypatch.setattr("os.statvfs", lambda path, counts=counts: counts)
        assert [each.state for each in machine.folders()] == ["warning"] * found
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "cannot be written" in next(machine.folders()).text


@pytest.mark.parametrize(
    ("files", "missing", "failed", "states"),
    [
        (["/nowhere"], ["/nowhere"], "", []),
        (["/"], ["/"], "", ["warning"]),
        (["/"], [], "it is off", ["broken"]),
        (["/"], [], "", []),
    ],
)
def test_a_service(
    files: list[str], missing: list[str], failed: str, states: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that differs from this installation or does not listen is found; none is nothing to complain of."""
    here = Namespace(files=[*map(Path, files)], missing=lambda: [*map(Path, missing)], active=(), manager="systemd")
    monkeypatch.setattr(machine.of_session, "find", lambda: here)
    monkeypatch.setattr(machine.of_session, "run", lambda command: failed)
    assert [each.state for each in machine.service()] == states


def test_an_old_supervisor() -> None:
    """One of another version is a warning with the command that starts this one."""
    client = Namespace(status=lambda: Namespace(supervisor=Namespace(version="0.0.1", pid=7)))
    (found,) = engines.supervisor(client)  # type: ignore[arg-type]
    assert (found.state, found.remedy) == ("warning", "hushd restart")


def test_what_is_broken(runtime: Path) -> None:
    """A wrong configuration, and no supervisor where none may start: each is named with its remedy, the status is 1,
    and the rest is looked at all the same."""
    (runtime / "config.toml").write_text("exit_when_idle = -1\n")
    status, found = doctor("--no-engines")
    broken = {finding["area"]: finding for finding in found if finding["state"] == "broken"}
    assert (status, set(broken)) == (1, {"configuration", "supervisor"})
    assert "exit_when_idle" in broken["configuration"]["text"]
    assert broken["supervisor"]["remedy"]
    assert of(found, "languages", "ok")
    assert "engines" not in {finding["area"] for finding in found}


@pytest.mark.parametrize("colours", [True, False])
def test_a_terminal_shows_each_state_in_its_colour(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, colours: bool
) -> None:
    """Red, yellow or green come first, and each remedy below; NO_COLOR and a file have the words alone."""
    (runtime / "config.toml").write_text("auto_pul = true\n")
    monkeypatch.setenv("NO_COLOR", "" if colours else "1")
    words = [sys.executable, "-P", "-c", "from hushd_cli import entry; entry.hushd()", "doctor", "--no-engines"]
    status, shown = on_terminal(words, "stdout")
    assert status == 1
    lines = shown.splitlines()
    (number,) = [n for n, line in enumerate(lines) if "auto_pul (did you mean" in line and " configuration: " in line]
    assert lines[number].startswith(
        "\x1b[31mbroken  \x1b[0m configuration: " if colours else "broken   configuration: "
    )
    assert lines[number + 1].startswith("         -> ")
    assert ("\x1b[32mok" in shown) == colours


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
    is looked at; with nothing broken the status is 0."""
    started = start_supervisor("")
    status, found = doctor()
    said = [finding["text"] for finding in of(found, "engines", "ok")]
    assert status == 0, found
    areas = {"python", "card", "configuration", "confinement", "languages", "supervisor", "engines"}
    assert areas <= {finding["area"] for finding in found}
    assert any(text.startswith("tts/hibari/en speaks") for text in said)
    assert any(text.startswith("stt/moonshine/tiny-en hears 'The quick brown fox") for text in said)
    with started.connect() as peer:
        assert all(row["state"] != "ready" for row in peer.control("status")["workers"])


@pytest.mark.parametrize(("voice", "states"), [("heart", []), ("nothere", ["warning"]), ("ann", ["warning"]), ("", [])])
def test_a_usual_voice_that_is_not_installed(runtime: Path, voice: str, states: list[str]) -> None:
    """Speech goes on by another voice, which is a warning with the commands that show and choose one."""
    (runtime / "config.toml").write_text(f'voice = "{voice}"\n')
    listed = [Namespace(name="heart", installed=True), Namespace(name="ann", installed=False)]
    client = Namespace(describe=lambda *roles: Namespace(of=lambda role: Namespace(engines=())), voices=lambda: listed)
    found = [*engines.speak_and_hear(client)]  # type: ignore[arg-type]
    assert [each.state for each in found] == states
    assert all(f"{voice!r} is not installed" in each.text and "config set voice" in each.remedy for each in found)


def test_each_of_the_users_languages_has_its_line(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the configuration, else the session's; what neither hears nor speaks it says which command brings it."""
    monkeypatch.setenv("LC_ALL", "mt_MT.UTF-8")
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(runtime / "models"))
    (maltese,) = engines.languages()
    assert (maltese.remedy, "Maltese" in maltese.text) == ("hushd get mt", True)
    config = paths.find().config
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('languages = ["en"]\n')
    (english,) = engines.languages()
    assert (english.remedy, english.text) == ("", "English is heard and spoken")
