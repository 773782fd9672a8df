"""The tools of `hushd mcp`, called by the SDK's own client: their list, arguments and answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.diary import ECHO, RATE, Diary, words
from support.peer import BOUND_S, Supervisor, wait_until

from .mcp_host import Host, stdio_host, text

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


@pytest.fixture(scope="module")
def common(home: Path) -> Iterator[Host]:
    """One host for the tests of this file that look at no diary."""
    with Supervisor(home, ECHO), stdio_host(environment=Diary(home / "diary").environment) as connected:
        yield connected


def test_tools_are_few_and_described(common: Host) -> None:
    """Seven tools, every argument explained; one that opens a device or ends a call is not read-only. The list, which
    is in every prompt of the host's model, has 7 kB, where it once had 17."""
    tools = {tool.name: tool for tool in common.tools()}
    listed = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools.values()]
    assert len(json.dumps(listed, separators=(",", ":"))) <= 7500
    names = ["say", "listen", "converse", "transcribe", "voices", "status", "result"]
    assert list(tools) == [f"hushd_{name}" for name in names]
    for tool in tools.values():
        assert tool.title
        assert tool.description
        assert not tool.description.startswith(" ")
        assert tool.annotations
        assert tool.annotations.destructive_hint is False
        assert tool.input_schema["additionalProperties"] is False
        for argument in tool.input_schema["properties"].values():
            assert argument["description"].endswith(".")
            assert "type" in argument, "one plain type each"
    reading = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    assert reading == {"hushd_transcribe", "hushd_voices", "hushd_status"}
    assert tools["hushd_say"].input_schema["required"] == ["text"]
    assert tools["hushd_converse"].input_schema["properties"]["timeout"]["minimum"] == 1


@pytest.mark.usefixtures("echo")
def test_hosts_of_both_eras(diary: Diary) -> None:
    """The handshake of 2025 and the one of 2026 are both served; they offer tools, and no empty lists of anything."""
    for mode in ("legacy", "auto"):
        with stdio_host(environment=diary.environment, mode=mode) as host:
            assert host.server_name == "hushd"
            assert set(host.capabilities) == {"tools"}
            assert host.data("status")["running"] is True


def test_say_is_heard_to_its_end(host: Host, diary: Diary) -> None:
    """The call returns when the last sample was played, with its duration; progress is reported meanwhile and grows."""
    with diary.held():
        call = host.begin("say", text=words(1))
        wait_until(lambda: "speaking" in [news.message for news in host.news], "its progress")
    result = call.result(BOUND_S)
    assert text(result) == "Spoken, 1.0 seconds."
    assert result.structured_content == {"state": "completed", "duration": 1.0, "voice": "echo"}
    (sound,) = diary.sounds()
    assert sound.heard == RATE
    assert [news.message for news in host.news][-1] == "speaking"
    assert all(first.progress < second.progress for first, second in itertools.pairwise(host.news))


@pytest.mark.parametrize("arguments", [
    {"speed": "1.5", "wait": "true"},
    {"speed": 1, "wait": "True", "priority": "message"},
    {"speed": None, "voice": None, "wait": None, "priority": None},
    {"speed": "", "voice": "null", "wait": "", "priority": ""},
])  # fmt: skip
def test_hosts_write_arguments_their_way(common: Host, arguments: dict[str, Any]) -> None:
    """Numbers and booleans as strings, null and "" for an argument that was left out."""
    assert common.data("say", text=words(0.05), **arguments)["state"] == "completed"


