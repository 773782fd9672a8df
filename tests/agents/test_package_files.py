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
SOURCE = Source.read()


def read(path: str) -> Any:
    return json.loads((AGENTS / path).read_text())


def faults(value: Any, schema: str) -> list[str]:
    """The places of a value that a schema of tests/support/data refuses."""
    import jsonschema  # takes a while

    checker = jsonschema.validators.validator_for(rules := json.loads((DATA / schema).read_text()))
    checker.check_schema(rules)
    return sorted(fault.json_path for fault in checker(rules).iter_errors(value))


def test_the_registry_takes_the_server() -> None:
    """The registry's rules are those of its documentation, in a schema of hushd's own; in the version of the sources.
    PyPI's page, the README, says which server it is; hosts start the package, as VS Code has it, from no index of ours.
    """
    server = read("server.json")
    assert faults(server, "registry-server.schema.json") == []
    (package,) = server["packages"]
    assert package["version"] == server["version"] == SOURCE.version
    (brought,) = package["runtimeArguments"]
    assert (brought["name"], brought["value"]) == ("--with", f"hushd[default]=={SOURCE.version}")
    assert "registryBaseUrl" not in package
    assert f"<!-- mcp-name: {SOURCE.mcp} -->" in (ROOT / "README.md").read_text()


def test_the_marketplace_leads_to_the_plugin() -> None:
    """The marketplace has a path within its own folder, whose manifest has the same name and version."""
    market = read("claude/.claude-plugin/marketplace.json")
    (entry,) = market["plugins"]
    plugin = json.loads((AGENTS / "claude" / entry["source"] / ".claude-plugin/plugin.json").read_text())
    assert (plugin["name"], plugin["version"]) == (entry["name"], entry["version"]) == ("hushd", SOURCE.version)


def test_the_plugin_runs_the_hushd_that_is_installed(tmp_path: Path) -> None:
    """uv brings one where none is, by the words of every other host; without either it says so to an agent, and
    nothing at a hook, where a sentence at each answer would be a nuisance."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["/bin/sh", str(AGENTS / "claude/bin/hushd"), *words]
        return subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60)

    served, hooked = run("mcp"), run("agents", "hook")
    assert (served.returncode, hooked.returncode, hooked.stderr) == (127, 0, "")
    assert served.stderr.startswith("hushd: neither hushd nor uv is installed")
    for name, told in (("uvx", "uvx --from hushd[default] hushd mcp\n"), ("hushd", "hushd mcp\n")):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (tmp_path / name).chmod(0o755)
        assert run("mcp").stdout == told


def test_every_file_of_lines_is_named_in_the_documents() -> None:
    """docs/AGENTS.md says where each goes."""
    page = (ROOT / "docs/AGENTS.md").read_text()
    folders = {path.name for path in AGENTS.iterdir()}
    assert {folder for folder in folders if f"packaging/agents/{folder}" not in page} == set()
