"""The speech-to-text worker of hushd: a process that loads one engine, turns audio into text, and leaves.

`engine` is the contract engines keep, `catalogue` finds them, `audio` reads what people send, `pieces` and `level`
prepare it, `live` listens to a microphone until the speaker stops, `worker` ties these to hushd's jobs.
Importing this package loads nothing heavy.
"""
