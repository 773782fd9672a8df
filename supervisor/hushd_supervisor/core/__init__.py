# The supervisor's theory of operation. A comment, not a docstring: it costs the supervisor's memory nothing.
#
# The core decides; the loop in `system/` acts. The loop passes an event and the time to `Pool.handle`, carries out the
# actions that come back, and calls `Pool.on_time` when `Pool.deadline` has passed. Nothing here waits, reads a clock or
# touches a socket or a process, so every decision can be replayed in a test, and one thread suffices: no state has two
# writers. An action that fails comes back as an event (`SpawnFailed`, `SendFailed`, `ClientGone`), never as an
# exception.
#
# Each decision returns a list of actions and nothing else; a further question is another call. Only the parts of a
# worker (`lifecycle`, `jobs`, `memory`) write into one list (`Outbox`), which the method that takes an event for the
# worker empties and returns. Each state is private to the object that has it; others ask by properties.
#
# Workers (`worker/`). A worker is named `role/engine/model`, has at most one process, and is in one of ten states.
# The moves between them are one table (`states`), and only `Lifecycle.enter` makes them. Three rules settle the races
# between requests, timers and exits:
#  - Each process has a generation, a number that no other process ever has. News of an older generation is dropped, so
#    late news is never taken for news of the living process.
#  - A stop is never reversed. A request that comes meanwhile waits for the exit and starts the next generation at once.
#  - No process is started before the exit of the last one was seen: a worker never has two, and memory is never counted
#    twice.
# A process is watched by what it sends: it must say hello, then show progress until it is ready, then beat every 2 s
# while jobs run. One that is silent is killed; one that beats but neither uses CPU time nor sends output has stalled. A
# crash is followed by a pause that doubles, and four in five minutes close the worker for two (`crashes`). A request
# that was running is repeated alone, in another process; at its second crash it is poison, explains the crashes, and is
# refused (`jobs`). A process that something outside has ended or stopped while memory was not short has not crashed:
# its request runs in the next one, eight times at most. A worker without jobs stays for as long as the latest lease
# says (`leases`), and memory is given back by its exit.
#
# Requests. From its acceptance until its one terminal message a request is an `ActiveRequest`, in exactly one place:
# queued at a worker, or running on one. `Jobs.finish` is the only place where an accepted one ends, so no client waits
# for ever and none is answered twice. Waiting requests are ordered by priority, programs take turns, and priorities
# rise with time (`worker/queue`). Live sessions and files have slots of their own where a worker declares them.
#
# Who waits, waits: a request is refused only when its queue has reached its length or size. So a thousand threads are
# served in turn, and another program's request waits for one of theirs. Each client that waits hears where it
# stands every few seconds, a few clients at a time: a word to each for every request that is served would be a million.
#
# Credit. In either direction, a chunk is sent only after the receiver has granted it, so no queue grows without bound
# and a slow reader slows its own request alone. The supervisor keeps the account of both sides: a client that exceeds
# its credit loses the request, a worker that exceeds it loses its process. While a side waits for credit or input, the
# stall clock stands still: a paused player or a silent microphone is not a hung engine.
#
# Memory (`memory/`). `decide` says what becomes of a start, by a snapshot of the machine (`memory/decision`); nobody
# else does. `Admission` takes the snapshot and carries the decision out. A start needs room: in the share that the
# workers may take together, and in what is free now, less what starting workers were promised and a reserve. Where room
# is lacking, idle workers are asked to leave, the least worth keeping first, and the start waits for their exits; if
# none can leave, its requests are refused with the time after which to ask again. Under pressure jobs are asked to use
# less; under critical pressure idle workers leave, and a start waits until the pressure is over, unless it takes next
# to nothing. A worker that makes one client wait for another gets a replica where cores and room allow (`replicas`).
#
# Graphics cards (`memory/cards`). Each card is one more device with a budget of its own. A start that may use one waits
# for a probe (`ProbeCards`, `CardsProbed`), since other programs use them too and no driver is loaded here. The process
# starts on a card with room; failing that, it waits for idle workers to leave one, until a probe sees their memory
# free; failing that, it starts on the CPU, with the reason, until a later one finds room.
#
# The user's program (`memory/when_short`). Where neither free memory nor idle workers suffice, the program of `[memory]
# when_short` is run, for at most ten seconds. Its word changes nothing: a start fits when memory is measured free, and
# what it says is only a reason to keep the request waiting until then.
#
# The floor (`floor`, `claim`). A client that wants the loudspeaker or the microphone claims it and waits for its turn,
# so that two programs never talk over each other. The clients open the devices; the floor only says whose turn it is,
# and ends the turn of a client that no longer answers.
#
# Ends. A supervisor that a client started leaves when it has had neither worker nor request for a while. Asked to
# leave, it refuses new requests, lets the running jobs finish, and ends every process; asked a second time, it kills.
# When a next supervisor is certain to follow, new requests wait for that one instead (`Departure.asked`).
