"""The questions that a request asks before it is sent: procedures without I/O, answered here by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from hushd.client import Client
from hushd.transport.steps import Brief, Steps, run
from hushd.verbs.preparation import Preparation
from hushd.verbs.requests import parse_keep_alive, warm
from hushd_models import inventory, paces
from hushd_protocol.duration import FOREVER
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Error, Message, Request, Result
from hushd_protocol.system import paths
from support.refusals import hushd_error
from support.scripted_router import ScriptedRouter, Start

T = TypeVar("T")


class Ask(NamedTuple):
    """A question to the supervisor, as a step."""

    action: str
    names: tuple[str, ...] = ()

    def __call__(self) -> None:
        pytest.fail("answered by hand")


def control(action: str, *names: str) -> Steps[Any]:
    return (yield Ask(action, names))


WHISPER = {"name": "turbo", "installed": True, "memory_mb": 900}
STT = {"stt": {"engines": [{"name": "whisper", "models": [WHISPER]}, {"name": "moonshine", "models": []}]}}
CLARA = {"name": "clara", "language": "de-DE", "gender": "female", "engine": "hibari", "model": "v1", "installed": True}
SPEAKER = {"name": "hibari", "installed": True, "default_voice": "clara", "models": [{"name": "v1"}], "voices": [CLARA]}
TTS = {"tts": {"default": "hibari/v1", "engines": [SPEAKER]}}

ROOM = {"budget_mb": 2000.0, "used_mb": 0.0, "available_mb": 1000.0, "reserve_mb": 60.0, "pressure": "normal"}
STATUS = {"workers": [], "memory": ROOM}


def answered(steps: Steps[T], *answers: Any) -> tuple[list[Ask], T]:
    """The questions of a procedure that gets these answers, and what it returns."""
    asked: list[Ask] = []
    left = list(answers)
    answer: Any = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            assert not left, "an answer that nobody asked for"
            return asked, end.value
        if not isinstance(step, Ask):  # a file of this machine's, or work of a thread
            answer = step()
            continue
        assert isinstance(step, Ask)
        asked.append(step)
        answer = left.pop(0)


@pytest.fixture
def preparation(runtime: Path) -> Preparation:
    return Preparation(control)


@pytest.mark.parametrize(
    ("engine", "model"), [(None, None), ("whisper", None), ("whisper", "turbo"), (None, "whisper/turbo")]
)
def test_a_request_that_names_all_asks_nothing(preparation: Preparation, engine: str | None, model: str | None) -> None:
    """Nothing is asked either for one that leaves all to the supervisor: no question delays it."""
    steps = preparation.transcription({}, None, {"engine": engine, "model": model})
    asked, request = answered(steps)
    assert (asked, request.op, request.session) == ([], "transcribe", False)


@pytest.mark.parametrize("language", [None, "auto", "de"])
def test_a_transcription_has_the_sessions_language(
    preparation: Preparation, language: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request without a language has it, so that no model takes it for another."""
    monkeypatch.setenv("LC_ALL", "fr_CA.UTF-8")
    _, request = answered(preparation.transcription({"language": language}, None, {"engine": "e", "model": "m"}))
    assert request.params.get("languages") == (None if language == "de" else ["fr"])


@pytest.mark.parametrize("language", ["French", "français", "fr"])
def test_a_language_is_asked_for_by_its_code(preparation: Preparation, language: str) -> None:
    """The settings have models by codes, and a supervisor knows no names."""
    _, request = answered(preparation.transcription({"language": language}, None, {"engine": "e", "model": "m"}))
    assert request.params["language"] == "fr"


def carried(preparation: Preparation, **params: Any) -> tuple[Any, Any]:
    """Returns what requests for a transcript and a speech carry of the user's lists."""
    shared = {"engine": "e", "model": "m"}
    _, heard = answered(preparation.transcription(params, None, shared, session=True))
    _, spoken = answered(preparation.speech({}, shared))
    return heard.params.get("usual_words"), spoken.params.get("usual_pronunciations")


