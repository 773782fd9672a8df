"""Messages are values: they do not change, and each field is given by its name."""

from __future__ import annotations

import hushd_protocol
from support.records import changeable, has_names, records


def test_messages_are_values() -> None:
    """And all other records, but for errors, which are raised."""
    kinds = [kind for kind in records(hushd_protocol) if not issubclass(kind, Exception)]
    assert len(kinds) > 30
    assert [kind for kind in kinds if changeable(kind)] == []
    assert [kind for kind in kinds if ".messages." in kind.__module__ and not has_names(kind)] == []
