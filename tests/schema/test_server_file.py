"""Server files: their keys, their mistakes, and the guesses from a command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hushd_models.server_files import SERVERS
from hushd_protocol.errors import HushdError
from hushd_schema import server_file

UVICORN = ["uvicorn", "api.src.main:app", "--port", "{port}"]


@pytest.mark.parametrize(("run", "keys", "like", "speaks", "hears"), [
    (["whisper-server", "--port", "{port}"], {}, "whisper.cpp", False, True),
    (["python3", "-m", "piper.http_server", "--port", "{port}"], {}, "piper", True, False),
    (["wyoming-piper", "--uri", "stdio://"], {}, "wyoming", True, False),
    (["wyoming-faster-whisper", "--uri", "unix://{socket}"], {}, "wyoming", False, True),
    (["whisper-asr-webservice", "--port", "{port}"], {}, "asr-webservice", False, True),
    (["transformers", "serve", "openai/whisper-small", "--port", "{port}"], {}, "openai", False, True),
    (["hushd", "serve", "--http", "127.0.0.1:{port}"], {}, "openai", True, True),
    (UVICORN, {"like": "openai"}, "openai", True, True),
    (UVICORN, {"like": "openai", "hear": False}, "openai", True, False),
    (UVICORN, {"speech": "/tts?text={text}"}, "", True, False),
    (["whisper-server", "--port", "{port}"], {"hear": "/mine", "form": {"sound": "{audio}"}}, "", False, True),
])  # fmt: skip
def test_what_is_guessed(run: list[str], keys: dict[str, Any], like: str, speaks: bool, hears: bool) -> None:
    server = server_file.read("mine", {"run": run, **keys})
    assert (server.like, server.does("tts"), server.does("stt")) == (like, speaks, hears)


@pytest.mark.parametrize("piece", [[0, 5], [5, 4], [1, 3601], [5], [1, 2, 3], [1, "2"], [True, 5], 5, "1,5", None])
def test_a_piece_has_two_lengths(piece: object) -> None:
    """The shortest and the longest, from one second to an hour."""
    ours = {"run": UVICORN, "like": "openai"}
    assert server_file.read("mine", {**ours, "piece": [1, 3600]}).piece == (1.0, 3600.0)
    with pytest.raises(HushdError, match=r"piece must be \[shortest, longest\]"):
        server_file.read("mine", {**ours, "piece": piece})


@pytest.mark.parametrize(("content", "said"), [
    ({}, "it needs run = "), ({"run": []}, "run must be"),
    ({"run": UVICORN}, "it needs like = openai, whisper.cpp, piper, asr-webservice or wyoming"),
    ({"run": ["x"], "like": "openai"}, "run has neither {port} nor {socket}"),
    ({"run": ["x"], "like": "wyoming"}, "run has neither {port} nor {socket}"),
    ({"run": UVICORN, "like": "open-ai"}, "like must be .*did you mean openai"),
    ({"run": UVICORN, "like": "openai", "parallel": 0}, "parallel must be"),
    ({"run": UVICORN, "like": "openai", "speech": 0}, "speech must be .*or false"),
    ({"run": UVICORN, "like": "openai", "env": {"A": 1}}, "env must be a table of strings"),
    ({"run": UVICORN, "speech": "/tts"}, r"speech sends no \{text\}: .* body = \{ text = "),
    ({"run": UVICORN, "hear": "/mine", "form": {"file": "x"}}, r"hear sends no \{audio\}: .* form = \{ audio = "),
    ({"run": UVICORN, "like": "openai", "form": {}}, r"hear sends no \{audio\}"),
    ({"run": UVICORN, "speech": "/tts", "body": {"a": {"b": "{text}"}}}, r"speech sends no \{text\}"),
    ({"run": UVICORN, "like": "openai", "starttimeout": 3}, "there is no key 'starttimeout' .did you mean start_time"),
])  # fmt: skip
def test_a_mistake_is_one_sentence(content: dict[str, Any], said: str) -> None:
    with pytest.raises(HushdError, match=said):
        server_file.read("mine", content)


def test_fields_are_filled_and_left_out() -> None:
    fields = {"a": "{text}", "b": "{voice}", "c": "x {voice} {other}", "d": 1.5, "e": "{speed}"}
    values = {"text": "{voice}", "voice": None, "speed": 1.25}
    assert server_file.filled(fields, values) == {"a": "{voice}", "c": "x  {other}", "d": 1.5, "e": 1.25}


def test_a_path_takes_values_as_an_address_writes_them() -> None:
    """A value that was left out leaves nothing, and a name that the request does not have stays as it stands."""
    values = {"voice": "Ann & Bé/1", "language": None, "speed": 2}
    assert server_file.path("/speak/{voice}/{language}?{speed}", values) == "/speak/Ann%20%26%20B%C3%A9/1/?{speed}"


def test_known_servers_have_valid_files() -> None:
    known = {name: server_file.read(name, content) for name, content in server_file.known().items()}
    assert known["kokoro"].does("tts")
    assert not known["kokoro"].does("stt")
    assert known["vllm"].stop_timeout == 30


def test_a_file_is_read_by_its_name(runtime: Path) -> None:
    """Its keys are written as they are read, and each mistake names the file, once."""
    path = SERVERS.path("mine")
    path.parent.mkdir()
    content = {"run": UVICORN, "like": "openai", "voices": ["Ann", "Bob"], "send": ["text"], "body": {"a": "{text}"}}
    path.write_text(server_file.text_of(content))
    assert path.read_text().endswith('send = ["text"]\nbody = { a = "{text}" }\n')
    server = SERVERS.read("mine")
    assert (server.name, server.voices, server.body, server.run) == (
        "mine",
        ("Ann", "Bob"),
        {"a": "{text}"},
        tuple(UVICORN),
    )
    assert server.accepted({"text": "Hi.", "speed": 2}) == {"text": "Hi."}
    assert server_file.read("all", {**content, "send": []}).accepted({"text": "Hi.", "speed": 2}) == {
        "text": "Hi.",
        "speed": 2,
    }
    for wrong, said in (("run = 1", f"{path}: run must be "), ("run = ", f"{path} is not TOML: ")):
        path.write_text(wrong)
        with pytest.raises(HushdError) as caught:
            SERVERS.read("mine")
        assert caught.value.message.startswith(said)
        assert caught.value.message.count(str(path)) == 1


def test_a_program_is_run_at_its_port_and_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    server = server_file.read("mine", {"run": UVICORN, "like": "openai"})
    words = ["~/bin/serve", "--port", "{port}", "{model}", "a~"]
    assert server.program({"port": "81"}, words) == ["/home/ann/bin/serve", "--port", "81", "{model}", "a~"]
