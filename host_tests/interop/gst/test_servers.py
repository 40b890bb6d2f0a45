"""Signalbox's own peer, as producer, consumer and listener, at the upstream servers and at ours.

Then one side ends: what becomes of accepted messages, what the outcome is, and who ended TCP.
"""

import signal

import gst_build
import gst_matrix
import pytest
from servers import OURS, Servers
from systems import eventually

SDP = 16384  # characters, as large as one may be
MANY = 50
# A reply to our Close comes from these only. The others' library flushes no reply: it finds that
# one has been queued already, and gives up ("Sending after closing is not allowed"): a bare FIN.
ECHOING = ("0.13.6", OURS)
ALL = [*gst_build.SERVERS, OURS]
OVER_TLS = [f"{version} wss" for version in ALL]

NOTHING = {
    "code": 1006,
    "reason": "",
    "clean": False,
    "initiator": "transport",
    "sent_code": None,
    "rcvd_code": None,
    "failed_with": None,
    "undelivered": 0,
    "discarded": 0,
    "timed_out": False,
    "truncated": False,
    "tcp_reset": False,
    "peer_no_echo": False,
}
ECHOED = {**NOTHING, "code": 1000, "clean": True, "initiator": "local"} | dict.fromkeys(
    ("sent_code", "rcvd_code"), 1000
)
NO_ECHO = {**NOTHING, "initiator": "local", "sent_code": 1000, "peer_no_echo": True}


@pytest.fixture
def servers(request, built, lan, micropython, certificates):
    version, _, scheme = request.param.partition(" ")
    servers = Servers(built, lan, micropython, version, certificates if scheme else None)
    yield servers
    servers.stop()


class Three:
    """A producer, a consumer and a listener; and a session of the first two, described."""

    def __init__(self, servers, row):
        self.servers = servers
        self._row = row
        self.listener = servers.peer("watcher", "listener", "listener")
        self.listener.wait_for("registered")
        self.producer = servers.peer("one", "producer", "camera")
        self.consumer = servers.peer("two", "-", "viewer")
        self.hosts = {self.listener: "watcher", self.producer: "one", self.consumer: "two"}
        self.session = self.start_session()

    def start_session(self, n=1):
        """The `n`th of these peers."""
        producer_id = self.producer.wait_for("registered", n)["id"]
        self.consumer.wait_for("registered", n)
        self.listener.wait_for("producers", producers={producer_id: {"name": "camera"}})
        self.consumer.do("start", producer_id)
        session = self.consumer.wait_for("started", n)["session"]
        self.producer.wait_for("started", session=session)
        self.producer.do("describe", session, "offer", SDP)
        self.consumer.wait_for("sdp", session=session, kind="offer", size=SDP, right=True)
        self.consumer.do("describe", session, "answer", SDP)
        self.producer.wait_for("sdp", session=session, kind="answer", size=SDP, right=True)
        return session

    def row(self, what, outcome, tcp, note=""):
        self._row(self.servers.name, self.servers.scheme, what, outcome, tcp, note)

    def check(self, what, peer, outcome, expected, note=""):
        """Of a peer whose only connection this was. Returns how TCP ended."""
        tcp = self.servers.tcp(self.hosts[peer])
        self.row(what, outcome, tcp, note)
        assert outcome == expected
        assert "client RST" not in tcp
        return tcp


@pytest.fixture
def three(servers, row):
    return Three(servers, row)


@pytest.mark.parametrize("servers", ALL + OVER_TLS, indirect=True)
def test_a_session_in_every_role_and_we_close(three):
    session = three.session
    for peer, other in ((three.producer, three.consumer), (three.consumer, three.producer)):
        peer.do("ice", session, 0, MANY)
        other.wait_for("ice", MANY)
        assert lines(other) == list(range(MANY))
    three.consumer.do("end", session)
    three.producer.wait_for("ended", session=session, error=None)
    expected, note = end_of(three.servers)
    for peer in (three.producer, three.consumer, three.listener):
        tcp = three.check("we close", peer, peer.stop(), expected, note)
        # A client waits for the server's FIN.
        assert tcp == "server FIN, client FIN"
        assert peer.events("error") == peer.retries() == []
    assert len(three.producer.events("ended")) == len(three.consumer.events("ended")) == 1
    assert three.listener.events("producers")[-1]["producers"] == {}


