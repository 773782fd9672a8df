"""The gateway: serves programs that speak OpenAI's audio API or Wyoming, through `hushd.AsyncClient`.

It owns no listening socket. The supervisor's door accepts, answers polls from prepared bytes, and hands every other
connection over with the bytes that it has read (`handover`). The first such connection starts the process, which exits
when it has had none for a while. `http` and `wyoming` know nothing of each other or of the door.
"""
