"""The agents that can read aloud, and what their configuration has for it. Pure, but for the folders of the user.

- Claude Code: `hooks` in settings.json (https://code.claude.com/docs/en/hooks).
- Gemini CLI: the same with names of its own, and milliseconds (https://geminicli.com/docs/hooks/reference).
- Codex: `[hooks]` in config.toml (https://developers.openai.com/codex/hooks), which it asks its user to trust.
- opencode: a plugin, a file of its own (https://opencode.ai/docs/plugins).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hushd_protocol import JsonObject

from . import json_text

_OURS = re.compile(r"(?:^|[/\s'])hushd'? agent-hook$")
_SECONDS = 3  # for a hook that ends within 0.05; Codex allows no more at a session's end
_CLAUDE = ("Stop", "Notification", "UserPromptSubmit", "SessionEnd")
_GEMINI = ("AfterAgent", "Notification", "BeforeAgent", "SessionEnd")
_CODEX = ("Stop", "UserPromptSubmit", "SessionEnd")
# Tables may stand at the end of any TOML, which stays as it is down to the last byte.
_ENTRY = """
[[hooks.{event}]]
[[hooks.{event}.hooks]]
type = "command"
command = {command}
timeout = {seconds}
"""
# People put comments beside the lines; these are the ends of lines, with what may stand before the next one.
_END = r"([ \t\r]*(?:#[^\n]*)?(?:\n|\Z))"
_BETWEEN = r"((?:[ \t\r]*(?:#[^\n]*)?\n)+)"
_WRITTEN = re.compile(
    rf"(?:\A|\n)\[\[hooks\.(\w+)\]\]{_BETWEEN}\[\[hooks\.\1\.hooks\]\]{_BETWEEN}"
    rf"type = \"command\"{_BETWEEN}command = \"[^\n]*hushd'? agent-hook\"{_BETWEEN}timeout = \d+{_END}"
)
_COMMENT = re.compile(r"#[^\n]*")


class Agent(NamedTuple):
    """An agent, by the file that has its hooks.

    Attributes:
        name: as people write it.
        file: finds the file, from the environment and the home folder.
        added: the file's text with the hooks, from the text without and the command line.
        removed: the text without them.
        after: a sentence for who has installed them.
    """

    name: str
    file: Callable[[Mapping[str, str], Path], Path]
    added: Callable[[str, str], str]
    removed: Callable[[str], str]
    after: str = "Sessions that begin now read aloud."


def _json_added(events: tuple[str, ...], more: JsonObject) -> Callable[[str, str], str]:
    def added(text: str, command: str) -> str:
        text = text if text.strip() else "{}\n"
        entry = {"hooks": [{"type": "command", "command": command, **more}]}
        for event in events:
            hooks = _member(json_text.parse(text), "hooks", "{")
            if hooks is None:
                text = json_text.append(text, json_text.parse(text), {event: [entry]}, "hooks")
            elif (groups := _member(hooks, event, "[")) is None:
                text = json_text.append(text, hooks, [entry], event)
            else:
                text = json_text.append(text, groups, entry)
        return text

    return added


def _member(parent: json_text.Node, key: str, kind: str) -> json_text.Node | None:
    """A member of an object, None where there is none. Raises ValueError where it is of another kind."""
    if parent.kind != "{":
        raise ValueError("it is not a JSON object")
    node = parent.get(key)
    if node is not None and node.kind != kind:
        raise ValueError(f"its {key!r} is not {'an object' if kind == '{' else 'a list'}")
    return node


def _json_removed(text: str) -> str:
    """The text without our hooks, and without the lists and objects that are then empty."""
    while text.strip():
        root = json_text.parse(text)
        hooks = _member(root, "hooks", "{")
        way = next((way for way in _ways(root, hooks) if _is_ours(way[-1])), None) if hooks else None
        if way is None:
            break
        while len(way) > 2 and len(way[-2].items) == 1:
            way = way[:-1]
        text = json_text.remove(text, way[-2], way[-1])
    return text


def _ways(root: json_text.Node, hooks: json_text.Node) -> list[list[json_text.Node]]:
    """The ways from the file to each hook: by `hooks`, an event, a group and its `hooks`."""
    return [
        [root, hooks, groups, group, inner, hook]
        for groups in hooks.items
        for group in groups.items
        if (inner := group.get("hooks")) is not None
        for hook in inner.items
    ]


def _is_ours(hook: json_text.Node) -> bool:
    command = hook.get("command")
    return command is not None and _OURS.search(command.value) is not None


def _toml_added(text: str, command: str) -> str:
    for event in _CODEX:
        entry = _ENTRY.format(event=event, command=json.dumps(command, ensure_ascii=False), seconds=_SECONDS)
        text += entry if text else entry.lstrip("\n")
    _toml(text)
    return text


def _toml_removed(text: str) -> str:
    _toml(text)
    without = _WRITTEN.sub(_comments, text)
    if any(_OURS.search(command) for command in _commands(_toml(without).get("hooks"))):
        raise ValueError("its hook of hushd's was changed by hand")
    return without


def _comments(written: re.Match[str]) -> str:
    """The comments that people put between the lines of a hook; they stay."""
    comments = [comment for end in written.groups()[1:] for comment in _COMMENT.findall(end)]
    return "".join(f"\n{comment}" for comment in comments) + "\n" if comments else ""


def _commands(value: object) -> Iterator[str]:
    """Yields the commands anywhere in a value of TOML."""
    if isinstance(value, dict):
        if isinstance(command := value.get("command"), str):
            yield command
        value = [*value.values()]
    for inner in value if isinstance(value, list) else ():
        yield from _commands(inner)


def _toml(text: str) -> dict[str, Any]:
    """Reads TOML. Raises ValueError for other text, and for another value in the place of a list of hooks."""
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ValueError(f"it is not TOML with lists of hooks ({error})") from error


# opencode tells its plugins of every event, and its SDK has the messages of a session.
_PLUGIN = """\
// Written by `hushd agent-hook install opencode`, and removed by `uninstall`: reads the answers aloud.
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


def _plugin_added(text: str, command: str) -> str:
    if text and not text.startswith(_PLUGIN_MARK):
        raise ValueError("it is somebody else's")
    return _PLUGIN % json.dumps(command)


def _plugin_removed(text: str) -> str:
    return "" if text.startswith(_PLUGIN_MARK) else text


def _folder(environ: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    return Path(environ.get(variable) or otherwise)


AGENTS = {
    "claude": Agent(
        "Claude Code",
        lambda environ, home: _folder(environ, "CLAUDE_CONFIG_DIR", home / ".claude") / "settings.json",
        _json_added(_CLAUDE, {"timeout": _SECONDS}),
        _json_removed,
    ),
    "codex": Agent(
        "Codex",
        lambda environ, home: _folder(environ, "CODEX_HOME", home / ".codex") / "config.toml",
        _toml_added,
        _toml_removed,
        "Codex asks at its next start whether you trust the hooks.",
    ),
    "gemini": Agent(
        "Gemini CLI",
        lambda environ, home: home / ".gemini" / "settings.json",
        _json_added(_GEMINI, {"name": "hushd", "timeout": _SECONDS * 1000}),
        _json_removed,
    ),
    "opencode": Agent(
        "opencode",
        lambda environ, home: _folder(environ, "XDG_CONFIG_HOME", home / ".config") / "opencode/plugins/hushd.js",
        _plugin_added,
        _plugin_removed,
    ),
}
