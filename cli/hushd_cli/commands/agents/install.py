"""`hushd agents hook install|uninstall`: adds the hooks to an agent's configuration, and removes them.

- Claude Code: `hooks` in settings.json (https://code.claude.com/docs/en/hooks).
- Gemini CLI: the same with names of its own, and milliseconds (https://geminicli.com/docs/hooks/reference).
- Codex: `[hooks]` in config.toml (https://developers.openai.com/codex/hooks), which it asks its user to trust.
- opencode: a plugin, a file of its own (https://opencode.ai/docs/plugins).
"""

from __future__ import annotations

import copy
import difflib
import json
import os
import re
import shlex
import shutil
import stat
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import atomic_file

from hushd_cli.terminal import console

_OURS = re.compile(r"(?:^|[/\s'])hushd'? agents hook$")
_HOOK_TIMEOUT_S = 3  # seconds for a hook that ends within 0.05; Codex allows no more at a session's end
_CLAUDE = ("Stop", "Notification", "UserPromptSubmit", "SessionEnd")
_GEMINI = ("AfterAgent", "Notification", "BeforeAgent", "SessionEnd")
_CODEX = ("Stop", "UserPromptSubmit", "SessionEnd")
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)


class Agent(NamedTuple):
    """An agent, by the file that has its hooks.

    Attributes:
        file: finds the file, from the environment and the home folder.
        edited: the file's text with the hooks for a command line alone; for an empty one without hooks.
    """

    name: str
    file: Callable[[Mapping[str, str], Path], Path]
    edited: Callable[[str, str], str]
    after: str = "Sessions that begin now read aloud."


def _json_edited(events: tuple[str, ...], more: JsonObject, text: str, command: str) -> str:
    try:
        document = json.loads(text if text.strip() else "{}")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON, or a comment that an edit would lose") from error
    before = copy.deepcopy(document)
    _edit(document, events, more, command)
    if document == before:
        return text
    if not document:
        return ""
    indent = _INDENT.search(text)
    written = json.dumps(document, indent=indent[1] if indent else 2, ensure_ascii=False)
    return _with_newlines(written + "\n", text)


