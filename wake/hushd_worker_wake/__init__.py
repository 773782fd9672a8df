"""Waits for words in live audio: the worker of the role `wake`.

It lies beside the worker that transcribes, and shares nothing with it: its process must stay small, since it is the one
that lives while nobody speaks.
"""
