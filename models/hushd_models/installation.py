"""Returns the command that installs a package into this process's environment, or a program into the system; and
the paths of hushd's documents.

Installers leave traces: `uv tool` a receipt, pipx its metadata, and every installer the origin of hushd itself
(`direct_url.json`, PEP 610). Workers call this at every start, so it does not import importlib.metadata (15 ms).
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

from hushd_protocol import JsonObject, __version__
from hushd_schema import toml
from hushd_schema.entry_points import PLUGINS, plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hushd_schema.engines import EngineSpec

_DEFAULT = ("audio", "diarize", "http", "hub", "mcp", "stt", "top", "tts", "wyoming")  # extras in `default`
_PACKAGES = Path(__file__).parents[1]  # site-packages, or `models` in a checkout


@cache
def extra_command(*names: str) -> str:
    """Returns the command that installs extras of hushd, such as `whisper`, and plugins, into this environment."""
    receipt, metadata = _beside("uv-receipt.toml"), _beside("pipx_metadata.json")
    plugins = {name: plugin for name in names if (plugin := _plugin(name))}
    own = [name for name in names if name not in plugins]
    added = [
        word for plugin in plugins.values() for word in ("--with-editable" if len(plugin) > 1 else "--with", plugin[-1])
    ]
    if os.path.exists(receipt):
        beside, extras = _receipt(receipt, names)
        # uv rebuilds the environment from the command line: it must name the installed packages again.
        return shlex.join(["uv", "tool", "install", *beside, *added, *_hushd(*extras, *own)])
    if _is_fleeting():
        # The running supervisor only has this environment's engines; the new environment's supervisor replaces it.
        extras = ["default", *(name for name in own if name not in _DEFAULT)]
        return f"{shlex.join(['uv', 'tool', 'install', *added, *_hushd(*extras)])} && hushd restart"
    words = [word for plugin in plugins.values() for word in plugin] + (_hushd(*own) if own else [])
    if not os.path.exists(metadata):
        return package_command(*words)
    editable = [word for word in words if word == "--editable"]
    requirements = [word for word in words if word != "--editable"]
    return shlex.join(["pipx", "inject", *editable[:1], _pipx_name(metadata), *requirements])


def plugin_needed(plugin: str, what: str) -> str:
    """Returns the sentence for what a plugin adds, where it is not installed, or of another version than hushd."""
    if version := plugins().get(plugin):
        return f"hushd-{plugin} is of version {version}, and hushd of {__version__}: {extra_command(plugin)}."
    return f"{what} takes the plugin {plugin}: {extra_command(plugin)}."


def engine_needed(engine: str) -> str:
    """Returns the same sentence for an engine of an own plugin, `engines-NAME`; empty for any other word."""
    plugin = f"engines-{engine}"
    return plugin_needed(plugin, f"The engine {engine}") if plugin in PLUGINS else ""


@cache
def package_command(*arguments: str) -> str:
    """Returns the command that installs other packages, such as `misaki[ja]`, into this environment, by pip's
    arguments."""
    metadata, python = _beside("pipx_metadata.json"), sys.executable or "python3"
    if os.path.exists(metadata):
        return shlex.join(["pipx", "runpip", _pipx_name(metadata), "install", *arguments])
    if find_spec("pip") is None:  # uv's environments have no pip
        return shlex.join(["uv", "pip", "install", "--python", python, *arguments])
    return shlex.join([python, "-m", "pip", "install", *_externally_managed(), *arguments])


def engine_installed(spec: EngineSpec) -> bool:
    """Returns whether this environment has the packages that an engine needs."""
    return all(find_spec(package) for package in spec.packages)


def engine_command(spec: EngineSpec | None) -> str:
    """Returns the command that installs an engine into this environment, or another instruction."""
    if spec and spec.name == "server":
        return f"`hushd servers add NAME -- COMMAND` (see {document('SERVERS.md')})"
    if spec and spec.requirement:
        return spec.outside + package_command(spec.requirement)
    if spec and spec.extra:
        return spec.outside + extra_command(spec.extra)
    return f"make it an environment of its own, as {document('MODELS.md')} says"


def document(name: str) -> str:
    """Returns the path of one of hushd's documents, such as `MODELS.md`, in this installation."""
    checkout = _checkout()
    return str(checkout / "docs" / name if checkout else _PACKAGES / "hushd_models" / "docs" / name)


def _is_fleeting() -> bool:
    """Returns whether `uvx` made this environment, which is in uv's cache and soon gone."""
    return os.path.basename(os.path.dirname(sys.prefix)).startswith("archive-v")


def _hushd(*extras: str) -> list[str]:
    """Returns pip's arguments for hushd with these extras, from its origin; the last one is the requirement."""
    bracket = f"[{','.join(extras)}]" if extras else ""
    if checkout := _checkout():
        return ["--editable", f"{checkout}{bracket}"]
    return [f"hushd{bracket} @ {address}" if (address := _address()) else f"hushd{bracket}"]


