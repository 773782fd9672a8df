"""The modules that a supervisor imports with its first worker."""

from __future__ import annotations

from pathlib import Path

import hushd_supervisor
from support.late_imports import imported_by, late

_START, _ADDED_ADDRESSES = ("run.py",), ("system/door_source.py",)
# Seldom needed; their loss has the supervisor leave when its work is done (`Loop`).
_SELDOM = {
    "hushd_models.catalogue", "hushd_models.hf_cache", "hushd_protocol.system.drm", "hushd_protocol.system.liveness",
    "hushd_protocol.system.programs", "hushd_schema.controls", "hushd_supervisor.system.sleep",
    "hushd_supervisor.system.memory.managed",
    # Where the configuration names neighbours or the treaty they are imported at the start.
    "hushd_schema.settings.neighbours", "hushd_supervisor.core.neighbours.relief",
    "hushd_supervisor.system.neighbours", "hushd_supervisor.core.treaty", "hushd_supervisor.system.treaty",
}  # fmt: skip


def test_a_supervisor_with_a_worker_has_all_its_modules() -> None:
    """An upgrade of hushd leaves it nothing to import but modules seldom needed, or for addresses added later."""
    package = Path(hushd_supervisor.__file__).parent
    program = "import hushd_supervisor.__main__, hushd_supervisor.assembly, hushd_supervisor.system.living as living"
    imported = imported_by(f"{program}\nliving._preimport()")
    assert late(package, *_START, *_ADDED_ADDRESSES) - imported <= _SELDOM
