"""`hushd get`: which settings a language changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd_cli.commands import get
from hushd_cli.commands.get import _changes
from hushd_models.catalogue import Known
from hushd_models.choice.recommendation import Recommendation
from hushd_models.inventory import Row
from hushd_schema.settings import Settings


def brings(role: str, model: str, spoken: str) -> Recommendation:
    """A model as it is recommended for French."""
    engine, _, name = model.partition("/")
    known = Known(engine, name, role, tuple(spoken.split()), needs_language=name == "told")
    row = Row(model, role, "absent", known=known)
    return Recommendation(role, "fr", row, known, "", ())


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize(("settings", "model", "spoken", "changes"), [
    (Settings(), "a/many", "en fr de", {("languages",): ["en", "fr"], ("stt",): "a/many"}),
    (Settings(), "a/french", "fr", {("languages",): ["en", "fr"], ("stt_by_language", "fr"): "a/french"}),
    (Settings(languages=("fr",)), "a/french", "fr", {("stt",): "a/french"}),
    (Settings(languages=("fr",)), "a/told", "en fr", {("stt",): "a/told"}),
    (Settings(languages=("fr", "ja")), "a/told", "en fr", {("stt_by_language", "fr"): "a/told"}),
    (Settings(), "a/told", "en fr", {("languages",): ["en", "fr"], ("stt_by_language", "fr"): "a/told"}),
    (
        Settings(languages=("de", "fr"), stt_by_language={"de": "a/told"}), "a/many", "de fr",
        {("stt",): "a/many", ("stt_by_language", "de"): "a/many"},
    ),
    (Settings(languages=("fr-CA", "en"), stt="a/many"), "a/many", "en fr", {}),
    (Settings(languages=("en", "fr"), stt_by_language={"fr": "a/f"}), "a/f", "fr", {}),
])  # fmt: skip
def test_a_model_becomes_the_usual_one_for_what_it_hears(
    settings: Settings, model: str, spoken: str, changes: dict[tuple[str, ...], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that tells the user's languages apart hears every recording, also where the first had a model of its own;
    another one hears those that are said to be in its language."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert dict(_changes(settings, "fr", [brings("stt", model, spoken)])) == changes


@pytest.mark.usefixtures("runtime")
def test_a_voice_is_its_languages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """English keeps the voice that it has; the session's language goes first."""
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    changed = dict(_changes(Settings(), "fr", [brings("tts", "a/many", "en fr pt")]))
    assert changed == {("languages",): ["pt", "fr"], ("tts_by_language", "fr"): "a/many"}


