"""Turns of hosts of agents, which npm has, with a scripted model: they call a tool, hushd speaks, the result is told.

The hosts take the very lines of packaging/agents. Their `uvx` is one that runs this environment's hushd, whose
loudspeaker keeps a diary (tests/support/quiet_device).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .scripted_model import Model
from .source import ROOT

CLAUDE, CODEX, GEMINI = "@anthropic-ai/claude-code@2", "@openai/codex@0", "@google/gemini-cli@0"
OPENCODE = "opencode-ai@1"
_BOUND_S = 600  # the largest package is 250 MB
_LOOK_S = 0.1
_TOOL, _TEXT, _ANSWER = "hushd_say", "The tests are green.", "I have said it."
_QUESTION = "Say that the tests are green."
_PROMPT = json.dumps({"type": "user", "message": {"role": "user", "content": _QUESTION}}) + "\n"
_SPOKEN = re.compile("completed|Spoken, ")  # hosts tell the model the data of a result, or its text
_CODEX = """model = "m"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
wire_api = "responses"
"""


@dataclass(frozen=True)
class Turn:
    """A prompt to a host.

    Attributes:
        prompt: what it gets by standard input, which then stays open; empty: the command has the prompt.
        spoken: how often hushd speaks: by the tool, and of Claude Code's plugin by the hook, too.
    """

    package: str
    command: tuple[str, ...]
    prompt: str = ""
    spoken: int = 1


TURNS = (
    Turn(
        CLAUDE,
        (
            *("claude", "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"),
            *("--allowedTools", "mcp__plugin_hushd_hushd__hushd_say"),
        ),
        prompt=_PROMPT,
        spoken=2,
    ),
    Turn(CODEX, ("codex", "exec", "--skip-git-repo-check", _QUESTION)),
    Turn(GEMINI, ("gemini", "-m", "gemini-2.5-flash", "--approval-mode", "yolo", "-p", _QUESTION)),
    Turn(OPENCODE, ("opencode", "run", _QUESTION)),
)


def refused(home: Path, environment: Mapping[str, str]) -> list[str]:
    """Has each host take its turn in this home, where Claude Code has the plugin; returns the faults.

    Args:
        environment: that of the hosts; its PATH is looked through last.
    """
    diary = home / "diary"
    model = Model(_TOOL, {"text": _TEXT}, _ANSWER)
    with model.serving():
        _prepare(home, model.url)
        _programs(home / "bin", environment, diary)
        private = {
            "PATH": f"{home}/bin:{environment['PATH']}", "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "none",
            "GOOGLE_GEMINI_BASE_URL": model.url, "GEMINI_API_KEY": "none",
        }  # fmt: skip
        try:
            return [fault for turn in TURNS if (fault := _fault(turn, model, diary, {**environment, **private}))]
        finally:
            subprocess.run([home / "bin/hushd", "shutdown"], env=environment, capture_output=True, timeout=_BOUND_S)


def _prepare(home: Path, url: str) -> None:
    """Writes the hosts' configurations: the lines of packaging/agents, and where the model is."""
    agents = ROOT / "packaging/agents"
    options = {"baseURL": f"{url}/v1", "apiKey": "none"}
    provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"m": {}}}
    opencode = json.loads((agents / "opencode.json").read_text())
    gemini = json.loads((agents / "gemini/gemini-extension.json").read_text())
    texts = {
        ".codex/config.toml": _CODEX.format(url=url) + (agents / "codex.toml").read_text(),
        ".config/opencode/opencode.json": json.dumps(
            opencode | {"autoupdate": False, "model": "scripted/m", "provider": {"scripted": provider}}
        ),
        ".gemini/settings.json": json.dumps({
            "mcpServers": gemini["mcpServers"], "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": False},
        }),
    }  # fmt: skip
    for place, text in texts.items():
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _programs(folder: Path, environment: Mapping[str, str], diary: Path) -> None:
    """Writes `hushd`, which keeps what hosts do not pass on, and a `uvx` that runs it."""
    kept = {name: environment[name] for name in ("HUSHD_RUNTIME_DIR", "HUSHD_STATE_DIR")}
    kept |= {"PYTHONPATH": str(ROOT / "tests/support/quiet_device"), "HUSHD_DIARY": str(diary)}
    words = " ".join(f"{name}='{value}'" for name, value in kept.items())
    code = "from hushd_command import hushd; hushd()"
    folder.mkdir()
    diary.touch()
    for name, skipped in (("hushd", 0), ("uvx", 3)):  # --from 'hushd[default]' hushd
        program = folder / name
        program.write_text(
            f"#!/bin/sh\nshift {skipped}\nexec /usr/bin/env {words} '{sys.executable}' -P -c '{code}' \"$@\"\n"
        )
        program.chmod(0o755)


def _fault(turn: Turn, model: Model, diary: Path, environment: Mapping[str, str]) -> str:
    name = turn.command[0]
    print(f"{turn.package}: {name} takes a turn", flush=True)
    before, heard = len(model.results), _heard(diary)
    command = ["npm", "exec", "--yes", f"--package={turn.package}", "--", *turn.command]
    with (diary.parent / f"{name}.log").open("w+") as log:
        host = subprocess.Popen(
            command, cwd=diary.parent, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.PIPE if turn.prompt else subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _converse(host, turn, lambda: _heard(diary) - heard)
        except subprocess.TimeoutExpired:
            host.kill()
            host.wait()
        log.seek(0)
        printed = log.read().strip()
    spoken, results = _heard(diary) - heard, model.results[before:]
    if spoken == turn.spoken and results and all(_SPOKEN.search(result) for result in results):
        return ""
    return f"{name}: hushd spoke {spoken} times instead of {turn.spoken}, and these results came: {results}\n{printed}"


def _converse(host: subprocess.Popen[str], turn: Turn, spoken: Callable[[], int]) -> None:
    """Waits until the host has left; one that would go on is told that nobody will, once all was spoken.

    Raises:
        subprocess.TimeoutExpired: it does not.
    """
    until = time.monotonic() + _BOUND_S
    if host.stdin:
        host.stdin.write(turn.prompt)
        host.stdin.flush()
        while host.poll() is None and spoken() < turn.spoken and time.monotonic() < until:
            time.sleep(_LOOK_S)
        host.stdin.close()
    host.wait(timeout=max(_LOOK_S, until - time.monotonic()))


def _heard(diary: Path) -> int:
    """The number of sounds in a diary."""
    return sum(line.split()[1] == "sound" for line in diary.read_text().splitlines())