@pytest.mark.parametrize("servers", ALL + OVER_TLS, indirect=True)
def test_we_close_with_messages_queued(three):
    three.producer.do("icestop", three.session, MANY)
    expected, note = end_of(three.servers)
    outcome = three.producer.outcome()
    three.check(f"we close behind {MANY} messages", three.producer, outcome, expected, note)
    three.consumer.wait_for("ended", session=three.session)
    assert lines(three.consumer) == list(range(MANY))


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("servers", ALL + OVER_TLS, indirect=True)
def test_the_server_dies_and_comes_back(three, how):
    three.servers.kill_server(getattr(signal, how))
    for peer in (three.producer, three.consumer):
        peer.wait_for("ended", session=three.session)
    for peer in (three.producer, three.consumer, three.listener):
        why = peer.first_retry()
        tcp = three.servers.tcp(three.hosts[peer])
        three.row(f"it gets {how}", why, tcp)
        assert why == NOTHING
        assert "client RST" not in tcp
    three.servers.start_server()
    session = three.start_session(2)
    assert session != three.session
    for peer in (three.producer, three.consumer):
        assert len(peer.events("ended")) == 1


@pytest.mark.parametrize("servers", [OURS], indirect=True)
def test_our_server_stops_in_order_and_comes_back(three):
    three.servers.server.process.stdin.close()
    assert three.servers.server.wait(20) == 0
    for peer in (three.producer, three.consumer, three.listener):
        why = peer.first_retry()
        tcp = three.servers.tcp(three.hosts[peer])
        three.row("it stops (1001)", why, tcp)
        same = dict.fromkeys(("code", "sent_code", "rcvd_code"), 1001)
        assert why == {**NOTHING, **same, "clean": True, "initiator": "peer"}
        assert tcp == "server FIN, client FIN"
    three.servers.start_server()
    three.start_session(2)
    for peer in (three.producer, three.consumer):
        assert len(peer.events("ended")) == 1


@pytest.mark.parametrize("servers", ALL + OVER_TLS, indirect=True)
def test_we_close_and_the_server_dies_before_it_reads_that(three):
    three.servers.stop_server()
    before = three.servers.payload("one")
    three.producer.do("stop")
    eventually(lambda: three.servers.payload("one") > before, three.producer.program)
    three.servers.kill_server()
    outcome = three.producer.outcome()
    # What it had not read makes its kernel send a reset.
    expected = {**NO_ECHO, "tcp_reset": True}
    three.check(
        "we close, and it is killed before it reads that", three.producer, outcome, expected
    )


@pytest.mark.parametrize("servers", ALL, indirect=True)
def test_we_close_and_the_server_hangs(three):
    three.servers.stop_server()
    outcome = three.producer.stop()
    three.row("we close, and it hangs", outcome, three.servers.wait_for_ending("one", "client FIN"))
    assert outcome == {**NO_ECHO, "timed_out": True, "peer_no_echo": False}


@pytest.mark.parametrize("servers", [ALL[0], ALL[-2], OURS], indirect=True)
def test_the_server_hangs_during_the_opening_handshake(servers, row):
    servers.stop_server()
    peer = servers.peer("one", "producer", "camera")
    why = peer.first_retry()
    row(servers.name, servers.scheme, "it hangs during the opening handshake", why, "we end it")
    assert why == "no answer from the server in time"
    servers.server.process.send_signal(signal.SIGCONT)
    peer.wait_for("registered")
    assert peer.stop() == end_of(servers)[0]


def end_of(servers):
    """What comes of our Close, and a note about it."""
    return (ECHOED, "") if servers.version in ECHOING else (NO_ECHO, gst_matrix.NO_ECHO)


def lines(peer):
    """The candidates' numbers, in the order in which the peer was given them."""
    return [event["line"] for event in peer.events("ice")]
