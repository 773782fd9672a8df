"""`hushd agents hook install` and `uninstall`: real files of agents, as people have them."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest
from hushd_cli.commands.agents import install as installing
from hushd_cli.commands.agents.install import AGENTS
from hushd_protocol.errors import HushdError

CLAUDE = """\
{
    "model": "opus",
    "permissions": {"allow": ["Bash(ls:*)", "X"]},
    "hooks": {
        "Stop": [
            {"hooks": [{"type": "command", "command": "afplay done.aiff"}]}
        ]
    },
    "unknown": {"é": [1.50, null]}
}
"""
CODEX = """\
# mine
model = "gpt"
notify = ["notify-send", "Codex"]

[tui]
notifications = true  # loud

[[hooks.Stop]]
[[hooks.Stop.hooks]]
type = "command"
command = "afplay done.aiff"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def file_of(agent: str, home: Path) -> Path:
    return AGENTS[agent].file(os.environ, home)


def put(agent: str, home: Path, text: str) -> Path:
    path = file_of(agent, home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        ("claude", CLAUDE),
        ("claude", CLAUDE.replace("\n", "\r\n")),
        ("claude", '{"hooks":{"Stop":[{"hooks":[]}]}}'),
        ("gemini", '{\n\t"a": 1\n}\n'),
        ("codex", CODEX),
        ("codex", CODEX.replace("\n", "\r\n")),
        ("codex", "# only a comment\n"),
        ("codex", '[projects."/home/ada"]\ntrust_level = "trusted"\n'),
        ("codex", '# `hushd agents hook` reads aloud\nmodel = "gpt"  # hushd agents hook\n'),
        ("codex", 'instructions = "Say it by hushd agents hook"\n'),
        ("codex", "[[hooks.Stop]]\nhooks = [{type = 'command', command = 'afplay'}]\n"),
    ],
    ids=range(11),
)
def test_only_the_hooks_come_and_go(agent: str, text: str, home: Path) -> None:
    """A file has its hooks once, however often they are installed; after uninstall it says what it said before."""
    path = put(agent, home, text)
    installing.install(agent, dry=False)
    installed = path.read_bytes().decode()
    assert installed.count('agents hook"') == (3 if agent == "codex" else 4) + text.count('agents hook"')
    assert ("\r\n" in text) == ("\r\n" in installed)
    installing.install(agent, dry=False)
    assert path.read_bytes().decode() == installed
    installing.uninstall(agent, dry=False)
    left = path.read_bytes().decode()
    if agent == "codex":
        assert left.rstrip() == text.rstrip()
    else:
        assert json.loads(left) == json.loads(text)


def test_claudes_hooks_are_where_it_looks(home: Path) -> None:
    """A missing file is there afterwards, with a command for each event."""
    installing.install("claude", dry=False)
    hooks = json.loads(file_of("claude", home).read_bytes())["hooks"]
    assert set(hooks) == {"Stop", "Notification", "UserPromptSubmit", "SessionEnd"}
    for groups in hooks.values():
        (hook,) = groups[0]["hooks"]
        assert hook == {"type": "command", "command": installing.command_line(), "timeout": 3}


def test_codexs_hooks_are_where_it_looks(home: Path) -> None:
    """They stand behind those that are there, as tables; a file that had nothing else goes with them."""
    installing.install("codex", dry=False)
    hooks = tomllib.loads(file_of("codex", home).read_text())["hooks"]
    assert {event: groups[-1]["hooks"][0]["command"] for event, groups in hooks.items()} == dict.fromkeys(
        ("Stop", "UserPromptSubmit", "SessionEnd"), installing.command_line()
    )
    installing.uninstall("codex", dry=False)
    assert not file_of("codex", home).exists()


def test_opencodes_plugin_is_a_file_of_its_own(home: Path) -> None:
    """It is written and removed; somebody else's of that name stays."""
    installing.install("opencode", dry=False)
    path = file_of("opencode", home)
    assert installing.command_line() in path.read_text()
    installing.uninstall("opencode", dry=False)
    assert not path.exists()
    put("opencode", home, "export const Mine = 1\n")
    with pytest.raises(HushdError, match=r"somebody else's"):
        installing.install("opencode", dry=False)
    installing.uninstall("opencode", dry=False)
    assert path.read_text() == "export const Mine = 1\n"


def test_the_difference_is_shown(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each change is printed as a diff, and with --dry-run only that."""
    path = put("claude", home, CLAUDE)
    installing.install("claude", dry=True)
    shown = capfd.readouterr().out
    assert f"+++ {path}" in shown
    assert '+                        "command": ' in shown
    assert path.read_text() == CLAUDE


@pytest.mark.parametrize(("agent", "text", "reason"), [
    ("claude", '{"a": 1', "line 1 is not JSON"),
    ("claude", '{\n"a": 01x\n}', "line 2 is not JSON"),
    ("gemini", "{\n// mine\n}", "since line 2 is not JSON, or a comment that an edit would lose: fix it"),
    ("claude", "[1]", "not a JSON object"),
    ("claude", '{"hooks": []}', "'hooks' is not an object"),
    ("claude", '{"hooks": {"Stop": 1}}', "'Stop' is not a list"),
    ("claude", "[" * 100_000, "nested too deeply"),
    ("codex", "a = = 1", "not TOML"),
    ("codex", "hooks = 1", "'hooks' is not an object"),
    ("codex", "[hooks]\nStop = 1", "'Stop' is not a list"),
])  # fmt: skip
def test_a_file_that_is_not_as_it_should_be_is_left(agent: str, text: str, reason: str, home: Path) -> None:
    """A sentence names the fault, and the file stays."""
    path = put(agent, home, text)
    with pytest.raises(HushdError, match=reason):
        installing.install(agent, dry=False)
    assert path.read_text() == text
