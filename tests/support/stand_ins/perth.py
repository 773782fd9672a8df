from __future__ import annotations


class PerthImplicitWatermarker:
    """Stands for the package's class, whose name is None if its imports have failed."""
