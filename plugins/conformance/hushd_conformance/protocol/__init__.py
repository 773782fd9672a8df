"""The conformance suite of the protocol, for authors of clients in other languages.

`python -m hushd_conformance.protocol -- PROGRAM …` plays a scripted supervisor to a program that uses the client, and
checks each frame that it sends. A case is a claim of docs/PROTOCOL.md; its first fault ends it, with a sentence.
"""