def _plugin(name: str) -> list[str]:
    """Returns pip's arguments for a plugin that lies where hushd came from: hushd's own index may not have it."""
    if name not in PLUGINS:
        return []
    if (checkout := _checkout()) and (folder := checkout / "plugins" / name).exists():
        return ["--editable", str(folder)]
    address, archive = _address(), f"hushd_{name.replace('-', '_')}-{__version__}-py3-none-any.whl"
    if address.startswith("git+"):
        return [f"hushd-{name} @ {address}#subdirectory=plugins/{name}"]
    # Addresses in the sources, and beside the wheel.
    places = (f"{address}/plugins/{name}", f"{os.path.dirname(address)}/{archive}")
    return [f"hushd-{name} @ {place}" for place in places if _is_here(place)][:1]


def _checkout() -> Path | None:
    """Returns the folder of the sources that this runs from; None if hushd is in `site-packages`."""
    folder = _PACKAGES.parent
    return folder if (folder / "pyproject.toml").is_file() else None


def _address() -> str:
    """Returns the address from which hushd was installed; empty for a package index, or missing files."""
    for name in os.listdir(_PACKAGES):
        if name.startswith("hushd-") and os.path.exists(file := _PACKAGES / name / "direct_url.json"):
            break
    else:
        return ""
    origin = _json(file)
    url = str(origin.get("url", ""))
    if url.startswith("file://") and not _is_here(url):
        return ""
    if repository := origin.get("vcs_info"):
        revision = repository.get("requested_revision")
        return f"{repository.get('vcs')}+{url}{f'@{revision}' if revision else ''}"
    return url


def _is_here(address: str) -> bool:
    """Returns whether an address is that of a file or a folder which exists."""
    return address.startswith("file://") and os.path.exists(unquote(address.removeprefix("file://")))


def _beside(name: str) -> str:
    return os.path.join(sys.prefix, name)


def _receipt(path: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns the arguments of the last `uv tool install`: options for packages beside hushd, and hushd's extras; all
    but the extras and plugins `names`."""
    try:
        listed = toml.loads(Path(path).read_text(encoding="utf-8"))["tool"]["requirements"]
        installed = [extra for package in listed if package["name"] == "hushd" for extra in package.get("extras", [])]
        anew = {"hushd", *(f"hushd-{name}" for name in names)}
        others = [package for package in listed if package["name"] not in anew]
        beside = [word for package in others for word in _again(package)]
        return beside, [extra for extra in installed if extra not in names]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return [], []


def _again(package: JsonObject) -> list[str]:
    """Returns uv's option for a package of a receipt, from where that came."""
    if "editable" in package:
        return ["--with-editable", package["editable"]]
    bracket = f"[{','.join(package['extras'])}]" if package.get("extras") else ""
    origin = package.get("url", "")
    if path := package.get("path") or package.get("directory"):
        origin = Path(path).as_uri()
    elif "git" in package:
        url, _, query = package["git"].partition("#")[0].partition("?")
        asked = dict(parse_qsl(query))
        revision = asked.get("rev") or asked.get("tag") or asked.get("branch")
        folder = f"#subdirectory={asked['subdirectory']}" if "subdirectory" in asked else ""
        origin = f"git+{url}{f'@{revision}' if revision else ''}{folder}"
    return ["--with", f"{package['name']}{bracket}{f' @ {origin}' if origin else package.get('specifier', '')}"]


def _pipx_name(metadata: str) -> str:
    """Returns the name of this environment in pipx: `hushd`, unless it has a suffix."""
    return str(_json(Path(metadata)).get("environment") or os.path.basename(sys.prefix))


def _externally_managed() -> list[str]:
    """Returns the option that pip needs in an environment managed by the system (PEP 668)."""
    managed = sys.prefix == sys.base_prefix and (Path(os.__file__).parent / "EXTERNALLY-MANAGED").exists()
    return ["--break-system-packages"] if managed else []


def _json(path: Path) -> JsonObject:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


# --- what pip does not install: speech goes into files, and recordings into text, without any of it ---


class Outside(NamedTuple):
    """A program or a library that pip does not install.

    Attributes:
        debian: its Debian package.
        homebrew: its Homebrew formula; empty if it is useless on macOS.
    """

    debian: str
    homebrew: str = ""

    def remedy(self) -> str:
        """Returns the command that installs it here."""
        if sys.platform == "darwin" and self.homebrew:
            return f"brew install {self.homebrew}"
        return f"apt install {self.debian}"


PROGRAMS = {
    "ssh": Outside("openssh-client"),
    "wl-copy": Outside("wl-clipboard"),
    "wl-paste": Outside("wl-clipboard"),
    "wtype": Outside("wtype"),
    "xclip": Outside("xclip"),
}

# Keys are names for `ctypes.util.find_library`.
LIBRARIES = {
    "espeak-ng": Outside("espeak-ng", "espeak-ng"),
    "portaudio": Outside("libportaudio2", "portaudio"),
    "pulse": Outside("libpulse0"),
}
