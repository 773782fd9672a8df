"""The conformance suite of engines: `python -m hushd_conformance ENGINE [MODEL]` plays all its cases to one.

A case is a claim that holds for each engine of a role, and a generator of the faults that it finds. Those of all roles
are in `description`, `starting`, `damage` and `working`; a role's own are in `hushd_conformance.ROLE`, with a
`Trial`, by which a case describes, loads and uses the engine.

The cases run one after the other in a process of their own, which loads the engine once. What may ruin a process
(a damaged model, no memory, another environment) is an attempt: a process more, see `attempt`. A case that ends the
process, or does not end in time, has failed, and the others go on in a fresh one (`player`).
"""
