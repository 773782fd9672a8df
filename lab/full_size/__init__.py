"""Makes models with the architecture and size of published ones, and random weights.

Loading, memory and time are like the real ones'; only the words are wrong. `whole_file` puts each file in place only
once it is whole, `noise` draws weights, `onnx_file` writes graphs a tensor at a time, and a module for each engine
knows its models. `catalogue` names them all.
"""
