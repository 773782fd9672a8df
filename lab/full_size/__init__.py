"""Models by their files' formats: published weights for each engine, and Whisper's of any size with random ones.

`making` puts a model's files in place once all are whole, `noise` draws weights; each other module knows a format.
"""