def _toml_edited(text: str, command: str) -> str:
    import tomlkit  # some milliseconds, for Codex alone

    try:
        document = tomlkit.parse(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not TOML ({error})") from error
    before = document.unwrap()
    _edit(document, _CODEX, {"timeout": _HOOK_TIMEOUT_S}, command)
    return text if document.unwrap() == before else _with_newlines(document.as_string(), text)


def _with_newlines(written: str, text: str) -> str:
    """Returns the written text with the line endings of `text`."""
    written = written.replace("\r\n", "\n")
    return written.replace("\n", "\r\n") if "\r\n" in text else written


def _edit(document: Any, events: tuple[str, ...], more: JsonObject, command: str) -> None:
    """Removes hushd's hooks, with lists and tables that become empty, and adds hooks for a command.
    Raises ValueError if something else stands where hooks should.
    `document`: a dictionary, or tomlkit's in its place."""
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")
    hooks = document.setdefault("hooks", {})
    if not isinstance(hooks, dict):
        raise ValueError("its 'hooks' is not an object")
    for event, groups in list(hooks.items()):
        if isinstance(groups, list) and _remove(groups):
            del hooks[event]
    for event in events if command else ():
        group = {"hooks": [{"type": "command", "command": command, **more}]}
        if event not in hooks:
            hooks[event] = [group]
        elif isinstance(hooks[event], list):
            hooks[event].append(group)
        else:
            raise ValueError(f"its {event!r} is not a list")
    if not hooks:
        del document["hooks"]


def _remove(groups: list[Any]) -> bool:
    """Removes hushd's hooks from an event's groups; returns whether that leaves no group."""
    had_ours = False
    for group in reversed(list(groups)):
        inner: Any = group.get("hooks") if isinstance(group, dict) else None
        our_hooks = [hook for hook in inner if _is_ours(hook)] if isinstance(inner, list) else []
        for hook in our_hooks:
            inner.remove(hook)
        if our_hooks and not inner:
            groups.remove(group)
        had_ours = had_ours or bool(our_hooks)
    return had_ours and not groups


def _is_ours(hook: object) -> bool:
    return isinstance(hook, dict) and _OURS.search(str(hook.get("command"))) is not None


# opencode tells its plugins of every event, and its SDK has the messages of a session.
_PLUGIN = """\
// Written by `hushd agents hook install opencode`, and removed by `uninstall`: reads the answers aloud.
import { spawn } from "node:child_process"

const COMMAND = %s

const tell = (event) => {
  const hook = spawn(COMMAND, { shell: true, stdio: ["pipe", "ignore", "ignore"] })
  hook.on("error", () => {})
  hook.stdin.on("error", () => {})
  hook.stdin.end(JSON.stringify(event))
}

export const Hushd = async ({ client, directory }) => {
  const base = (name, session) => ({ hook_event_name: name, session_id: session, cwd: directory })
  return {
    "chat.message": async ({ sessionID }) => tell(base("UserPromptSubmit", sessionID)),
    event: async ({ event }) => {
      if (event.type === "session.deleted") tell(base("SessionEnd", event.properties.info.id))
      if (event.type !== "session.idle") return
      const session = event.properties.sessionID
      const { data: about } = await client.session.get({ path: { id: session } })
      if (about?.parentID) return // a subagent's
      const { data: messages } = await client.session.messages({ path: { id: session } })
      const last = messages?.at(-1)
      if (last?.info.role !== "assistant" || last.info.error) return
      const text = last.parts.filter((part) => part.type === "text" && !part.synthetic).map((part) => part.text)
      tell({ ...base("Stop", session), prompt_id: last.info.id, last_assistant_message: text.join("\\n") })
    },
  }
}
"""
_PLUGIN_MARK = _PLUGIN.partition("\n")[0]


def _plugin_edited(text: str, command: str) -> str:
    if text and not text.startswith(_PLUGIN_MARK):
        if command:
            raise ValueError("it is somebody else's")
        return text
    return _PLUGIN % json.dumps(command, ensure_ascii=False) if command else ""


def _folder(environ: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    return Path(environ.get(variable) or otherwise)


AGENTS = {
    "claude": Agent(
        "Claude Code",
        lambda environ, home: _folder(environ, "CLAUDE_CONFIG_DIR", home / ".claude") / "settings.json",
        partial(_json_edited, _CLAUDE, {"timeout": _HOOK_TIMEOUT_S}),
    ),
    "codex": Agent(
        "Codex",
        lambda environ, home: _folder(environ, "CODEX_HOME", home / ".codex") / "config.toml",
        _toml_edited,
        "Codex asks at its next start whether you trust the hooks.",
    ),
    "gemini": Agent(
        "Gemini CLI",
        lambda environ, home: home / ".gemini" / "settings.json",
        partial(_json_edited, _GEMINI, {"name": "hushd", "timeout": _HOOK_TIMEOUT_S * 1000}),
    ),
    "opencode": Agent(
        "opencode",
        lambda environ, home: _folder(environ, "XDG_CONFIG_HOME", home / ".config") / "opencode/plugins/hushd.js",
        _plugin_edited,
    ),
}


# --- their files ------------------------------------------------------------------------------------------------------


def install(agent: str, *, dry: bool) -> None:
    """Writes the hooks, replacing older ones; prints the difference.
    Raises `input_unreadable` or `output_failed`, where the file is left as it is."""
    entry = AGENTS[agent]
    if _rewrite(entry, lambda text: entry.edited(text, command_line()), dry):
        console.note(entry.after)
    else:
        console.note(f"{entry.name} reads aloud already.")


def uninstall(agent: str, *, dry: bool) -> None:
    """Removes the hooks; prints the difference. Raises as `install` does."""
    entry = AGENTS[agent]
    if not _rewrite(entry, lambda text: entry.edited(text, ""), dry):
        console.note(f"{entry.name} has no hooks of hushd.")


def command_line() -> str:
    """Returns the hook's command line for a shell, with the path of the running hushd."""
    our_command = Path(sys.prefix) / "bin/hushd"
    first = shutil.which("hushd")
    if first and os.path.realpath(first) == os.path.realpath(our_command):
        return f"{shlex.quote(os.path.abspath(first))} agents hook"
    if our_command.exists():
        return f"{shlex.quote(str(our_command))} agents hook"
    return f"{shlex.quote(sys.executable)} -P -m hushd agents hook"


def _rewrite(agent: Agent, change: Callable[[str], str], dry: bool) -> bool:
    """Replaces the text, through a link; returns whether it has changed. A file that would be empty is removed."""
    home = Path(os.environ.get("HOME") or os.path.expanduser("~"))
    path = agent.file(os.environ, home)
    target = Path(os.path.realpath(path))
    text, mode = _read(target)
    try:
        changed = change(text)
    except ValueError as error:
        raise HushdError("input_unreadable", f"{path} is left as it is, since {error}: fix it first.") from error
    if changed == text:
        return False
    before, behind = (each.splitlines(keepends=True) for each in (text, changed))
    console.write("".join(difflib.unified_diff(before, behind, str(path), str(path))))
    if not dry:
        with os_errors_as("output_failed", f"{path} cannot be written"):
            _write(target, changed, mode)
    return True


def _read(path: Path) -> tuple[str, int | None]:
    """Returns text and mode of a file; empty if there is none."""
    try:
        return path.read_bytes().decode(), stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return "", None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise HushdError("input_unreadable", f"{path} cannot be read ({reason}).") from error


def _write(path: Path, text: str, mode: int | None) -> None:
    if not text:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.replace(path, text, mode=mode)
