"""The speech-to-text worker of hushd: a process that loads one engine, turns audio into text, and exits.

`engine` is the contract of engines, and `registry` finds them. `worker` runs hushd's jobs. `transcription` handles a
recording: `audio` reads it, `segmentation` cuts its speech into pieces, `diarization` by speaker, and `recogniser`
makes the engine transcribe them; `wording` and `plausibility` check the text. `live` transcribes live speech. Importing
this package loads nothing heavy.
"""
