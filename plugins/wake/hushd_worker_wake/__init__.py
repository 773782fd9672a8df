"""Detects wake words in live audio: the worker of the role `wake`.

It shares no code with the worker that transcribes: its process must stay small, since it runs all the time.
"""
