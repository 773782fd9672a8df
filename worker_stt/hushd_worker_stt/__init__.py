"""The speech-to-text worker of hushd: a process that loads one engine, turns audio into text, and leaves.

`engine` is the contract engines keep, `registry` finds them, `audio` reads what people send, `silero` and `pieces`
find the speech in it, `ahead` of the engine, `recogniser` has it transcribed, `live` listens to somebody who speaks
now, `diarize` tells speakers apart, with the models of `voices`, by `clusters`, in the words of `conversation`;
`worker` ties these to hushd's jobs.
Importing this package loads nothing heavy.
"""
