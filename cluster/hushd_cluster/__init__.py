"""hushd on many machines: engines as deployments of Ray Serve, corpora spread by Ray's tasks (docs/REMOTE.md).

Ray's processes on a node are clients of that node's supervisor. So memory budgets, queues, live sessions before files,
and the end of idle workers are the supervisor's there as everywhere; Ray decides which node serves a request.
"""
