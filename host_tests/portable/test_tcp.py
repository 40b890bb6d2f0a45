"""How TCP is taken down: rows K1 to K7 of close.md, as want_close_tcp() decides them.

K5, TLS, is the transport's.
"""

from signalbox.ws.connection import ABORT, CLOSE, DRAIN, FAILED, KEEP
from wire import KEY, ROLES, End, close_payload


def test_K1_server_closes_tcp_first():
    for local in (False, True):
        end = End()
        if local:
            end.connection.close(1000)
            end.write()
            assert end.connection.want_close_tcp() == KEEP
        end.receive(end.peer_close(1000))
        if not local:
            assert end.connection.want_close_tcp() == KEEP
        for _ in range(3 if local else 4):
            end.write(1)
        assert end.connection.want_close_tcp() == DRAIN


def test_K1_not_before_the_last_octet_is_written():
    for size in range(4):
        end = End()
        end.receive(end.peer_close(1000))
        if size:
            end.write(size)
        assert end.connection.want_close_tcp() == KEEP
    end.write(1)
    assert end.connection.want_close_tcp() == DRAIN


def test_K2_unread_input_is_drained():
    for client in ROLES:
        end = End(client)
        assert end.receive(end.peer_close(1000) + end.peer(0x82, bytes(500))) == [(CLOSE, 1000, "")]
        end.write()
        end.connection.tick(0)
        # Whatever comes while draining is read and says nothing.
        assert end.receive(end.peer(0x82, bytes(500)), b"\xff\xff", end.peer(0x89)) == []
        end.connection.tick(2000)
        assert end.connection.want_close_tcp() == DRAIN
        assert end.sent() == [(0x88, close_payload(1000))]
        assert end.receive(end.peer(0x81, b"more")) == []
        end.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)


def test_K3_tcp_is_not_closed_with_output_unwritten():
    for client in ROLES:
        end = End(client, buffer=140)
        end.connection.send_binary(bytes(200))
        end.connection.send_binary(b"no room: refused")
        end.connection.close(1000)
        end.receive(end.peer(0x89, b"hi"), end.peer_close(1000))
        while end.connection.ready():
            assert end.connection.want_close_tcp() == KEEP
            end.write(1)
        assert end.connection.output.empty
        assert end.connection.want_close_tcp() == (KEEP if client else DRAIN)
        end.connection.receive_eof()
        assert end.connection.want_close_tcp() == DRAIN
        assert end.sent() == [
            (0x82, bytes(200)),
            (0x8A, b"hi"),
            (0x88, close_payload(1000)),
        ]


def test_K3_nor_after_the_peers_fin():
    for client in ROLES:
        end = End(client)
        end.connection.send_text("m1")
        end.receive(end.peer_close(1000))
        end.connection.receive_eof()
        while end.connection.ready():
            assert end.connection.want_close_tcp() == KEEP
            end.write(1)
        assert end.connection.want_close_tcp() == DRAIN


def test_K4_fail_while_the_peer_uploads():
    upload = bytearray(4096)
    for client in ROLES:
        end = End(client, quiet=500)
        header = bytes([0x82, 127 if client else 0xFF]) + (1 << 24).to_bytes(8, "big")
        if not client:
            header += KEY
        end.connection.tick(0)
        assert end.receive(header + bytes(100)) == [(FAILED, 1009)]
        # The Close is on its way before anything else happens to TCP.
        for _ in range(10):
            end.connection.receive_data(upload, 0, len(upload))
            assert end.connection.next_event() == 0
        assert end.connection.want_close_tcp() == KEEP
        assert end.sent() == [(0x88, close_payload(1009))]
        now = 1
        drained = 10 * len(upload)
        assert end.connection.tick(now) == 500
        while drained + len(upload) < 1 << 20:
            assert end.connection.want_close_tcp() == KEEP
            end.connection.receive_data(upload, 0, len(upload))
            assert end.connection.next_event() == 0
            drained += len(upload)
            now += 1
            assert end.connection.tick(now) > 0
        assert end.connection.want_close_tcp() == KEEP
        end.connection.receive_data(upload, 0, len(upload))
        end.connection.tick(now)
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(initiator="local", sent_code=1009, failed_with=1009, truncated=True)


def test_K6_close_now_in_any_state():
    def opened(end):
        return {}

    def queued(end):
        end.connection.close(1000)
        return {}

    def begun(end):
        end.connection.close(1000)
        end.write(1)
        return {"initiator": "local"}

    def sent(end):
        end.connection.close(1000)
        end.write()
        return {"initiator": "local", "sent_code": 1000}

    def received(end):
        end.receive(end.peer_close(4001, b"why"))
        return {"initiator": "peer", "code": 4001, "rcvd_code": 4001, "reason": "why"}

    def done(end):
        more = received(end)
        end.write()
        more.update({"sent_code": 4001, "clean": True})
        return more

    def failed(end):
        end.receive(end.peer(0xF1))
        return {"failed_with": 1002}

    def ended(end):
        end.connection.receive_eof()
        return {}

    def broken(end):
        end.connection.write_failed(True)
        return {"tcp_reset": True}

    def busy(end):
        end.connection.send_text("m1")
        end.receive(end.peer(0x02, b"part"))
        return {"undelivered": 1}

    for client in ROLES:
        for reach in (
            opened,
            queued,
            begun,
            sent,
            received,
            done,
            failed,
            ended,
            broken,
            busy,
        ):
            end = End(client)
            expected = reach(end)
            end.connection.close_now()
            assert end.connection.want_close_tcp() == ABORT
            end.connection.close_now()
            assert end.connection.want_close_tcp() == ABORT
            outcome = end.outcome(**expected)
            end.connection.close_now()
            assert end.connection.tcp_closed() is outcome


def test_K7_client_waits_for_the_servers_fin():
    for local in (False, True):
        end = End(client=True)
        if local:
            end.connection.close(1000)
            end.write()
        end.receive(end.peer_close(1000))
        end.write()
        assert end.connection.want_close_tcp() == KEEP
        assert end.connection.tick(0) == 2000
        end.connection.tick(1999)
        assert end.connection.want_close_tcp() == KEEP
        end.connection.receive_eof()
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(
            code=1000,
            clean=True,
            initiator="local" if local else "peer",
            sent_code=1000,
            rcvd_code=1000,
        )


def test_K7_or_until_tcp_timeout():
    end = End(client=True)
    end.receive(end.peer_close(1000))
    end.write()
    end.connection.tick(500)
    end.connection.tick(2499)
    assert end.connection.want_close_tcp() == KEEP
    end.connection.tick(2500)
    assert end.connection.want_close_tcp() == DRAIN


def test_server_that_lingers_waits_for_the_clients_end():
    for ended in (False, True):
        end = End(quiet=200)
        end.connection.linger()
        end.receive(end.peer_close(1000))
        end.write()
        assert end.connection.tick(0) == 200
        end.connection.tick(199)
        assert end.connection.want_close_tcp() == KEEP
        if ended:
            end.connection.receive_eof()
        else:
            end.connection.tick(200)
        assert end.connection.want_close_tcp() == DRAIN
        end.outcome(code=1000, clean=True, initiator="peer", sent_code=1000, rcvd_code=1000)