def test_what_lacks_is_installed_by_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two extras and a plugin: uv makes the environment anew from its last command."""
    monkeypatch.setattr(get, "extra_command", lambda *names: f"install {' '.join(names)}")
    hears, speaks = (
        replace(brings(role, model, "fr"), commands=("install x", f"hushd models pull {model}"))
        for role, model in (("stt", "faster-whisper/base"), ("tts", "kokoro/v1.0"))
    )
    assert get._installs([hears, speaks], "engines-piper") == ["install faster-whisper kokoro engines-piper"]
    assert get._installs([hears], "") == ["install faster-whisper"]
    assert get._installs([replace(speaks, commands=())], "") == []
    assert get._installs([replace(speaks, known=replace(speaks.known, engine="own"))], "") == ["install x"]


@pytest.mark.parametrize(
    ("answer", "goes_on"), [("", True), ("y", True), ("n", False), ("what?", False), (None, False)]
)
def test_what_was_not_done_is_said(
    answer: str | None, goes_on: bool, runtime: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After a no, Ctrl-D and what nobody understands: nothing was fetched, no setting changed; a yes goes on."""

    before = (runtime / "config.toml").read_text()

    class GoesOn(Exception):
        pass

    def asked(question: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    def client() -> None:
        raise GoesOn

    voice = replace(brings("tts", "kokoro/v1.0", "fr"), commands=("hushd models pull kokoro/v1.0",))
    monkeypatch.setattr(get, "to_get", lambda *arguments, **options: voice)
    monkeypatch.setattr(get, "shown_client", client)
    monkeypatch.setattr(os, "isatty", lambda descriptor: True)
    monkeypatch.setattr("builtins.input", asked)
    if goes_on:
        with pytest.raises(GoesOn):
            get.main("hushd get", ["fr", "--speaking"])
    else:
        assert get.main("hushd get", ["fr", "--speaking"]) == 0
    assert ("Nothing was fetched, and no setting was changed.\n" in capfd.readouterr().out) != goes_on
    assert (runtime / "config.toml").read_text() == before


@pytest.mark.parametrize(("name", "yes"), [
    ("de_DE", "j Ja JA y"), ("es_ES", "s sí Sim y"), ("pt_BR", "s sí Sim y"), ("fr_FR", "o oui y"),
    ("none_XX", "y Yes"),
])  # fmt: skip
def test_a_yes_is_that_of_the_session(name: str, yes: str, tmp_path: Path) -> None:
    """By its locale, where that is installed; English is understood everywhere."""
    if name != "none_XX":
        made = [shutil.which("localedef") or pytest.skip("localedef is missing: apt install locales"), "-i", name]
        subprocess.run([*made, "-f", "UTF-8", tmp_path / f"{name}.UTF-8"], capture_output=True, check=False)
        if not (tmp_path / f"{name}.UTF-8/LC_MESSAGES").exists():
            pytest.skip("the sources of locales are missing: apt install locales")
    program = "import sys; from hushd_cli.commands.get import _is_yes; print(*filter(_is_yes, sys.argv[1:]))"
    answers = ["j", "Ja", "JA", "s", "sí", "Sim", "o", "oui", "y", "Yes", "n", "no", "nein", "non", "não"]
    environment = os.environ | {"LOCPATH": str(tmp_path), "LC_ALL": f"{name}.UTF-8", "PYTHONUTF8": "1"}
    told = subprocess.check_output(
        [sys.executable, "-c", program, *answers], text=True, env=environment, encoding="utf-8"
    )
    assert set(told.split()) == {*yes.split(), "y", "Yes"}


@pytest.mark.parametrize(("heard", "told"), [
    ("fr", ""), ("fr-CA", ""), ("", ""),
    ("en", "`listen` took it for English: `listen --language fr` hears French.\n"),
])  # fmt: skip
def test_the_proof_is_what_will_be_typed(heard: str, told: str, capfd: pytest.CaptureFixture[str]) -> None:
    """No option says the language, and a recording that was taken for another one is told, with the way on."""
    asked: list[object] = []
    transcript = SimpleNamespace(text=" Bonjour. ", language=heard)
    client: Any = SimpleNamespace(transcribe=lambda *words, **options: asked.append((words, options)) or transcript)
    get._prove_hearing(client, "fr-FR", Path("a.wav"))
    assert asked == [(("a.wav",), {})]
    said = capfd.readouterr()
    assert said.out == "Heard: Bonjour.\n"
    assert said.err.endswith(told)
    assert bool(said.err) == bool(told)


@pytest.mark.parametrize(("faster", "plugin", "told", "written"), [
    ("piper/fr-siwis", "", "piper/fr-siwis is faster, and speaks French from now on", 'fr = "piper/fr-siwis"'),
    ("piper/gone", "", "`hushd get fr --speaking` brings piper/gone, which is faster", ""),
    ("", "engines-piper", "`hushd get fr --speaking` brings the plugin engines-piper, which is faster", ""),
    ("", "", "no faster natural voice is known", ""),
])  # fmt: skip
def test_a_slow_voice_names_a_faster_one(
    faster: str, plugin: str, told: str, written: str, runtime: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """One sentence names it; a natural one that is here becomes the usual voice of the language."""
    choice = brings("tts", faster, "fr") if faster else None
    if choice and not written:
        choice = replace(choice, commands=(f"hushd models pull {faster}",))
    monkeypatch.setattr(get, "faster_voice", lambda *arguments: choice)
    monkeypatch.setattr(get, "quick_plugin", lambda *arguments: plugin)
    monkeypatch.setattr(get, "have_it_read", lambda: None)
    config = runtime / "config.toml"
    get._say_what_is_faster(config, "fr", "kokoro/v1.0")
    said = capfd.readouterr().out
    assert said.startswith("kokoro/v1.0 is slower than real time here")
    assert told in said
    assert written in (after := config.read_text())
    assert ("tts_by_language" in after) == bool(written)
