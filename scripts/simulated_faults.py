"""The faults that scripts/mutants --simulated plants: where they are made, and those that are written down."""

_SYSTEM = "hushd_supervisor.system"
_TRANSPORT = "hushd.transport"
PARTS = {
    "rim": [
        f"{_SYSTEM}.{name}"
        for name in (
            "loop", "reserve", "signals", "living", "children", "process", "door_source", "sockets.client_socket",
            "sockets.worker_socket", "sockets.lock", "sockets.watch", "sockets.answers", "libzmq.connection_limit",
            "libzmq.numbers", "libzmq.routers", "libzmq.traffic", "memory.measure", "memory.psi",
        )
    ] + ["hushd_supervisor.run"],
    "transport": [
        f"{_TRANSPORT}.{name}"
        for name in (
            "connection", "link", "attempts", "retry", "call", "spool", "floor", "autostart", "liveness", "kept",
            "requests", "steps",
        )
    ] + ["hushd_protocol.system.pointer", "hushd_protocol.system.lifeline"],
    "worker": [f"hushd_worker.{name}" for name in ("harness", "job", "job_threads", "usage")],
    "door": [f"{_SYSTEM}.serving.{name}" for name in ("door", "connections", "gateway", "lingering_close")] + [
        f"hushd_gateway.{name}"
        for name in (
            "handover", "slots", "patience", "streams", "http.body", "uvicorn_internals.http_server",
            "uvicorn_internals.state", "wyoming.events",
        )
    ] + ["hushd_supervisor.core.serving.door", "hushd_protocol.system.handover"],
}  # fmt: skip

