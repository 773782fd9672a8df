"""The gateway: serves programs that speak OpenAI's audio API or Wyoming, through `hushd.AsyncClient`.

It owns no listening socket. The supervisor's door accepts, answers polls from prepared bytes, and hands every other
connection over with what it has read of it (`handover`). The process is started with the first such connection, and
exits when it has had none for a while. `http` and `wyoming` know nothing of each other or of the door.
"""
