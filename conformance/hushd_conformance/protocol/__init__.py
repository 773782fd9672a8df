"""The conformance suite of the protocol, for authors of clients in other languages.

`python -m hushd_conformance.protocol client PROGRAM …` plays a scripted supervisor to a program that uses the client,
and checks each frame that it sends; with `supervisor` it plays a client to the hushd that runs.
A case is a claim of docs/PROTOCOL.md; the first fault that is seen ends it, in a sentence.
"""