# (part, module, right, wrong, the kinds of faults that bring it to light; empty: all)
FAULTS: tuple[tuple[str, str, str, str, str], ...] = (
    ("worker", "hushd_worker.harness", "GOODBYE_S = 1.0", "GOODBYE_S = 0.0", ""),
    # what stalled on a machine with memory to spare was taken for a want of memory
    ("mends", "hushd_supervisor.system.memory.psi", "weight(level, memory) if true else Level.NORMAL", "level", ""),
    ("mends", "hushd_supervisor.core.memory.pressure", "return level if sign(memory) > Level.NORMAL else Level.NORMAL", "return level", ""),
    # a supervisor that stood still blamed others
    ("mends", "hushd_supervisor.system.loop", "if patient and ", "if False and ", "points"),
    ("mends", "hushd_supervisor.core.pool", "if late > LATE_S:", "if False:", "freeze"),
    ("mends", "hushd_supervisor.core.pool", "self._fleet.excuse(late, now)", "pass", "freeze"),
    ("mends", "hushd_supervisor.core.pool", "self._floors.excuse(late, now)", "pass", "freeze"),
    ("mends", "hushd_supervisor.core.pool", "self._connections.excuse()", "pass", "flutter points"),
    ("mends", "hushd_supervisor.system.loop", "if not isinstance(action, _COSTLY):", "if True:", "heavy"),
    # one that was busy was given up
    ("mends", "hushd.transport.connection", "works = self._liveness.works()", "works = False", "starve"),
    ("mends", "hushd.transport.link", "elif now - began >= limit and not (holder and holder.works()):", "elif now - began >= limit:", "starve"),
    ("mends", "hushd.transport.liveness", "(state in _BUSY or before != self._times)", "before != self._times", "starve"),
    # the wrong supervisor
    ("mends", "hushd_protocol.system.pointer", "return target(paths) if paths.follows else None", "return target(paths)", ""),
    ("mends", "hushd.transport.link", "if connection.borrowed:", "if False:", ""),
    ("mends", "hushd.transport.link", "connection.borrowed = supervisor.runtime != self.paths.runtime", "pass", ""),
    ("mends", "hushd_supervisor.system.sockets.lock", "            pointer.withdraw(paths)", "            pass", ""),
    ("mends", "hushd_supervisor.system.sockets.lock", "                if not paths.follows:\n                    return None", "                pass", ""),
    # a client that gave up cost the process
    ("mends", "hushd_supervisor.core.worker.request", "hurried = math.inf if self.hurried_at is None else self.hurried_at + CANCEL_S", "hurried = self.touched + CANCEL_S", "crash short"),
    # faults that simulations have found
    ("mends", "hushd.transport.autostart", "STARTS = 2", "STARTS = 1", "newborn"),
    ("mends", "hushd_supervisor.system.sockets.client_socket", "if not self.limit.has(descriptor):", "if False:", ""),
    ("mends", "hushd_supervisor.run", "    except OSError:\n        return  # a disk", "    except OSError:\n        raise  # a disk", "spot"),
    ("mends", "hushd_supervisor.system.sockets.lock", "    except OSError:\n        pass  # a full disk", "    except OSError:\n        raise  # a full disk", "spot"),
    ("mends", "hushd.transport.attempts", "elif error.code in GONE and self._lost < self._most_lost:", "elif False:", ""),
    ("mends", "hushd_supervisor.system.sockets.worker_socket", "return worker.bye or worker.others > self.limit.connections or not self.socket.poll(0)", "return True", "kill crash points heavy"),
    # what the excuses of the rules must not hide
    ("excuses", "hushd_supervisor.core.connections", "MISSED_PONGS = 3", "MISSED_PONGS = 1", "stop"),
    ("excuses", "hushd.transport.overflow", 'tempfile.TemporaryFile(buffering=0, prefix="hushd-")', 'open(tempfile.mkstemp(prefix="hushd-")[0], "wb+", buffering=0)', ""),
    ("excuses", "hushd.transport.connection", "        os.close(self._wake_read)\n", "        pass\n", "disk"),
    ("excuses", "hushd.transport.attempts", "if isinstance(error, ForgottenError) and self._failure:", "if False:", "term"),
    ("excuses", "hushd.transport.attempts", '_BLAMELESS = (*GONE, "worker_stopped")', "_BLAMELESS = GONE", "crash"),
    ("excuses", "hushd.transport.connection", 'return HushdError("supervisor_lost", "The supervisor went', 'return HushdError("cancelled", "The supervisor went', "kill signal"),
    ("excuses", "hushd.transport.autostart", "range(round(READY_S / LOOK_S))", "range(2)", "term"),
    ("excuses", "hushd_supervisor.core.worker.lifecycle", "        self.leaves(now)\n        self.send(m.Drain())", "        self.kill(now, expected=True)", "wire"),
    ("excuses", "hushd_supervisor.core.worker.exits", "HushdError(code, ENDINGS[code])", 'HushdError("worker_crashed", ENDINGS[code])', "freeze starve"),
    ("excuses", "hushd.aio.threads", "while not future.done():", "if True:", "signal"),
    ("excuses", "hushd.transport.floor", "        except BaseException:  # Ctrl-C: nobody would do it any more\n            self._give_back()\n            raise", "        except BaseException:\n            raise", "signal term"),
    ("excuses", "hushd.exchange.client_base", "            if over:  # the task", "            if False:  # the task", "term"),
    ("excuses", "hushd_supervisor.core.pool", "return [ToClient(route, m.Result(id=control.id)), *self._shutdown(now)]", "return self._shutdown(now)", "wire"),
    # what programs that come by the door would meet
    ("door", "hushd_supervisor.system.serving.connections", "connection.data = connection.data[asked.used :]", "connection.data = b''", ""),
    ("door", "hushd_supervisor.system.serving.connections", "[: reply.head if asked.head_only else None]", "[:]", ""),
    ("door", "hushd_supervisor.system.serving.connections", "connection.out = connection.out[sent:]", "connection.out = connection.out[sent and len(connection.out):]", "short"),
    ("door", "hushd_supervisor.system.serving.connections", "connection.peer, connection.data)", "connection.peer, b'')", ""),
    ("door", "hushd_supervisor.system.serving.connections", "connection.due += seconds", "pass", "freeze"),
    ("door", "hushd_supervisor.system.serving.connections", "            connection.asked = None\n            self._decide(connection, now)", "            connection.asked = None", ""),
    ("door", "hushd_supervisor.system.serving.gateway", "            yield from self._take_back()", "            pass", ""),
    ("door", "hushd_supervisor.system.serving.gateway", "            yield self._queue.popleft()[1]", "            self._queue.popleft()[1][0].close()", ""),
    ("door", "hushd_supervisor.system.serving.gateway", "        if self._is_waiting() or self._queue:\n            self._start(now)", "        pass", ""),
    ("door", "hushd_supervisor.system.serving.gateway", "            self._queue.popleft()\n            connection.close()", "            self._queue.popleft()", ""),
    ("door", "hushd_supervisor.system.serving.door", "            self._refuse(connection, form, 1, now)\n            return", "            connection.close()\n            return", ""),
    ("door", "hushd_supervisor.system.serving.door", "self._lingering.add(connection, refusal(503, retry_after), now)", "connection.close()", "kill"),
    ("door", "hushd_supervisor.system.serving.door", "self._accept_again = now + PAUSE_S", "self._accept_again = math.inf", "disk"),
    ("door", "hushd_gateway.handover", "self._changed.set()\n        if received is None", "if received is None", ""),
    ("door", "hushd_gateway.handover", "            self._leave()\n", "            pass\n", ""),
    ("door", "hushd_gateway.uvicorn_internals.http_server", "if self.prefix:", "if False:", ""),
    ("door", "hushd_gateway.uvicorn_internals.http_server", "self._wait_for_request(KEEP_ALIVE_S + HEAD_S)", "self._wait_for_request(0.5)", ""),
    ("door", "hushd_gateway.patience", "if self._steps == STEPS:", "if True:", "freeze"),
    ("door", "hushd_gateway.streams", "reader.feed_data(handover.prefix)", "pass", ""),
    ("door", "hushd_gateway.storage", "if error.errno in (errno.EMFILE, errno.ENFILE):", "if False:", ""),
    ("door", "hushd_gateway.http.body", "            async with patience.timeout(SILENT_S):", "            async with patience.timeout(1e6):", ""),
    ("door", "hushd.transport.link", "if last is None or not last.leads_to_leaving(connection):", "if True:", ""),
)  # fmt: skip

