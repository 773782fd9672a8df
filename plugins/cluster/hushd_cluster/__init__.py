"""hushd on many machines: OpenAI's API by Ray Serve, corpora spread over Ray tasks (its README.md).

Ray's processes on a node are clients of that node's supervisor. So memory budgets, queues, the precedence of live
sessions, and the end of idle workers are that supervisor's; Ray decides which node serves a request.
"""
