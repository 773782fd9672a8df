"""Registries of agents: MCP's, bundles for Claude Desktop, Claude Code's plugin and marketplace, Gemini's extension."""

from __future__ import annotations

import json

from hushd_cli.commands.agents.install.agents import AGENTS

from .source import REQUIREMENT, ROOT, UVX, Source, as_json

# The plugin's way to hushd: the one that is installed, else one that uv brings; without either a hook is silent.
_RUNNER = f"""#!/bin/sh
# hushd as it is installed, else as uv brings it.
command -v hushd >/dev/null 2>&1 && exec hushd "$@"
command -v uvx >/dev/null 2>&1 && exec uvx --from '{REQUIREMENT}' hushd "$@"
[ "$1" = agents ] && exit 0
echo "hushd: neither hushd nor uv is installed: https://docs.astral.sh/uv/ has uv." >&2
exit 127
"""
_COMMANDS = {
    "say": (
        "Say something aloud",
        "Call the tool hushd_say with this text, or where there is none with your last answer in one sentence: "
        "$ARGUMENTS",
    ),
    "ask": (
        "Ask aloud, and go on with the answer",
        "Call the tool hushd_converse with this question, or where there is none with the one that you would ask next, "
        "and go on with the answer: $ARGUMENTS",
    ),
    "quiet": ("Stop all speech, and read nothing aloud", "!`hushd agents hook off && hushd stop`"),
}
_BUNDLED_SERVER = '''"""`hushd mcp`, as uv starts it from the bundle."""

import sys

from hushd_command import hushd

sys.argv[1:] = ["mcp"]
hushd()
'''
FOLDER = "packaging/agents"
_CLAUDE = "packaging/agents/claude"


def files(source: Source) -> dict[str, str]:
    """The files by their paths in the repository."""
    return _registry(source) | _bundle(source) | _claude(source) | _gemini(source)


def _registry(source: Source) -> dict[str, str]:
    """MCP's registry: https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json.

    Hosts start `uvx` with the runtime's arguments, then hushd==VERSION or hushd@VERSION as the command, then the
    package's arguments: so what comes with it is wanted by `--with`, not by `--from`. VS Code takes registryBaseUrl,
    where there is one, for the address of an index.
    """
    package = {
        "registryType": "pypi", "identifier": "hushd", "version": source.version,
        "runtimeHint": "uvx",
        "runtimeArguments": [{"type": "named", "name": "--with", "value": f"{REQUIREMENT}=={source.version}"}],
        "packageArguments": [{"type": "positional", "value": "mcp"}],
        "transport": {"type": "stdio"},
    }  # fmt: skip
    server = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": source.mcp, "title": "hushd", "description": source.description, "version": source.version,
        "repository": {"url": source.home, "source": "github"}, "websiteUrl": source.home, "packages": [package],
    }  # fmt: skip
    return {"packaging/agents/server.json": as_json(server)}


def _bundle(source: Source) -> dict[str, str]:
    """A bundle (.mcpb) for Claude Desktop, by manifest version 0.4: uv brings Python and hushd at its first start."""
    run = {"command": "uv", "args": ["run", "--directory", "${__dirname}", "server.py"]}
    tools = json.loads((ROOT / "agents/hushd_mcp/prepared.json").read_text())["tools/list"]["result"]["tools"]
    manifest = {
        "manifest_version": "0.4", "name": "hushd", "display_name": "hushd", "version": source.version,
        "description": source.summary, "long_description": source.long, "author": {"name": source.authors},
        "repository": {"type": "git", "url": source.home}, "license": source.license, "keywords": list(source.keywords),
        "server": {"type": "uv", "entry_point": "server.py", "mcp_config": run},
        "tools": [{"name": tool["name"], "description": tool["title"]} for tool in tools],
        "compatibility": {"platforms": ["darwin", "linux"], "runtimes": {"python": source.python}},
    }  # fmt: skip
    project = (
        f'[project]\nname = "hushd-bundle"\nversion = "{source.version}"\nrequires-python = "{source.python}"\n'
        f'dependencies = ["{REQUIREMENT}=={source.version}"]\n'
    )
    folder = "packaging/agents/mcpb"
    return {
        f"{folder}/manifest.json": as_json(manifest),
        f"{folder}/pyproject.toml": project,
        f"{folder}/server.py": _BUNDLED_SERVER,
    }


def _claude(source: Source) -> dict[str, str]:
    """Claude Code's plugin, in a folder that is a marketplace, too: a repository that begins with it can be added."""
    introduction = {"name": "hushd", "description": source.summary, "version": source.version}
    author = {"author": {"name": source.authors}, "homepage": source.home, "license": source.license}
    market = {
        "name": "hushd", "owner": {"name": source.authors}, "metadata": {"description": source.summary},
        "plugins": [{**introduction, "source": "./"}],
    }  # fmt: skip
    runner = "${CLAUDE_PLUGIN_ROOT}/bin/hushd"
    hooks = json.loads(AGENTS["claude"].edited("{}", f'"{runner}" agents hook'))
    commands = {
        f"{_CLAUDE}/commands/{name}.md": f"---\ndescription: {summary}\n---\n\n{text}\n"
        for name, (summary, text) in _COMMANDS.items()
    }
    return {
        f"{_CLAUDE}/.claude-plugin/marketplace.json": as_json(market),
        f"{_CLAUDE}/.claude-plugin/plugin.json": as_json(introduction | author | {"keywords": list(source.keywords)}),
        f"{_CLAUDE}/.mcp.json": as_json({"mcpServers": {"hushd": {"command": runner, "args": ["mcp"]}}}),
        f"{_CLAUDE}/hooks/hooks.json": as_json(hooks),
        f"{_CLAUDE}/bin/hushd": _RUNNER,
        **commands,
    }


def _gemini(source: Source) -> dict[str, str]:
    """An extension of Gemini CLI: `gemini extensions install` of the folder, or of a repository that begins with it."""
    extension = {
        "name": "hushd", "version": source.version, "description": source.summary,
        # `gemini mcp list` waits for 5 s where none is said, and a session for this long.
        "mcpServers": {"hushd": {"command": UVX[0], "args": list(UVX[1:]), "timeout": 600_000}},
    }  # fmt: skip
    return {"packaging/agents/gemini/gemini-extension.json": as_json(extension)}