# Faults that no program can see: module, function, the beginning of the right text and of the wrong one, the reason.
UNSEEN: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "hushd_supervisor.system.serving.door", "Door.configure", "self._gateway.secrets", "",
        "the simulated door has no token",
    ),
    (
        "hushd_supervisor.system.serving.connections", "Connections.add", "self._read(", "",
        "the selector reports it a turn later",
    ),
    (f"{_SYSTEM}.sockets.client_socket", "ClientSocket.__init__", "self._secure", "pass", "does nothing on one machine"),
    (
        f"{_SYSTEM}.sockets.client_socket", "ClientSocket.refuse", "isinstance(event, FromClient) and",
        "isinstance(event, FromClient)", "of a request that has ended a client passes over a second answer",
    ),
    (f"{_SYSTEM}.sockets.worker_socket", "WorkerSocket._is_read", "0", "1", "waits for a millisecond more"),
    (
        f"{_SYSTEM}.sockets.worker_socket", "WorkerSocket.spawn", "child.process.exit_fd is not None and",
        "child.process.exit_fd in", "Linux has a descriptor for each end",
    ),
    (f"{_SYSTEM}.libzmq.routers", "make_router", "1", "2", "libzmq takes each number but 0 for yes"),
    (
        f"{_SYSTEM}.libzmq.numbers", "is_number", "len(route) == _BYTES and", "route[0] == 0 and",
        "such a name needs the first number, which is a secret of 32 bits",
    ),
    (f"{_SYSTEM}.libzmq.traffic", "_inode", "0", "1", "neither is the number of a socket"),
    (f"{_TRANSPORT}.connection", "Connection._run", "socket.setsockopt(zmq.SNDHWM", "pass", "libzmq's own limit is the same"),
    (f"{_TRANSPORT}.retry", "RetryingCall._send", "self._source is not None and", "request.input == 'stream'", "such an input has a source"),
    (
        f"{_TRANSPORT}.retry", "RetryingCall._send", "self._source is not None and", "self._source is not None",
        "a worker that reads a file grants no credit, so that nothing is sent",
    ),
    (f"{_TRANSPORT}.retry", "RetryingCall._recover", "self._attempts.missing and", "self._attempts.missing", "only with a way to pull it a model is missing"),
    (f"{_TRANSPORT}.call", "Call.receive", "self._ungranted >= _GRANT or buggify", "self._ungranted", "a point, which nobody else has"),
    *(
        (f"{_TRANSPORT}.spool", f"Spool.{name}", "self._file.close()", "pass", "the file closes with its object")
        for name in ("end", "discard", "_next")
    ),
    (
        f"{_SYSTEM}.loop", "Loop._look_for_room", "self._untold and", "not self._cramped",
        "where nothing is left untold, nothing is told",
    ),
    (
        f"{_SYSTEM}.sockets.worker_socket", "WorkerSocket._fork_of", "template and", "self._templates",
        "no template is of generation 0, so that the worker is started without one",
    ),
    (
        f"{_SYSTEM}.sockets.worker_socket", "WorkerSocket._remove", "worker.child.close()", "pass",
        "only a supervisor that ends has workers left then, and its end closes all",
    ),
    (
        f"{_SYSTEM}.serving.gateway", "Gateway._start", "now < self._not_before", "now <= self._not_before",
        "one instant of the clock",
    ),
)  # fmt: skip

