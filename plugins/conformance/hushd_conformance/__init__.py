"""The conformance suite of engines: `python -m hushd_conformance ENGINE`.

A case is a claim, and a function that finds the faults. The cases of every engine are in `contract`; those of a role
are in `hushd_conformance.ROLE`, with a `Trial`, by which a case describes, loads and uses the engine.
"""
