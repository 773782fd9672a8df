"""Records of models, read once, serve all who ask."""

from __future__ import annotations

import hushd_models
from support.records import changeable, defaults, records


def test_records_are_values() -> None:
    """Nobody changes what another has."""
    kinds = records(hushd_models)
    assert len(kinds) > 9
    assert [kind for kind in kinds if changeable(kind)] == []
    assert defaults(kinds) == {"Known.speed": "medium", "Known.revision": "main", "Known.translation": True}
