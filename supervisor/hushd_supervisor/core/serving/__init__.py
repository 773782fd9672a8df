# Where hushd listens for HTTP and Wyoming, and what becomes of a connection by its first bytes.
