"""The judgement of others on the files for agents: validators that npm has, and two hosts that start the server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .source import ROOT

_CLAUDE, _GEMINI = "@anthropic-ai/claude-code@2", "@google/gemini-cli@0"
_BUNDLES, _VSCODE = "@anthropic-ai/mcpb@2", "@vscode/vsce@3"
# Commands by their packages, in a copy of packaging/agents, and what they must print: hosts end with 0 whatever came.
CHECKS = (
    (_BUNDLES, "mcpb validate mcpb/manifest.json", ""),
    (_BUNDLES, "mcpb pack mcpb hushd.mcpb", ""),
    (_VSCODE, "cd vscode && vsce package --out ../hushd.vsix", ""),
    (_GEMINI, "gemini extensions validate gemini", ""),
    (_CLAUDE, "claude plugin validate claude", ""),
    (_CLAUDE, "claude plugin marketplace add ./claude", ""),
    (_CLAUDE, "claude plugin install hushd@hushd", ""),
    (_CLAUDE, "claude mcp list", "plugin:hushd:hushd: .* ✔ Connected"),
    (_GEMINI, "gemini mcp add --scope user --timeout 600000 hushd hushd mcp", ""),
    (_GEMINI, "gemini mcp list", "✓ hushd: .* Connected"),
)


def refused() -> list[str]:
    """Runs all checks in a home of their own, with this environment's hushd; returns what failed."""
    with tempfile.TemporaryDirectory() as scratch:
        home, agents = Path(scratch, "home"), Path(scratch, "agents")
        shutil.copytree(ROOT / "packaging/agents", agents)
        (home / ".gemini").mkdir(parents=True)
        (home / ".gemini/trustedFolders.json").write_text(json.dumps({str(agents): "TRUST_FOLDER"}))
        environment = os.environ | {
            "HOME": str(home), "HUSHD_RUNTIME_DIR": f"{scratch}/run", "HUSHD_STATE_DIR": f"{scratch}/state",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "npm_config_cache": f"{ROOT}/build/npm",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        return [failure for check in CHECKS if (failure := _failure(*check, agents, environment))]


def _failure(package: str, command: str, shows: str, folder: Path, environment: dict[str, str]) -> str:
    print(f"{package}: {command}", flush=True)
    done = subprocess.run(
        ["npm", "exec", "--yes", f"--package={package}", "--call", command], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode == 0 and re.search(shows, done.stdout):
        return ""
    return f"{command}: exit status {done.returncode}\n{done.stdout.strip()}"
