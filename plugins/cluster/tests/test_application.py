"""The application as a file of Serve's names it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from hushd_protocol.errors import HushdError

if find_spec("ray") is None:
    pytest.skip("the extra ray is not installed", allow_module_level=True)

MANIFEST = Path(__file__).parents[1] / "kuberay/hushd.yaml"
DOCUMENT = MANIFEST.parents[1] / "README.md"


@pytest.fixture(scope="module")
def application() -> ModuleType:
    """The module, which imports Ray."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        return import_module("hushd_cluster.application")


def test_the_manifest_names_what_there_is(
    application: ModuleType, monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    """The builder of the application, arguments that it takes, and in every pod the configuration and the secret."""
    import yaml

    service, configuration = yaml.safe_load_all(MANIFEST.read_text())
    (served,) = yaml.safe_load(service["spec"]["serveConfigV2"])["applications"]
    module, _, name = served["import_path"].partition(":")
    assert getattr(import_module(module), name) is application.configured
    assert set(served["args"]) <= {field.name for field in fields(application.Scale)}
    assert served["name"] == application.NAME
    groups = service["spec"]["rayClusterConfig"]
    for group in (groups["headGroupSpec"], *groups["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert {each["name"] for each in container["env"]} == {"HUSHD_HTTP_TOKEN", "HUSHD_CONFIG"}
        assert container["volumeMounts"] == [{"name": "configuration", "mountPath": "/etc/hushd"}]
    Path(runtime / "config.toml").write_text(configuration["data"]["config.toml"])
    monkeypatch.setenv("HUSHD_HTTP_TOKEN", "secret")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert application.configured(served["args"])


def test_nothing_is_served_to_others_without_a_token(application: ModuleType, runtime: Path) -> None:
    """Serve's port is open to the whole network."""
    (runtime / "config.toml").touch()
    with pytest.raises(HushdError, match="HUSHD_HTTP_TOKEN"):
        application.configured({})


def test_the_document_has_the_defaults_of_the_growth(application: ModuleType) -> None:
    """The times after which a second node serves."""
    growth = application.Scale().of_engines()["autoscaling_config"]
    found = re.search(
        r"on average over (\d+) s another one starts on another node, after (\d+) s", DOCUMENT.read_text()
    )
    assert found
    assert [float(number) for number in found.groups()] == [growth["look_back_period_s"], growth["upscale_delay_s"]]
    assert growth["min_replicas"] == 0


@pytest.mark.parametrize(
    ("token", "mode", "taken"),
    [(True, None, ["token", "0"]), (False, None, ["None", "0"]), (True, "disabled", ["disabled", "0"])],
)
def test_the_users_token_is_offered(tmp_path: Path, token: bool, mode: str | None, taken: list[str]) -> None:
    """`ray start` asks for it; who has none offers none, or would refuse the nodes; the user's mode counts."""
    if token:
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("secret")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    environment |= {"HOME": str(tmp_path)} | ({"RAY_AUTH_MODE": mode} if mode else {})
    code = """
import os, sys
from hushd_cluster import command
before = os.environ.get("RAY_AUTH_MODE")
sys.modules["hushd_cluster.actions"] = None  # as where there is no Ray: the command ends once it would import it
try:
    command.main("hushd cluster", ["status"])
except Exception:
    print(before, os.environ.get("RAY_AUTH_MODE"), len(os.environ.get("RAY_AUTH_TOKEN", "")))
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(mode), *taken]