@pytest.mark.parametrize(("tool", "arguments", "sentence"), [
    ("say", {}, "The argument text is missing."),
    ("say", {"text": 5}, "The argument text is wrong: input should be a valid string, not '5'."),
    ("say", {"text": " "}, "There is nothing to say: the text is empty."),
    ("say", {"text": "a", "speed": "fast"}, "The argument speed is wrong: input should be a valid number"),
    ("say", {"text": "a", "speed": 5}, "The argument speed is wrong: input should be less than or equal to 4, not"),
    ("say", {"text": "a", "speed": "nan"}, "The argument speed is wrong: "),
    ("say", {"text": "a", "wait": "perhaps"}, "The argument wait is wrong: input should be a valid boolean"),
    ("say", {"text": "a", "priority": "urgent"}, "The argument priority is wrong: input should be 'important', "),
    ("listen", {"timeout": 0}, "The argument timeout is wrong: "),
    ("listen", {"silence": "-1"}, "The argument silence is wrong: "),
    ("transcribe", {}, "The argument path is missing."),
    ("transcribe", {"path": "a.wav"}, "'a.wav' is not an absolute path"),
    ("transcribe", {"path": "/no/such.wav"}, "'/no/such.wav' cannot be read (No such file or directory)."),
    ("transcribe", {"path": "file:///no/such.wav"}, "'/no/such.wav' cannot be read"),
    ("result", {"ticket": "x"}, "There is no ticket 'x'"),
    ("say", {"text": "a", "volume": 1}, "hushd_say has no argument 'volume': it takes text, voice, language, "),
    ("listen", {"timeouts": 1}, "hushd_listen has no argument 'timeouts': did you mean timeout?"),
    ("status", {"all": True}, "hushd_status has no argument 'all': it takes none."),
    ("sing", {}, "There is no tool 'hushd_sing': did you mean hushd_"),
])  # fmt: skip
def test_what_is_wrong_is_one_sentence(common: Host, tool: str, arguments: dict[str, Any], sentence: str) -> None:
    """Bad arguments are errors of the tool, and the server goes on."""
    error = common.error(tool, **arguments)  # the same as text and as data
    assert error.startswith(sentence)
    assert "\n" not in error
    assert common.data("status")["calls"] == []


def test_voices_and_status(common: Host) -> None:
    """Voices by language, in both forms; the status has the supervisor's and is readable."""
    english = common.call("voices", language="en")
    assert english.structured_content
    assert {voice["name"] for voice in english.structured_content["voices"]} >= {"heart"}
    assert "heart: en-US, female, hibari" in text(english)
    for asked in ("en_US", "EN-GB", "English"):
        assert common.call("voices", language=asked).structured_content == english.structured_content, asked
    assert common.data("voices", language="za")["voices"] == []
    assert "is not a language" in text(common.call("voices", language="?!"))
    every = common.call("voices")
    assert len(json.dumps(every.model_dump(mode="json"))) < 6000  # 17 kB, listed one by one
    assert every.structured_content
    assert every.structured_content["voices"][0]["name"] == "heart"
    assert every.structured_content["languages"]["en"] >= 1
    assert "Voices by language: " in text(every)
    assert sum(every.structured_content["languages"].values()) == every.structured_content["total"]
    status = common.call("status")
    assert status.structured_content
    assert status.structured_content["supervisor"]["pid"]
    assert "WORKER" in text(status) or "no worker" in text(status).lower()


@pytest.mark.usefixtures("runtime")
def test_status_starts_nothing(diary: Diary) -> None:
    """It says so without a supervisor, and that is not an error; other tools name the missing supervisor."""
    with stdio_host(environment=diary.environment) as host:
        assert host.data("status") == {"running": False, "calls": []}
        assert "supervisor" in host.error("say", text="a")


def test_who_asks_is_shown(echo: Supervisor, diary: Diary) -> None:
    """`hushd status` names the host, or --holder, as the one who speaks."""
    for arguments, name in (([], "mcp"), (["--holder", "my agent"], "my agent")):
        with stdio_host(*arguments, environment=diary.environment) as host, echo.connect() as peer:
            answer = host.data("say", text=words(5), wait=False)
            holder = wait_until(lambda: peer.control("status")["floor"].get("speaker"), "a speaker")
            assert holder["client"] == name
            host.call("result", ticket=answer["ticket"], cancel=True)
