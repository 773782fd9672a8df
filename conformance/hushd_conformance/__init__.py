"""The conformance suite of engines: `python -m hushd_conformance ENGINE [MODEL]` runs all its cases on an engine.

A case is a claim about every engine of a role, and a generator of the faults that it finds. The cases of all roles are
in `description`, `starting`, `damage` and `working`; a role's own cases are in `hushd_conformance.ROLE`, with a
`Trial`, by which a case describes, loads and uses the engine.

The cases run one after another in a separate process, which loads the engine once. A test that may ruin its process (a
damaged model, no memory, another environment) is an attempt in a further process, see `attempt`. A case that ends the
process, or does not end in time, has failed, and the others go on in a new process (`player`).
"""
