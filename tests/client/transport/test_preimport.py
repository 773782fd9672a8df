"""The modules that a client imports while it waits."""

from __future__ import annotations

from pathlib import Path

import hushd.transport
from support.late_imports import imported_by, late

# Of another machine, which is known before; of the request; of a start that fails; of another version of the protocol.
_NOT_NEEDED = {
    "hushd.transport.attached", "hushd.transport.remote", "hushd.transport.ssh", "hushd.transport.versions",
    "hushd_models.hf_cache", "hushd_protocol.duration", "hushd_protocol.system.log_lines", "hushd_schema.model_result",
}  # fmt: skip


def test_a_client_that_waits_has_what_another_connection_needs() -> None:
    """An upgrade in the middle of a recording leaves nothing to import for the way to the next supervisor."""
    package = Path(hushd.transport.__file__).parent
    imported = imported_by("import hushd.client, hushd.transport.preimport")
    assert late(package) - imported <= _NOT_NEEDED
