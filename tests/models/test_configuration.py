"""The check of a configuration: the engines and models that it names, against those that exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_models import configuration
from hushd_protocol.errors import HushdError


def mistake(folder: Path, text: str) -> str:
    """The sentence about a configuration; empty for one that is fine."""
    (folder / "config.toml").write_text(text)
    try:
        configuration.check(folder / "config.toml")
    except HushdError as error:
        return error.message
    return ""


@pytest.mark.parametrize("text", [
    'tts = "kokoro/kokoro-v1.0"\nstt = "faster-whisper/turbo"',  # known; `say` names the command that gets it
    'tts = "hibari/enn"\n[worker."tts/hibari"]\ncommand = ["program"]',
    'tts = "command/anything"',
    'languages = ["nb", "German", "pt_BR", "eo", "cmn"]',  # by a tag or a name; espeak-ng speaks Esperanto
    'languages = ["français", "Português (Brasil)"]',
])  # fmt: skip
def test_models_of_the_user_are_accepted(runtime: Path, text: str) -> None:
    """Those that can be pulled, and whatever a command of the user's has."""
    assert mistake(runtime, text) == ""


@pytest.mark.parametrize(("text", "start", "hint"), [
    ('tts = "hibary/en"', "tts names the engine", "did you mean hibari?"),
    (
        '[worker."stt/faster-wisper"]\nqueue = 1',
        'worker."stt/faster-wisper" names the engine',
        "faster-whisper?",
    ),
    ('[worker."tts/xyzzy/a"]\nqueue = 1', 'worker."tts/xyzzy/a" names the engine', "kokoro"),
    ('languages = ["fr", "klingon"]', "languages names 'klingon', which is not a language", "pt-BR or French"),
    ('tts_by_language = {fr = "nothere/x"}', "tts_by_language.fr names the engine 'nothere'", "use "),
    ('tts = "hibari/enn"', "tts names the model 'enn' of hibari, which is neither known nor installed", ""),
    (
        '[worker."stt/moonshine/e"]\nqueue = 1',
        "worker.\"stt/moonshine/e\" names the model 'e' of",
        "neither",
    ),
])  # fmt: skip
def test_languages_engines_and_models_are_known(runtime: Path, text: str, start: str, hint: str) -> None:
    """One that no installed package, catalogue or folder has is an error with the key; of an engine with the nearest
    name and all there are."""
    sentence = mistake(runtime, text)
    assert f"config.toml: {start}" in sentence
    assert hint in sentence
    assert "\n" not in sentence


def test_engines_of_others_are_accepted(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that another package adds by its spec is known, and so is a name with a command of its own."""
    text = 'tts = "mine/a"\n[worker."stt/whistle"]\nkeep_alive = 1\n[worker."tts/mine"]\ncommand = ["/bin/mine"]\n'
    assert "'whistle'" in mistake(runtime, text)
    package = runtime / "whistle-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: whistle\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[hushd.engine_specs]\nwhistle = whistle_spec:SPEC\n")
    (runtime / "whistle_spec.py").write_text(
        "from hushd_schema.engines import EngineSpec\nSPEC = EngineSpec('whistle', 'stt', 'whistle:Whistle')\n"
    )
    monkeypatch.syspath_prepend(str(runtime))
    assert mistake(runtime, text) == ""


def test_an_engine_of_a_plugin_says_what_it_takes(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key, and the plugin's sentence in place of all engines that there are."""
    monkeypatch.setattr(configuration, "_installed", lambda role: {"moonshine", "hibari"})
    monkeypatch.setattr(
        configuration, "engine_needed", lambda engine: f"{engine} takes a plugin." if engine == "far" else ""
    )
    file = runtime / "config.toml"
    assert mistake(runtime, 'stt = "far/a"') == f"{file}: stt names the engine far: far takes a plugin."
    assert mistake(runtime, 'tts = "hibary/en"') == (
        f"{file}: tts names the engine 'hibary', which is not installed (did you mean hibari?): "
        "use hibari or moonshine, or set its command."
    )


@pytest.mark.parametrize(("token", "file", "refused"), [("", False, True), ("secret", False, False), ("", True, False)])
def test_an_address_for_strangers_takes_a_token(
    runtime: Path, token: str, file: bool, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is in the environment, or in a file that the configuration names."""
    monkeypatch.setattr("hushd_schema.settings.access.check_packages", lambda kind, text: None)
    monkeypatch.setenv("HUSHD_HTTP_TOKEN", token)
    (runtime / "token").write_text("secret")
    (runtime / "token").chmod(0o600)
    named = f'token_file = "{runtime}/token"' if file else ""
    said = mistake(runtime, f'[http]\nlisten = ["0.0.0.0:8080"]\n{named}')
    assert said.startswith("Anyone who can reach 0.0.0.0:8080 could use hushd: ") is refused
    assert bool(said) is refused
