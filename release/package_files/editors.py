"""Hosts that read a configuration of their own: Codex, Cursor, Zed, Goose, opencode; and VS Code's extension."""

from __future__ import annotations

import json

from .source import ROOT, UVX, Source, as_json

_EXTENSION = """// Tells VS Code of hushd's MCP server: the hushd that the settings name, or the one that uv brings.
const vscode = require("vscode");

const UVX = {uvx};

exports.activate = (context) => {{
  const changed = new vscode.EventEmitter();
  const provider = {{
    onDidChangeMcpServerDefinitions: changed.event,
    provideMcpServerDefinitions: () => {{
      const named = vscode.workspace.getConfiguration("hushd").get("command");
      const [command, ...words] = named ? [named, "mcp"] : UVX;
      const version = context.extension.packageJSON.version;
      return [new vscode.McpStdioServerDefinition("hushd", command, words, {{}}, version)];
    }},
  }};
  context.subscriptions.push(
    changed,
    vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("hushd") && changed.fire()),
    vscode.lm.registerMcpServerDefinitionProvider("hushd", provider),
  );
}};
"""
# Codex passes on a few names alone, and these as far as they are set: uv finds its index by all but the first.
_CODEX_NAMES = ["XDG_RUNTIME_DIR", "HTTPS_PROXY", "SSL_CERT_FILE", "UV_DEFAULT_INDEX", "UV_FIND_LINKS"]
_README = """# hushd

{long}

The extension offers the tools of `hushd mcp` to agent mode: an agent speaks, listens, asks aloud and hears the answer,
and writes recordings down. It needs [uv](https://docs.astral.sh/uv/), which brings hushd when the tools are first used
(130 MB), or a hushd of your own, whose path the setting `hushd.command` has.
"""


def files(source: Source) -> dict[str, str]:
    """The files by their paths in the repository."""
    return _lines() | _vscode(source)


def _lines() -> dict[str, str]:
    """The lines that a person adds to the configuration of a host, a file each."""
    command, arguments = UVX[0], list(UVX[1:])
    server = {"command": command, "args": arguments}
    folder = "packaging/agents"
    return {
        f"{folder}/codex.toml": (
            f'[mcp_servers.hushd]\ncommand = "{command}"\nargs = {json.dumps(arguments)}\n'
            f"env_vars = {json.dumps(_CODEX_NAMES)}\nrequired = true\nstartup_timeout_sec = 120\n"
        ),
        f"{folder}/cursor.json": as_json({"mcpServers": {"hushd": server}}),
        f"{folder}/zed.json": as_json({"context_servers": {"hushd": {**server, "env": {}}}}),
        f"{folder}/opencode.json": as_json({
            "$schema": "https://opencode.ai/config.json",
            "mcp": {"hushd": {"type": "local", "command": list(UVX), "enabled": True, "timeout": 120_000}},
        }),
        f"{folder}/goose.yaml": (
            "extensions:\n  hushd:\n    type: stdio\n    name: hushd\n    enabled: true\n    timeout: 300\n"
            f"    cmd: {command}\n    args: {json.dumps(arguments)}\n"
        ),
    }  # fmt: skip


def _vscode(source: Source) -> dict[str, str]:
    """An extension that registers the server by `contributes.mcpServerDefinitionProviders` (VS Code 1.101)."""
    setting = {
        "type": "string", "default": "", "scope": "machine",
        "description": "The hushd that is started, such as /usr/bin/hushd; empty: the one that uv brings.",
    }  # fmt: skip
    package = {
        "name": "hushd", "displayName": "hushd", "description": source.summary, "version": source.version,
        "publisher": source.publisher, "license": source.license, "repository": {"type": "git", "url": source.home},
        "engines": {"vscode": "^1.101.0"}, "categories": ["AI", "Other"], "keywords": list(source.keywords)[:5],
        "main": "./extension.js", "extensionKind": ["ui"], "activationEvents": [],
        "contributes": {
            "mcpServerDefinitionProviders": [{"id": "hushd", "label": "hushd"}],
            "configuration": {"title": "hushd", "properties": {"hushd.command": setting}},
        },
    }  # fmt: skip
    folder = "packaging/agents/vscode"
    return {
        f"{folder}/package.json": as_json(package),
        f"{folder}/extension.js": _EXTENSION.format(uvx=json.dumps(UVX)),
        f"{folder}/README.md": _README.format(long=source.long),
        f"{folder}/LICENSE": (ROOT / "LICENSE").read_text(),
    }