@pytest.mark.parametrize("config", ["config.toml", "dotfiles/any.toml"])
def test_a_request_carries_the_users_lists_as_they_are_now(
    preparation: Preparation, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists made for the first time, changed by a rename, as links into another folder, and gone again; beside the
    configuration, wherever that is."""
    monkeypatch.setenv("HUSHD_CONFIG", str(beside := tmp_path / config))
    beside.parent.mkdir(exist_ok=True)
    words, sounds = beside.with_name("words.txt"), beside.with_name("pronunciations.txt")
    assert carried(preparation) == (None, None)
    words.write_text("Qdrant\n")
    sounds.write_text("nginx -> engine x\n")
    assert carried(preparation) == ("Qdrant", "nginx -> engine x")
    assert carried(preparation, own_words="Claude") == (None, "nginx -> engine x")
    assert carried(preparation, own_words="") == (None, "nginx -> engine x")
    (new := tmp_path / "new").write_text("Traefik\n")
    new.rename(words)
    (linked := tmp_path / "stow").write_text("gnocchi -> nyokki\n")
    sounds.unlink()
    sounds.symlink_to(linked)
    assert carried(preparation) == ("Traefik", "gnocchi -> nyokki")
    words.unlink()
    sounds.unlink()
    assert carried(preparation) == (None, None)


def test_a_fault_of_a_list_goes_with_the_request(preparation: Preparation, runtime: Path) -> None:
    """It is a warning of the result, in one sentence, and refuses nothing."""
    paths.find().own_words.write_bytes(b"\xff")
    _, request = answered(preparation.transcription({}, None, {"engine": "e", "model": "m"}))
    assert "words.txt is not text in UTF-8" in request.params["list_fault"]


def test_a_bare_model_is_looked_for_once(preparation: Preparation) -> None:
    """The engine that has it is described once for all requests of a client."""
    asked, request = answered(preparation.transcription({}, None, {"model": "turbo"}), STT)
    assert (asked, request.worker) == ([Ask("describe", ("stt",))], "stt/whisper/turbo")
    asked, request = answered(preparation.transcription({}, None, {"model": "turbo"}, session=True))
    assert (asked, request.worker, request.session) == ([], "stt/whisper/turbo", True)


def test_a_name_with_its_engine_is_looked_for_nowhere(preparation: Preparation) -> None:
    """One that is not of that form is looked for among the models, and refused in one sentence."""
    assert answered(preparation.find_model("whisper/turbo")) == ([], ("whisper", "turbo"))
    for name in ("whisper/", "/turbo", "a/b/c", "models/turbo.pt"):
        with hushd_error("model_missing"):
            answered(preparation.find_model(name), STT)
        preparation.forget()


def test_a_voice_names_engine_and_model_and_is_looked_for_once(preparation: Preparation) -> None:
    """The voice takes the place of the language by which it was chosen."""
    asked, request = answered(preparation.speech({"language": "de"}, {}), TTS)
    assert asked == [Ask("describe", ("tts",))]
    assert request.worker.startswith("tts/hibari")
    assert request.params == {"voice": "clara"}
    asked, again = answered(preparation.speech({"language": "de"}, {}))
    assert (asked, again.params) == ([], request.params)
    assert answered(preparation.speech({}, {}))[0] == []
    asked, request = answered(preparation.speech({"voice": "any"}, {"engine": "e", "model": "m"}))
    assert (asked, request.worker, request.params["voice"]) == ([], "tts/e/m", "any")
    with pytest.raises(HushdError, match="The voice clara speaks de-DE, not 'fr'"):
        answered(preparation.speech({"voice": "clara", "language": "fr"}, {}), TTS)


@pytest.mark.parametrize(("session", "config", "options", "first"), [
    ("de_DE.UTF-8", "", {}, "clara"), ("de_AT.UTF-8", "", {}, "clara"), ("C.UTF-8", "", {}, ""),
    ("en_GB.UTF-8", "", {}, ""), ("fr_FR.UTF-8", "", {}, ""), ("de_DE.UTF-8", 'languages = ["en"]', {}, ""),
    ("de_DE.UTF-8", 'tts = "kokoro/kokoro-v1.0"', {}, ""), ("de_DE.UTF-8", 'voice = "heart"', {}, ""),
    ("C.UTF-8", 'languages = ["de"]', {}, "clara"), ("en_GB.UTF-8", 'languages = ["de", "en"]', {}, "clara"),
    ("de_DE.UTF-8", '[tts_by_language]\nde = "hibari/v1"', {}, ""), ("de_DE.UTF-8", "", {"engine": "hibari"}, ""),
])  # fmt: skip
def test_a_voice_of_the_sessions_language_speaks_first(
    session: str, config: str, options: dict[str, str], first: str, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The English voice does not start first, unless the configuration says something of voices, or there is no other.
    It is looked for once, and the text's own language may still choose another."""
    monkeypatch.setenv("LC_ALL", session)
    (runtime / "config.toml").write_text(config)
    monkeypatch.setattr(inventory, "serves", lambda store, role, language: (role, language) == ("tts", "de"))
    preparation = Preparation(control)
    for answers in ([TTS] if first else [], []):
        _, request = answered(preparation.speech({}, options), *answers)
        assert request.params.get("default_voice", "") == first
        assert request.worker == ("tts/hibari/v1" if first else "tts/hibari" if options else "tts")
        assert "languages" in request.params


@pytest.mark.parametrize("folder", ["commands", "servers"])
def test_an_engine_of_the_users_own_may_speak_the_sessions_language(
    folder: str, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file of a model tells it, so the supervisor is asked wherever there is a program or a server of theirs."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setattr(inventory, "serves", lambda *_: False)
    assert answered(Preparation(control).speech({}, {}))[1].worker == "tts"
    (runtime / folder).mkdir()
    (runtime / folder / "mine.toml").touch()
    assert answered(Preparation(control).speech({}, {}), TTS)[1].worker == "tts/hibari/v1"


def several(*names: str) -> Any:
    """Returns a description of speech to text with these models of several languages."""
    models = [{"name": name, "languages": ["fr", "de"], "installed": True, "memory_mb": 100} for name in names]
    return {"stt": {"engines": [{"name": "own", "installed": True, "models": models}]}}


@pytest.mark.parametrize("ask", [
    lambda preparation: preparation.find_model("new"),
    lambda preparation: preparation.transcription({}, None, {"model": "new"}),
    lambda preparation: preparation.choose_model("de", None, "own"),
    lambda preparation: preparation.second_hearing(Request(id=b"1" * 16, worker="stt", op="transcribe"), None),
], ids=["by name", "a request", "auto", "heard again"])  # fmt: skip
def test_a_model_that_came_later_is_found(ask: Callable[[Preparation], Steps[Any]], runtime: Path) -> None:
    """A description from before it came does not stand against it. A model that is not there now is asked for each
    time, and one that was found is not."""
    asked: list[str] = []
    described: Any = several()

    def answering(action: str, *_: str) -> Steps[Any]:
        asked.append(action)
        yield Brief(lambda: None)
        return described if action == "describe" else STATUS

    (runtime / "config.toml").write_text('languages = ["de"]\n')
    (runtime / "servers").mkdir()
    (runtime / "servers/mine.toml").touch()  # so that there may be such a model
    preparation = Preparation(answering)
    for count in (1, 2):
        with hushd_error("model_missing"):
            run(ask(preparation))
        assert asked.count("describe") == count
    described = several("new")
    for _ in range(2):
        run(ask(preparation))
        assert asked.count("describe") == 3


def test_a_voice_is_chosen_anew_after_a_failure(preparation: Preparation) -> None:
    """A client forgets the choice once its request has failed for it, or a model has come."""
    answered(preparation.speech({"language": "de"}, {}), TTS)
    preparation.forget()
    there = {"tts": {"default": "hibari/v1", "engines": [SPEAKER | {"voices": [{**CLARA, "name": "mia"}]}]}}
    assert answered(preparation.speech({"language": "de"}, {}), there)[1].params == {"voice": "mia"}


def test_a_voice_that_is_too_slow_is_known(preparation: Preparation) -> None:
    """It would have spoken the language, had it not been measured on this machine."""
    mia = {**CLARA, "name": "mia", "language": "fr", "model": "v1"}
    there = SPEAKER | {"default_voice": "mia", "voices": [mia]}
    slow = {**there, "name": "slow", "voices": [{**mia, "engine": "slow"}]}
    described = {"tts": {"default": "other/v1", "engines": [slow, there]}}
    assert answered(preparation.speech({"language": "fr"}, {}), described)[1].worker == "tts/slow/v1"
    assert preparation.passed_over is None
    paces.keep(paths.find(), "slow/v1", 5.0)
    paces.keep(paths.find(), "hibari/v1", 0.1)  # one that was not measured would count as no faster
    again = Preparation(control)
    assert answered(again.speech({"language": "fr"}, {}), described)[1].worker == "tts/hibari/v1"
    assert again.passed_over == (("slow", "v1", "mia"), 5.0)


def test_a_programs_own_voice_is_not_asked_for_again(preparation: Preparation) -> None:
    """It comes with its engine and model, unless the caller has chosen another; a text in another language may still
    go elsewhere."""
    asked, request = answered(preparation.speech({"default_voice": "hibari/v1/clara"}, {}))
    assert (asked, request.worker, request.params["default_voice"]) == ([], "tts/hibari/v1", "clara")
    assert "languages" in request.params
    asked, request = answered(preparation.speech({"default_voice": "hibari/v1/clara"}, {"engine": "piper"}))
    assert (asked, request.worker) == ([], "tts/piper")
    assert "default_voice" not in request.params
    asked, german = answered(preparation.in_language("de", request, usual="hibari/v1/clara", shared={}), TTS)
    assert asked == [Ask("describe", ("tts",))]
    assert (german.worker, german.params) == ("tts/hibari/v1", {"voice": "clara"})


def test_keep_alive_is_what_users_of_ollama_expect() -> None:
    """Numbers and durations, a negative one for ever; anything else is a bad request that shows a good value."""
    assert [parse_keep_alive(value) for value in (0, 300, "1h30m", "-1m")] == [0.0, 300.0, 5400.0, FOREVER]
    for value in ("", "five", "5m 30s"):
        with hushd_error("bad_request", "5m"):
            parse_keep_alive(value)
    assert [warm("stt/echo/a", value).keep_alive for value in (None, "5m")] == [None, 300.0]


def test_the_second_hearing_is_by_a_model_of_the_users_language(runtime: Path) -> None:
    """One of two that hear several does; the other, which is listed first, does not."""
    (runtime / "config.toml").write_text('languages = ["de"]\n')
    several = [{"name": "a", "languages": ["fr", "es"]}, {"name": "b", "languages": ["fr", "de"]}]
    models = [{**model, "installed": True, "memory_mb": 100, "speed": "medium"} for model in several]
    described = {"stt": {"engines": [{"name": "own", "installed": True, "models": models}]}}

    def act(step: Any) -> Any:
        return {"describe": described, "status": STATUS}[step.action] if isinstance(step, Ask) else step()

    steps = Preparation(control).second_hearing(Request(id=b"1" * 16, worker="stt", op="transcribe"), None)
    answer, request = None, None
    while request is None:
        try:
            answer = act(steps.send(answer))
        except StopIteration as end:
            request = end.value
    assert request.worker == "stt/own/b"


def test_a_client_whose_voice_is_gone_looks_for_another(start_router: Start) -> None:
    """The request that fails for it says so, and the next one has voices described anew."""
    described: list[Message] = []

    def script(router: ScriptedRouter, route: bytes, message: Message) -> None:
        if isinstance(message, Request):
            router.send(route, Error(id=message.id, code="model_missing", message="It is gone."))
        elif isinstance(message, Control):
            described.append(message)
            router.send(route, Result(id=message.id, data=TTS))

    start_router(script)
    with Client() as client:
        for count in (1, 2):
            with hushd_error("model_missing", said="It is gone."):
                client.synthesize("Hallo.", language="de").wait()
            assert len(described) == count
