"""Models of the true architecture and size of those that people use, with weights drawn at random.

Loading, memory and time are those of the real ones; the words are not. `whole_file` puts each file in place only once
it is whole, `noise` draws weights, `onnx_file` writes graphs a tensor at a time, and a module for each engine knows
its models. `catalogue` names them all.
"""
