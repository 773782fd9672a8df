# The addresses where hushd listens for HTTP and Wyoming, and the decision about a connection by its first bytes.
