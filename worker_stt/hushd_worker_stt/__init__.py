"""The speech-to-text worker of hushd: a process that loads one engine, turns audio into text, and exits.

`engine` is the contract that engines keep, `registry` finds them. `worker` takes hushd's jobs. A recording goes through
`transcription`: `audio` reads it, `segmentation` cuts its speech into pieces, with `diarization` by speaker, and
`recogniser` has the engine transcribe them; `loops` and `plausibility` judge the text. `live` transcribes somebody who
speaks now. `convert` makes models. Importing this package loads nothing heavy.
"""
