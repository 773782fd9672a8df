"""The files by which hosts of agents find hushd's server: as their readers want them."""

from __future__ import annotations

import copy
import functools
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from package_files import ROOT
from package_files.source import Source

AGENTS = ROOT / "packaging/agents"
DATA = ROOT / "tests/support/data"
BUNDLE_SCHEMA = "mcpb-manifest-v0.4.schema.json"
SERVER_SCHEMA = "registry-server.schema.json"
SOURCE = Source.read()
# The command that starts `hushd mcp` on a machine that has uv and nothing of hushd.
UVX = ("uvx", "--from", "hushd[default]", "hushd", "mcp")
HOSTS = (
    "codex.toml", "cursor.json", "gemini/gemini-extension.json", "goose.yaml", "opencode.json", "vscode/extension.js",
    "zed.json",
)  # fmt: skip


def read(path: str) -> Any:
    """The JSON of a file in packaging/agents."""
    return json.loads((AGENTS / path).read_text())


def faults(value: Any, schema: str) -> list[str]:
    """The places of a value that a schema of tests/support/data refuses."""
    import jsonschema  # takes a while

    checker = jsonschema.validators.validator_for(rules := json.loads((DATA / schema).read_text()))
    checker.check_schema(rules)
    return sorted(fault.json_path for fault in checker(rules).iter_errors(value))


def changed(value: Any, path: str, new: Any) -> Any:
    """A copy of it with another value at a path such as `packages.0.version`; None takes it away."""
    value = copy.deepcopy(value)
    *way, last = (int(word) if word.isdigit() else word for word in path.split("."))
    place = functools.reduce(lambda inside, word: inside[word], way, value)
    if new is None:
        del place[last]
    else:
        place[last] = new
    return value


def test_the_registry_takes_the_server() -> None:
    """By the rules that its documentation states, in a schema of hushd's own; in the version of the sources."""
    server = read("server.json")
    assert faults(server, SERVER_SCHEMA) == []
    (package,) = server["packages"]
    assert package["version"] == server["version"] == SOURCE.version


def test_hosts_start_the_registry_s_server() -> None:
    """Its command is the package, as VS Code has it, behind an option that leaves it so; no index is named."""
    (package,) = read("server.json")["packages"]
    (brought,) = package["runtimeArguments"]
    assert (brought["name"], brought["value"]) == ("--with", f"hushd[default]=={SOURCE.version}")
    assert "registryBaseUrl" not in package


def test_a_bundle_has_a_manifest_as_its_schema_has_it() -> None:
    """That of @anthropic-ai/mcpb for version 0.4; what it refuses is refused."""
    manifest = read("mcpb/manifest.json")
    assert faults(manifest, BUNDLE_SCHEMA) == []
    for path, value, fault in (
        ("author", None, "$"),
        ("server.type", "ruby", "$.server.type"),
        ("server.mcp_config.command", None, "$.server.mcp_config"),
        ("compatibility.platforms", ["plan9"], "$.compatibility.platforms[0]"),
        ("tool", [], "$"),
    ):
        assert faults(changed(manifest, path, value), BUNDLE_SCHEMA) == [fault]


@pytest.mark.parametrize("place", HOSTS)
def test_every_host_starts_the_same_command(place: str) -> None:
    """In its own language, word for word."""
    words = re.findall(r"[\w\[\]-]+", re.sub(r"\W(command|args|cmd)\W", " ", (AGENTS / place).read_text()))
    words = [word.removeprefix("[").removesuffix("]") if "default" not in word else word for word in words]
    assert " ".join(UVX) in " ".join(filter(None, words))


def test_the_readme_has_the_name_that_the_registry_looks_for() -> None:
    """PyPI's page is the README, and has to say which server it is."""
    assert f"<!-- mcp-name: {SOURCE.mcp} -->" in (ROOT / "README.md").read_text()


def test_a_bundle_names_the_tools_and_what_runs_them() -> None:
    """All tools that `hushd mcp` lists, the file that starts it, and this very version of hushd."""
    manifest = read("mcpb/manifest.json")
    assert [tool["name"] for tool in manifest["tools"]] == [
        tool["name"]
        for tool in json.loads((ROOT / "agents/hushd_mcp/prepared.json").read_text())["tools/list"]["result"]["tools"]
    ]
    assert (AGENTS / "mcpb" / manifest["server"]["entry_point"]).is_file()
    project = tomllib.loads((AGENTS / "mcpb/pyproject.toml").read_text())["project"]
    assert project["dependencies"] == [f"hushd[default]=={SOURCE.version}"]


def test_the_marketplace_leads_to_the_plugin() -> None:
    """By a path within its own folder, whose manifest has the same name and version."""
    market = read("claude/.claude-plugin/marketplace.json")
    (entry,) = market["plugins"]
    plugin = json.loads((AGENTS / "claude" / entry["source"] / ".claude-plugin/plugin.json").read_text())
    assert (plugin["name"], plugin["version"]) == (entry["name"], entry["version"]) == ("hushd", SOURCE.version)


def runner(tmp_path: Path, *words: str, **programs: str) -> subprocess.CompletedProcess[str]:
    """Runs the plugin's bin/hushd where these programs are all there is."""
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    command = ["/bin/sh", str(AGENTS / "claude/bin/hushd"), *words]
    return subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60)


def test_the_plugin_runs_the_hushd_that_is_installed(tmp_path: Path) -> None:
    """Before one that uv brings."""
    programs = {"hushd": '#!/bin/sh\necho "hushd $*"\n', "uvx": '#!/bin/sh\necho "uvx $*"\n'}
    assert runner(tmp_path, "mcp", **programs).stdout == "hushd mcp\n"


def test_the_plugin_has_uv_bring_hushd(tmp_path: Path) -> None:
    """By the same words as every other host."""
    assert runner(tmp_path, "mcp", uvx='#!/bin/sh\necho "uvx $*"\n').stdout == " ".join(UVX) + "\n"


def test_the_plugin_without_either_says_so_to_an_agent_and_nothing_at_a_hook(tmp_path: Path) -> None:
    """A sentence at each answer would be a nuisance; a server that does not start needs one."""
    served, hooked = runner(tmp_path, "mcp"), runner(tmp_path, "agents", "hook")
    assert (served.returncode, hooked.returncode, hooked.stderr) == (127, 0, "")
    assert served.stderr.startswith("hushd: neither hushd nor uv is installed")


def test_every_file_of_lines_is_named_in_the_documents() -> None:
    """docs/AGENTS.md says where each goes."""
    page = (ROOT / "docs/AGENTS.md").read_text()
    folders = {path.name for path in AGENTS.iterdir()}
    assert {folder for folder in folders if f"packaging/agents/{folder}" not in page} == set()
