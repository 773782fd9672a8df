"""Functions that installed plugins add to the library, by the entry point `hushd.client`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_schema.entry_points import entry_points


def added(name: str) -> Callable[..., Any] | None:
    """Returns the function of that name; None where no installed plugin adds it."""
    target = entry_points("hushd.client").get(name)
    if not target:
        return None
    module, _, attribute = target.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    return function


def needed(name: str, plugin: str, what: str = "This") -> Callable[..., Any]:
    """Returns the function of that name.

    Args:
        what: subject of the sentence where the plugin is not installed.

    Raises:
        HushdError: `engine_missing`, with the line that installs the plugin.
    """
    if function := added(name):
        return function
    from hushd_models.installation import plugin_needed

    raise HushdError("engine_missing", plugin_needed(plugin, what))
