from __future__ import annotations


class PerthImplicitWatermarker:
    """As in the package, where the name is None if its imports have failed."""