# Faults that a test of the suite finds, by their keys. Each test was seen to fail with the fault planted in it and the
# processes that it starts, and to pass without.
TESTED: tuple[tuple[str, str], ...] = (
    ("hushd.transport.attempts | Attempts.__init__ | False | True | 1", "tests/client/transport/test_attempts.py::test_a_worker_that_was_stopped_is_met_once"),
    ("hushd.transport.attempts | Attempts.is_new | self._known and isinstance(message, Partial) and self.request.session | self._known and isinstance(message, Partial) | 0", "tests/client/transport/test_attempts.py::test_of_a_recording_with_speakers_only_segments_are_left_out_of_a_repeated_answer"),
    ("hushd.transport.attempts | Attempts.again | self._handed_out and self._returned is not None and (error.code in (*_BLAMELESS, *live)) | self._handed_out and error.code in (*_BLAMELESS, *live) | 0", "tests/client/transport/test_attempts.py::test_of_a_transcript_that_was_begun_the_rest_is_asked_for_until_nothing_new_comes"),
    ("hushd.transport.attempts | Attempts.is_new | isinstance(message, Partial) and message.data == self._known.popleft().data | isinstance(message, Partial) | 0", "tests/client/transport/test_attempts.py::test_of_live_speech_all_that_is_kept_is_sent_again[supervisor_lost]"),
    ("hushd.transport.attempts | _is_repeated_whole | request.session or bool(request.params.get('diarize')) | bool(request.params.get('diarize')) | 0", "tests/client/transport/test_attempts.py::test_of_live_speech_all_that_is_kept_is_sent_again[supervisor_lost]"),
    ("hushd.transport.attempts | Attempts.is_new | self._returned = None | pass | 0", "tests/client/transport/test_attempts.py::test_of_live_speech_that_is_too_long_to_keep_nothing_is_repeated"),
    ("hushd.transport.attempts | Attempts.again | if error.code == 'path_unreachable' and request.input != 'stream': | if not (error.code == 'path_unreachable' and request.input != 'stream'): | 0", "tests/client/transport/test_attempts.py::test_who_meets_one_supervisor_after_another_that_leaves_asks_the_next[supervisor_lost]"),
    ('hushd.transport.autostart | _last_line | line if len(line) <= LONGEST else f"{line[:LONGEST].rpartition(\' \')[0]} …" | line if not len(line) <= LONGEST else f"{line[:LONGEST].rpartition(\' \')[0]} …" | 0', "tests/client/transport/test_autostart.py::test_a_long_reason_is_cut_between_two_words"),
    ("hushd.transport.autostart | ensure | line or ready is None | line | 0", "tests/client/transport/test_autostart.py::test_only_a_start_that_ended_without_a_word_is_tried_again[None--1]"),
    ("hushd.transport.autostart | _last_line | file.seek(max(start, os.path.getsize(log) - 4096)) | pass | 0", "tests/client/transport/test_autostart.py::test_what_an_earlier_start_has_said_does_not_explain_this_one"),
    ("hushd.transport.call | Call.cancel | self._post(Cancel(id=self.id)) | pass | 0", "tests/client/transport/test_connection.py::test_a_cancelled_call_is_over_for_its_reader"),
    ("hushd.transport.connection | Connection.__init__ | True | False | 0", "tests/client/transport/test_connection.py::test_a_program_ends_without_closing_its_connection"),
    ("hushd.transport.connection | Connection._run | except HushdError as error: | except HushdError as error: | 0", "tests/client/transport/test_connection.py::test_another_protocol_is_named_with_both_versions"),
    ("hushd.transport.connection | Connection.close | self._thread.is_alive() and threading.current_thread() is not self._thread | threading.current_thread() is not self._thread | 0", "tests/client/transport/test_connection.py::test_ctrl_c_while_its_thread_begins_is_ctrl_c"),
    ("hushd.transport.call | Call.send | 0 | 1 | 0", "tests/client/transport/test_connection.py::test_uploads_wait_for_credit"),
    ("hushd.transport.floor | Floor.attached | isinstance(self._way, Link) and self._way.attached | isinstance(self._way, Link) | 0", "tests/client/transport/test_floor.py::test_a_paused_player_closes_the_device_and_goes_on"),
    ('hushd.transport.requests | check_priority | raise HushdError(\'bad_request\', f"There is no priority {priority!r}: choose one of {\', \'.join(PRIORITIES)}.") | pass | 0', "tests/client/transport/test_floor.py::test_a_priority_that_does_not_exist"),
    ("hushd.transport.floor | Floor._ask | raise | pass | 0", "tests/client/transport/test_floor.py::test_a_supervisor_that_cannot_be_used_grants_nothing"),
    ("hushd.transport.floor | Floor.give_back | False | True | 1", "tests/client/transport/test_floor.py::test_a_turn_that_crosses_its_return_is_nobodys"),
    ("hushd.transport.floor | Floor._enter | if not self._depth: | if not not self._depth: | 1", "tests/client/transport/test_floor.py::test_a_turn_that_is_stopped_before_it_came"),
    ("hushd.transport.floor | Floor._wait | raise error | pass | 0", "tests/client/transport/test_floor.py::test_a_turn_that_is_stopped_before_it_came"),
    ("hushd.transport.floor | Floor.while_held | self.keep() | pass | 0", "tests/client/transport/test_floor.py::test_no_turn_is_taken_after_it_was_given_back"),
    ("hushd.transport.floor | Floor._ask.carry | if not self._open or self._stopped or held != self._passing: | if not (not self._open or self._stopped or held != self._passing): | 0", "tests/client/transport/test_floor.py::test_the_floor_is_asked_for_and_given_back"),
    ("hushd.transport.floor | Floor._enter | if not self._depth: | if not not self._depth: | 0", "tests/client/transport/test_floor.py::test_the_floor_is_asked_for_and_given_back"),
    ("hushd.transport.floor | Floor.give_back | False | True | 0", "tests/client/transport/test_floor.py::test_the_floor_is_asked_for_and_given_back"),
    ("hushd.transport.floor | Floor._become | self._passing = name | pass | 0", "tests/client/transport/test_floor.py::test_what_is_held_stays_ours_over_a_restart"),
    ("hushd.transport.floor | Floor._regain | self._post(keep=True) | pass | 0", "tests/client/transport/test_floor.py::test_what_is_taken_away_is_told_at_once"),
    ("hushd.transport.floor | Floor.give_back | self._notify() | pass | 0", "tests/client/transport/test_floor.py::test_who_waits_for_a_turn_that_is_given_back_is_told_so"),
    ("hushd.transport.requests | warm | None if keep_alive is None else parse(keep_alive) | None if not keep_alive is None else parse(keep_alive) | 0", "tests/client/transport/test_keep_alive.py::test_a_worker_is_warmed_for_as_long_as_was_asked[None-None]"),
    ("hushd.transport.link | Link._search | open or self._open | self._open | 0", "tests/client/transport/test_link.py::test_a_search_opens_connections_as_it_was_told"),
    ("hushd.transport.link | Link._search | except HushdError as error: | except HushdError as error: | 1", "tests/client/transport/test_link.py::test_a_service_manager_has_the_time_of_a_start[]"),
    ("hushd.transport.link | Link._search | error.code not in GONE or now - first >= BUSY_S | error.code not in GONE | 0", "tests/client/transport/test_link.py::test_a_supervisor_that_works_for_ever_is_given_up_after_a_minute"),
    ("hushd.transport.link | _machine | Path(address.removeprefix(ENDPOINT)) if address else find_machine(here, models=True) | Path(address.removeprefix(ENDPOINT)) if not address else find_machine(here, models=True) | 0", "tests/client/transport/test_link.py::test_an_attached_machine_is_reached_at_the_path_that_names_it"),
    ("hushd.transport.link | Link._open | error.code != 'version_mismatch' or self._replaced or borrowed or (not may_start) | error.code != 'version_mismatch' or borrowed or (not may_start) | 0", "tests/client/transport/test_link.py::test_an_older_supervisor_is_ended_once"),
    ("hushd.transport.link | Link.listens | self._machine is not None or autostart.find(self.paths) is not None | autostart.find(self.paths) is not None | 0", "tests/client/transport/test_link.py::test_of_another_machine_a_link_says_that_somebody_listens"),
    ("hushd.transport.link | Link._open | self._start and os.environ.get('HUSHD_AUTOSTART') != '0' | os.environ.get('HUSHD_AUTOSTART') != '0' | 0", "tests/client/transport/test_link.py::test_who_starts_no_supervisor_ends_none[False-1]"),
    ("hushd.transport.link | Link._after | connection.close() | pass | 0", "tests/client/transport/test_link.py::test_who_was_refused_waits_for_the_end_of_that_supervisor[found0-waits0]"),
    ("hushd.transport.liveness | Liveness.works | error.errno in (errno.EMFILE, errno.ENFILE) and self.exists() | self.exists() | 0", "tests/client/transport/test_liveness.py::test_a_process_that_may_not_be_looked_at_does_not_work"),
    ("hushd.transport.retry | RetryingCall._send | call.cancel() | pass | 0", "tests/client/transport/test_retry.py::test_a_call_may_be_closed_at_any_time[before]"),
    ("hushd.transport.retry | RetryingCall.receive | except BaseException: | except BaseException: | 0", "tests/client/transport/test_retry.py::test_every_first_move[Ctrl-C]"),
    ("hushd.transport.retry | with_connection | now >= give_up | now > give_up | 0", "tests/client/transport/test_retry.py::test_supervisors_in_a_row_may_go_away_for_a_while[7]"),
    ("hushd.transport.spool | Spool.put | self._changed.notify() | pass | 0", "tests/client/transport/test_spool.py::test_a_waiting_reader_wakes_up"),
    ("hushd.transport.spool | Spool.__init__ | 0 | 1 | 0", "tests/client/transport/test_spool.py::test_the_file_has_no_name_and_shrinks"),
    ("hushd.transport.autostart | _last_line | line.strip() and (not line[0].isspace()) and (text_of(line) == line) | line.strip() and (not line[0].isspace()) | 0", "tests/end_to_end/test_autostart.py::test_records_of_another_supervisor_do_not_explain_a_start"),
    ("hushd_gateway.handover |  |             self._leave()\n |             pass\n | 0", "tests/gateway/test_handover.py::test_the_end_of_the_channel_is_the_end"),
    ("hushd_gateway.handover |  | self._changed.set()\n        if received is None | if received is None | 0", "tests/gateway/test_handover.py::test_the_end_of_the_channel_is_the_end"),
    ("hushd_gateway.patience |  | if self._steps == STEPS: | if True: | 0", "tests/gateway/test_http_server.py::test_half_of_a_request_outlives_a_standstill[9]"),
    ("hushd_gateway.storage |  | if error.errno in (errno.EMFILE, errno.ENFILE): | if False: | 0", "tests/gateway/test_storage.py::test_a_long_recording_says_what_it_lacks[24-server_busy-again]"),
    ("hushd_protocol.system.lifeline | arm | os.killpg(0, signal.SIGKILL) | pass | 0", "tests/protocol/system/test_lifeline.py::test_a_supervisor_that_died_before_arming"),
    ("hushd_protocol.system.pointer | _is_private | stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and (not info.st_mode & 63) | stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() | 0", "tests/protocol/system/test_pointer.py::test_an_unsafe_pointer_is_ignored[open]"),
    ("hushd_protocol.system.pointer | publish | fresh.symlink_to(paths.runtime) | pass | 0", "tests/protocol/system/test_pointer.py::test_it_leads_other_environments_to_the_supervisor"),
    ("hushd_supervisor.system.libzmq.connection_limit | ConnectionLimit.__init__ | 0 | 1 | 0", "tests/supervisor/system/libzmq/test_connection_limit.py::test_what_is_not_counted_yet_holds_nobody_up"),
    ("hushd_supervisor.system.libzmq.traffic | Traffic.__init__ | False | True | 0", "tests/supervisor/system/libzmq/test_traffic.py::test_before_all_messages_were_read_once_nothing_is_known"),
    ("hushd_supervisor.system.memory.measure | plausible_cards | type(size) is int and 0 < size < 1 << 50 and PLACE.fullmatch(id) | 0 < size < 1 << 50 and PLACE.fullmatch(id) | 0", "tests/supervisor/system/memory/test_measure.py::test_a_worker_is_believed_of_cards_only_what_can_be"),
    ("hushd_supervisor.system.memory.measure | plausible_cards | type(size) is int and 0 < size < 1 << 50 and PLACE.fullmatch(id) | type(size) is int and 0 < size < 1 << 50 | 0", "tests/supervisor/system/memory/test_measure.py::test_a_worker_is_believed_of_cards_only_what_can_be"),
    ("hushd_supervisor.system.memory.measure | MachineMemory.__call__ | except OSError: | except OSError: | 0", "tests/supervisor/system/memory/test_measure.py::test_memory_is_what_it_was_while_no_file_can_be_opened"),
    ("hushd_supervisor.system.memory.measure | believed | if sys.platform != 'linux': | if not sys.platform != 'linux': | 0", "tests/supervisor/system/memory/test_measure.py::test_no_more_is_believed_than_is_resident"),
    ("hushd_supervisor.system.memory.psi | choose | stalls.work or own is None | own is None | 0", "tests/supervisor/system/memory/test_psi.py::test_a_group_with_a_limit_means_its_own_stalls"),
    ("hushd_supervisor.system.memory.psi | Pipe.events | True | False | 0", "tests/supervisor/system/memory/test_psi.py::test_the_pipe_says_what_is_written_to_it"),
    ("hushd_supervisor.system.memory.psi | Pipe.events | if word == level.word.encode(): | if not word == level.word.encode(): | 0", "tests/supervisor/system/memory/test_psi.py::test_the_pipe_says_what_is_written_to_it"),
    ("hushd_supervisor.system.memory.psi | Stalls.__init__ | self.watch(True) | pass | 0", "tests/supervisor/system/memory/test_psi.py::test_without_stall_information_there_are_no_triggers[/dev/null/missing]"),
    ("hushd_supervisor.system.serving.gateway |  |         if self._is_waiting() or self._queue:\n            self._start(now) |         pass | 0", "tests/supervisor/system/serving/test_door.py::test_a_connection_that_a_dead_gateway_left_behind_is_served_by_the_next"),
    ("hushd_supervisor.system.serving.door | Door._see_to_gateway | 1 | 2 | 0", "tests/supervisor/system/serving/test_door.py::test_a_gateway_that_dies_at_its_start_is_an_answer_of_503"),
    ("hushd_supervisor.system.serving.connections |  |             connection.asked = None\n            self._decide(connection, now) |             connection.asked = None | 0", "tests/supervisor/system/serving/test_door.py::test_a_poll_waits_until_the_engines_are_listed"),
    ("hushd_supervisor.system.serving.gateway | Gateway.give | self.flush() | pass | 0", "tests/supervisor/system/serving/test_door.py::test_everything_else_reaches_a_gateway_as_it_came"),
    ("hushd_supervisor.system.libzmq.connection_limit | ConnectionLimit.__init__ | 0 | 1 | 1", "tests/supervisor/system/sockets/test_client_socket.py::test_a_route_that_only_looks_like_libzmqs_is_refused[2]"),
    ("hushd_supervisor.system.sockets.lock | acquire | os.ftruncate(descriptor, 0) | pass | 0", "tests/supervisor/system/sockets/test_lock.py::test_a_free_lock_is_taken_and_names_its_holder"),
    ("hushd_supervisor.system.sockets.lock | take_bequest | except (OSError, ValueError): | except (OSError, ValueError): | 0", "tests/supervisor/system/sockets/test_lock.py::test_a_holder_of_long_ago_has_nothing"),
    ("hushd_supervisor.system.sockets.lock | ListeningSocket.__init__ | path.unlink(missing_ok=True) | pass | 0", "tests/supervisor/system/sockets/test_lock.py::test_a_listener_replaces_what_is_stale_and_is_private"),
    ("hushd_supervisor.system.sockets.lock | acquire | not activated and answers(paths.client_socket) | answers(paths.client_socket) | 0", "tests/supervisor/system/sockets/test_lock.py::test_a_lock_that_is_free_while_somebody_listens_is_left_to_the_manager"),
    ("hushd_supervisor.system.sockets.lock | ListeningSocket.__init__ | raise HushdError('output_failed', f'The socket {path} cannot be made ({error.strerror}): set HUSHD_RUNTIME_DIR.') from error | pass | 0", "tests/supervisor/system/sockets/test_lock.py::test_a_path_that_cannot_be_bound_is_an_error"),
    ("hushd_supervisor.system.sockets.worker_socket | WorkerSocket._out_of_memory | worker.status != -signal.SIGKILL or worker.oom_kills is None | worker.status != -signal.SIGKILL | 0", "tests/supervisor/system/sockets/test_worker_socket.py::test_a_kill_for_want_of_memory_is_reported[-9-None-8-False]"),
    ("hushd_supervisor.system.sockets.worker_socket | WorkerSocket.spawn | child.process.exit_fd is not None and child.process.exit_fd in self._poller | child.process.exit_fd is not None | 0", "tests/supervisor/system/sockets/test_worker_socket.py::test_a_start_for_which_memory_runs_out_is_undone[register]"),
    ("hushd_supervisor.system.sockets.worker_socket | WorkerSocket.spawn | except MemoryError: | except MemoryError: | 0", "tests/supervisor/system/sockets/test_worker_socket.py::test_a_start_for_which_memory_runs_out_is_undone[register]"),
    ("hushd_supervisor.system.sockets.worker_socket | WorkerSocket.receive | self._refuse(route, error) | pass | 0", "tests/supervisor/system/sockets/test_worker_socket.py::test_strangers_are_dropped_and_logged_once"),
    ("hushd_supervisor.system.sockets.worker_socket | WorkerSocket._gauge | if worker and worker.status is None and (used := measure.used(worker.process.pid)): | if not (worker and worker.status is None and (used := measure.used(worker.process.pid))): | 0", "tests/supervisor/system/sockets/test_worker_socket.py::test_what_a_process_has_used_is_told_while_it_is_there"),
    ("hushd_supervisor.system.door_source | DoorSource.configure | self._settings = settings | pass | 0", "tests/supervisor/system/test_door_source.py::test_a_clients_address_is_one_more_until_the_client_has_gone"),
    ("hushd_supervisor.system.door_source | DoorSource.look | if isinstance(event, ClientGone): | if not isinstance(event, ClientGone): | 0", "tests/supervisor/system/test_door_source.py::test_a_clients_address_is_one_more_until_the_client_has_gone"),
    ("hushd_supervisor.system.door_source | DoorSource.leave | self._door.leave() | pass | 0", "tests/supervisor/system/test_door_source.py::test_a_door_that_leaves_starts_no_gateway"),
    ("hushd_supervisor.system.door_source | DoorSource._open | self._passed or settings.http.listen or settings.wyoming.listen | settings.http.listen or settings.wyoming.listen | 0", "tests/supervisor/system/test_door_source.py::test_a_service_managers_socket_opens_the_door"),
    ("hushd_supervisor.system.door_source | DoorSource.events | self._door and self._door.fd in ready | self._door | 0", "tests/supervisor/system/test_door_source.py::test_the_door_is_served_when_the_poller_has_reported_it"),
    ("hushd_supervisor.system.door_source | DoorSource.events | self._door.handle() | pass | 0", "tests/supervisor/system/test_door_source.py::test_the_door_is_served_when_the_poller_has_reported_it"),
    ("hushd_supervisor.system.door_source | DoorSource._open | if (warning := access.warning(listener.address, settings)): | if not (warning := access.warning(listener.address, settings)): | 0", "tests/supervisor/system/test_door_source.py::test_the_log_names_each_address_once_and_warns_of_those_that_strangers_reach"),
    ("hushd_supervisor.system.door_source | DoorSource._open | if listener.socket not in sockets_before: | if not listener.socket not in sockets_before: | 0", "tests/supervisor/system/test_door_source.py::test_the_log_names_each_address_once_and_warns_of_those_that_strangers_reach"),
    ("hushd_supervisor.system.door_source | DoorSource.on_time | self._door.deadline() <= now or not _EXITS_ARE_READABLE | not _EXITS_ARE_READABLE | 0", "tests/supervisor/system/test_door_source.py::test_who_says_nothing_is_dropped_at_its_deadline"),
    ("hushd_supervisor.system.living | Living._tell | on_cards and self._sleep is None and (sys.platform == 'linux') | self._sleep is None and sys.platform == 'linux' | 0", "tests/supervisor/system/test_living.py::test_sleep_is_watched_where_a_worker_is_on_a_card[False]"),
    ("hushd_supervisor.system.loop | Loop._perform | if isinstance(action, Kill | Dismiss): | if not isinstance(action, Kill | Dismiss): | 0", "tests/supervisor/system/test_loop.py::test_a_kill_for_which_there_is_no_memory_is_made_later"),
    ("hushd_supervisor.system.loop | Loop._handle | self._note(event) | pass | 0", "tests/supervisor/system/test_loop.py::test_the_next_process_starts_as_soon_as_one_has_said_hello"),
    ("hushd_supervisor.system.loop | Loop._look_for_room | self._reserve.hold() | pass | 0", "tests/supervisor/system/test_loop.py::test_the_reserve_is_taken_again_when_memory_is_there"),
    ("hushd_supervisor.system.process | Limits.launch | except OSError: | except OSError: | 0", "tests/supervisor/system/test_process.py::test_a_child_whose_limit_cannot_be_set_is_started"),
    ("hushd_supervisor.system.process | _Orphan.kill | os.kill(self.pid, signal.SIGKILL) | pass | 0", "tests/supervisor/system/test_process.py::test_a_fork_for_which_no_descriptor_is_left_is_ended"),
    ("hushd_supervisor.system.process | _Orphan.wait | 0 | 1 | 0", "tests/supervisor/system/test_process.py::test_a_fork_for_which_no_descriptor_is_left_is_ended"),
    ("hushd_supervisor.system.process | Limits.launch | if sys.platform == 'linux': | if not sys.platform == 'linux': | 0", "tests/supervisor/system/test_process.py::test_a_start_takes_no_open_files_from_this_process[linux]"),
    ("hushd_supervisor.system.process | template_command | ['--model', *model] if model else [] | ['--model', *model] if not model else [] | 0", "tests/supervisor/system/test_process.py::test_commands_name_the_workers_package_or_the_users_program"),
    ("hushd_supervisor.system.process | _pin | opened.callback(os.close, descriptor) | pass | 0", "tests/supervisor/system/test_process.py::test_race_10_a_kill_reaches_children_in_their_own_session[False]"),
    ("hushd_supervisor.system.process | _descendants | except psutil.Error: | except psutil.Error: | 0", "tests/supervisor/system/test_process.py::test_the_descendants_of_one_that_has_gone_are_none"),
    ("hushd_supervisor.system.process | Child.poll | if self._popen.returncode is not None: | if not self._popen.returncode is not None: | 0", "tests/supervisor/system/test_process.py::test_what_was_reaped_is_forgotten"),
    ("hushd_supervisor.system.signals | Signals.__init__ | number in (FOLDER, BUSY, signal.SIGCHLD) or signal.getsignal(number) is not signal.SIG_IGN | signal.getsignal(number) is not signal.SIG_IGN | 0", "tests/supervisor/system/test_signals.py::test_what_only_we_send_is_not_left_ignored"),
    ("hushd_supervisor.system.process | _Orphan.poll | if pid: | if not pid: | 0", "tests/supervisor/system/test_standby.py::test_a_forked_worker_is_like_one_that_was_started"),
    ("hushd_supervisor.system.living | Living._tell | on_cards and self._sleep is None and (sys.platform == 'linux') | on_cards and sys.platform == 'linux' | 0", "tests/supervisor/test_cards.py::test_cards_are_left_before_the_machine_sleeps"),
    ("hushd_supervisor.system.living | Living._tell | self._sleep = SleepWatch(self._poller, self._record) | pass | 0", "tests/supervisor/test_cards.py::test_cards_are_left_before_the_machine_sleeps"),
)  # fmt: skip
