"""The judgement of others on the files for agents: validators that npm has, and hosts that start and use the server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import turns
from .source import ROOT

_BUNDLES, _VSCODE = "@anthropic-ai/mcpb@2", "@vscode/vsce@3"
_CACHE = ROOT / "build/npm"
_BOUND_S = 600  # the largest is 250 MB
_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "npm_config_update_notifier": "false",
}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """A command of an npm package, run in a copy of packaging/agents.

    Attributes:
        shows: what it must print; hosts end with 0 whatever came of a server.
        folder: in which it runs.
    """

    package: str
    command: str
    shows: str = ""
    folder: str = "."


CHECKS = (
    Check(_BUNDLES, "mcpb validate mcpb/manifest.json"),
    Check(_BUNDLES, "mcpb pack mcpb hushd.mcpb"),
    Check(_VSCODE, "vsce package --out ../hushd.vsix", folder="vscode"),
    Check(turns.GEMINI, "gemini extensions validate gemini"),
    Check(turns.CLAUDE, "claude plugin validate claude"),
    Check(turns.CLAUDE, "claude plugin marketplace add ./claude"),
    Check(turns.CLAUDE, "claude plugin install hushd@hushd"),
    Check(turns.CLAUDE, "claude mcp list", shows="plugin:hushd:hushd: .* ✔ Connected"),
    Check(turns.GEMINI, "gemini mcp add --scope user --timeout 600000 hushd hushd mcp"),
    Check(turns.GEMINI, "gemini mcp list", shows="✓ hushd: .* Connected"),
)


def refused() -> list[str]:
    """Runs all checks and turns in a home of their own, with this environment's hushd; returns what failed."""
    with tempfile.TemporaryDirectory() as scratch:
        home, agents = Path(scratch, "home"), Path(scratch, "agents")
        shutil.copytree(ROOT / "packaging/agents", agents)
        (home / ".gemini").mkdir(parents=True)
        (home / ".gemini/trustedFolders.json").write_text(
            json.dumps(dict.fromkeys((str(agents), str(home)), "TRUST_FOLDER"))
        )
        private = {"HOME": str(home), "HUSHD_RUNTIME_DIR": f"{scratch}/run", "HUSHD_STATE_DIR": f"{scratch}/state"}
        path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "npm_config_cache": str(_CACHE)}
        environment = {**os.environ, **_QUIET, **private, **path}
        failures = [failure for check in CHECKS if (failure := _failure(check, agents, environment))]
        return failures + turns.refused(home, environment)


def _failure(check: Check, agents: Path, environment: dict[str, str]) -> str:
    print(f"{check.package}: {check.command}", flush=True)
    command = ["npm", "exec", "--yes", f"--package={check.package}", "--", *check.command.split()]
    try:
        done = subprocess.run(
            command, cwd=agents / check.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=_BOUND_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{check.command}: no end after {_BOUND_S} s"
    if done.returncode == 0 and re.search(check.shows, done.stdout):
        return ""
    return f"{check.command}: exit status {done.returncode}\n{done.stdout.strip()}"
