"""The files by which hosts of agents find hushd's server: as their readers want them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from package_files import ROOT
from package_files.source import Source

AGENTS = ROOT / "packaging/agents"
DATA = ROOT / "tests/support/data"
SERVER_SCHEMA = "registry-server.schema.json"
SOURCE = Source.read()
# The command that starts `hushd mcp` on a machine that has uv and nothing of hushd.
UVX = ("uvx", "--from", "hushd[default]", "hushd", "mcp")


def read(path: str) -> Any:
    """The JSON of a file in packaging/agents."""
    return json.loads((AGENTS / path).read_text())


def faults(value: Any, schema: str) -> list[str]:
    """The places of a value that a schema of tests/support/data refuses."""
    import jsonschema  # takes a while

    checker = jsonschema.validators.validator_for(rules := json.loads((DATA / schema).read_text()))
    checker.check_schema(rules)
    return sorted(fault.json_path for fault in checker(rules).iter_errors(value))


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


def test_the_readme_has_the_name_that_the_registry_looks_for() -> None:
    """PyPI's page is the README, and has to say which server it is."""
    assert f"<!-- mcp-name: {SOURCE.mcp} -->" in (ROOT / "README.md").read_text()


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
