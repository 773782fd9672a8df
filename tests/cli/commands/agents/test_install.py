"""`hushd agents hook install` and `uninstall`: real files of agents, as people have them."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from hushd_cli.commands.agents import events
from hushd_cli.commands.agents.install import installing
from hushd_cli.commands.agents.install.agents import AGENTS
from hushd_protocol.errors import HushdError
from support.outside import needs
from support.peer import BOUND_S

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


def test_an_edit_keeps_the_order_and_the_indent(home: Path) -> None:
    """Keys that people have written stand where they stood."""
    path = put("claude", home, CLAUDE)
    installing.install("claude", dry=False)
    lines = path.read_text().splitlines()
    assert lines[1] == '    "model": "opus",'
    assert [line for line in lines if line.startswith('    "')] == [
        '    "model": "opus",', '    "permissions": {', '    "hooks": {', '    "unknown": {'
    ]  # fmt: skip


def test_claudes_hooks_are_where_it_looks(home: Path) -> None:
    """Without a file there is one afterwards, with a command for each event."""
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


def test_a_hook_of_another_hushd_is_replaced(home: Path) -> None:
    """One that was installed from elsewhere goes, so that nothing is said twice."""
    path = put("claude", home, "{}\n")
    installing.install("claude", dry=False)
    text = path.read_text().replace(installing.command_line(), "'/opt/my hushd/bin/hushd' agents hook")
    path.write_text(text)
    installing.install("claude", dry=False)
    assert "/opt" not in path.read_text()
    assert path.read_text().count("agents hook") == 4


def test_the_difference_is_shown(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each change is printed as a diff, and with --dry-run only that."""
    path = put("claude", home, CLAUDE)
    installing.install("claude", dry=True)
    shown = capfd.readouterr().out
    assert f"+++ {path}" in shown
    assert '+                        "command": ' in shown
    assert path.read_text() == CLAUDE


def test_a_link_is_written_through_and_a_mode_kept(home: Path) -> None:
    """A file that lies elsewhere, or is closed to others, stays so."""
    target = home / "dotfiles.json"
    target.write_text(CLAUDE)
    target.chmod(0o600)
    path = file_of("claude", home)
    path.parent.mkdir()
    path.symlink_to(target)
    installing.install("claude", dry=False)
    assert path.is_symlink()
    assert "agents hook" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("agent", "text", "reason"),
    [
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
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_left(agent: str, text: str, reason: str, home: Path) -> None:
    """A sentence names the fault, and the file stays."""
    path = put(agent, home, text)
    with pytest.raises(HushdError, match=reason):
        installing.install(agent, dry=False)
    assert path.read_text() == text


def test_what_is_not_ones_own_is_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write-protected file, another user's, a folder, a pipe and one that is not UTF-8 are refused in a sentence."""
    path = put("claude", home, CLAUDE)
    path.chmod(0o444)
    with pytest.raises(HushdError, match=r"write-protected"):
        installing.install("claude", dry=False)
    path.chmod(0o644)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 12345)
        with pytest.raises(HushdError, match=r"another user"):
            installing.install("claude", dry=False)
    path.write_bytes(b"\xff{}")
    with pytest.raises(HushdError, match=r"UTF-8"):
        installing.install("claude", dry=False)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(HushdError, match=r"not a file"):
        installing.install("claude", dry=False)
    path.unlink()
    path.mkdir()
    with pytest.raises(HushdError, match=r"cannot be read|not a file"):
        installing.install("claude", dry=False)


_OPENCODE = """
import { Hushd } from "./hushd.mjs"
const part = (text) => ({ type: "text", text })
const parents = { sub: "s1" }
const messages = [{ info: { role: "user", id: "u" }, parts: [part("fix it")] },
  { info: { role: "assistant", id: "m1" },
    parts: [{ type: "tool" }, part("Done."), { ...part("x"), synthetic: true }] }]
const session = { get: async ({ path }) => ({ data: { id: path.id, parentID: parents[path.id] } }),
  messages: async () => ({ data: messages }) }
const hooks = await Hushd({ client: { session }, directory: "/home/ada/api" })
await hooks["chat.message"]({ sessionID: "s1" }, {})
const idle = (sessionID) => ({ type: "session.idle", properties: { sessionID } })
const deleted = { type: "session.deleted", properties: { info: { id: "s1" } } }
for (const event of [idle("s1"), idle("sub"), { type: "file.edited", properties: {} }, deleted])
  await hooks.event({ event })
"""


@needs("node")
def test_opencodes_plugin_tells_what_its_events_mean(tmp_path: Path) -> None:
    """With a client as in opencode's SDK, a prompt, an answer and an end are told, and a subagent's answer is not."""
    command = f"cat > {tmp_path}/event.$$"
    (tmp_path / "hushd.mjs").write_text(AGENTS["opencode"].edited("", command))
    (tmp_path / "run.mjs").write_text(_OPENCODE)
    subprocess.run(["node", tmp_path / "run.mjs"], check=True, timeout=BOUND_S)
    told = [events.read(path.read_bytes()) for path in tmp_path.glob("event.*")]
    assert {event and (event.kind, event.session, event.text, event.turn) for event in told} == {
        ("prompt", "s1", "", ""),
        ("answer", "s1", "Done.", "m1"),
        ("end", "s1", "", ""),
    }
    assert len(told) == 3
