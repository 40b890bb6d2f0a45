"""A real webrtcsink streams to a real webrtcsrc; the firmware is the only signalling server.

Then one of the three ends: what the firmware makes of it, what the two say, and who ended TCP.
"""

import signal

import gst_build
import pytest
from gst_matrix import EITHER, without_reset
from systems import END, TIMEOUT_S, error_of, eventually, interrupt, session_ended, wait_for_frames

ENOUGH = 60  # frames
MORE = 30
TOKEN = "a-token-for-the-tests"
SINK = f"webrtcsink {gst_build.PLUGIN}"
SRC = f"webrtcsrc {gst_build.PLUGIN}"
STOPS = {"tcp": EITHER, "note": "sends an empty Close and drops TCP without waiting"}
STAYS = {
    "tcp": "server FIN, the rest when it is stopped itself",
    "note": "reads the Close, answers nothing, closes nothing, and goes on streaming",
}
# stop() of their WebSocket client sends an empty Close and drops TCP without waiting for the
# reply: if that comes later, it is answered with a reset, which is theirs.
CLEAN = {"code": "1005", "clean": "True", "initiator": "peer", "sent_code": "1005"}
# They read a server's Close, answer nothing and close nothing: close_timeout ends it.
DEAF = {
    "code": "1006",
    "clean": "False",
    "initiator": "local",
    "sent_code": "1001",
    "timed_out": "True",
}
DEAD = {"code": "1006", "clean": "False", "initiator": "transport"}
HUNG = {**DEAF, "sent_code": "1011"}


class Stream:
    """From `one` to `two`. Enough frames have been decoded when it is made."""

    def __init__(self, gst, frames_file, row):
        self.gst = gst
        self._file = frames_file
        self._row = row
        self.sink, self.producer = gst.webrtcsink("one", "camera")
        self.src, self.consumer = gst.webrtcsrc("two", self.producer, frames_file)
        self.frames = self.wait_for_frames(ENOUGH)

    def wait_for_frames(self, n):
        return wait_for_frames(self._file, n, self.src, self.sink)

    def sink_ended(self, what, **say):
        """The firmware's outcome of the connection with webrtcsink."""
        return self._ended(what, SINK, "one", self.producer, **say)

    def src_ended(self, what, **say):
        """The firmware's outcome of the connection with webrtcsrc."""
        return self._ended(what, SRC, "two", self.consumer, **say)

    def _ended(self, what, client, host, peer, tcp=None, note=""):
        outcome, seen = self.gst.ended(peer, host)
        assert "server RST" not in seen
        if tcp == EITHER:
            outcome = without_reset(outcome)
        self._row(client, "ws", what, outcome, tcp or seen, note)
        return outcome


@pytest.fixture
def stream(gst, tmp_path, figure, row):
    stream = Stream(gst, tmp_path / "frames", row)
    frames, differ = stream.frames
    figure(f"webrtcsink to webrtcsrc: {frames} frames decoded, {differ} different")
    # A still picture, or one that was repeated, would be no proof of a stream.
    assert differ >= ENOUGH * 0.9
    return stream


def test_the_consumer_stops(stream):
    interrupt(stream.src)
    assert stream.src_ended("it stops", **STOPS) == CLEAN
    assert session_ended(stream.sink)
    assert stream.sink.process.poll() is None
    assert error_of(stream.sink) is None
    assert stream.gst.watcher.producers() == {stream.producer: {"name": "camera"}}


def test_the_producer_ends_with_eos(stream):
    interrupt(stream.sink)
    assert stream.sink_ended("its stream ends (EOS)", **STOPS) == CLEAN
    assert session_ended(stream.src)
    assert stream.gst.watcher.producers() == {}
    # The consumer stays, for the producer to come back; it ends in order when it is told to.
    assert stream.src.process.poll() is None
    assert error_of(stream.src) is None
    interrupt(stream.src)
    assert stream.src_ended("it stops", **STOPS) == CLEAN


def test_the_server_stops_and_the_stream_goes_on(stream):
    stream.gst.stop_firmware()
    frames, _ = stream.wait_for_frames(0)
    stream.wait_for_frames(frames + MORE)
    for program in (stream.sink, stream.src):
        assert "CloseFrame { code: Away, " in program.output
        assert program.process.poll() is None
        assert error_of(program) is None
    # Then they are stopped, and only now do they end TCP.
    for program in (stream.src, stream.sink):
        interrupt(program)
    for ended in (stream.sink_ended, stream.src_ended):
        assert ended("we stop (1001)", **STAYS) == DEAF
    for host in ("one", "two"):
        assert stream.gst.ending(host)[0] == "server FIN"


def test_the_producer_is_killed(stream):
    stream.sink.process.kill()
    assert stream.sink_ended("it is killed", tcp=EITHER) == DEAD
    assert session_ended(stream.src)
    assert stream.gst.watcher.producers() == {}


def test_the_consumer_is_killed(stream):
    stream.src.process.kill()
    assert stream.src_ended("it is killed", tcp=EITHER) == DEAD
    assert session_ended(stream.sink)
    assert list(stream.gst.watcher.producers()) == [stream.producer]


def test_a_producer_that_hangs_is_no_ghost(stream, row):
    """The upstream servers keep it listed for as long as its TCP lives."""
    stream.sink.process.send_signal(signal.SIGSTOP)
    outcome = stream.gst.outcome(stream.producer)
    assert outcome == HUNG
    row(SINK, "ws", "it hangs (SIGSTOP)", outcome, "server FIN", "was told 1011, after 30 s")
    assert session_ended(stream.src)
    assert stream.gst.watcher.producers() == {}
    assert stream.gst.ending("one") == ["server FIN"]


def test_two_consumers_of_one_producer(gst, tmp_path, figure):
    sink, producer = gst.webrtcsink("one", "camera")
    files = [tmp_path / "first", tmp_path / "second"]
    first, second = (gst.webrtcsrc("two", producer, file)[0] for file in files)
    for file in files:
        frames, differ = wait_for_frames(file, ENOUGH, first, second, sink)
        figure(f"webrtcsink to one of two webrtcsrc: {frames} frames decoded, {differ} different")
        assert differ >= ENOUGH * 0.9
    interrupt(first)
    assert session_ended(sink)
    # The other one's session isn't touched.
    before, _ = wait_for_frames(files[1], 0)
    wait_for_frames(files[1], before + MORE, second, sink)
    interrupt(second)
    eventually(lambda: len(END.findall(sink.output)) == 2, sink)


def test_over_wss_with_a_token(start_gst, certificates, tmp_path, figure, row):
    gst = start_gst(tls=certificates, token=TOKEN)
    sink, producer = gst.webrtcsink("one", "camera")
    src, consumer = gst.webrtcsrc("two", producer, tmp_path / "frames")
    frames, differ = wait_for_frames(tmp_path / "frames", ENOUGH, src, sink)
    figure(f"over wss with a token: {frames} frames decoded, {differ} different")
    interrupt(src)
    interrupt(sink)
    for client, peer, host, what in (
        (SRC, consumer, "two", "it stops"),
        (SINK, producer, "one", "its stream ends (EOS)"),
    ):
        outcome, tcp = gst.ended(peer, host)
        outcome = without_reset(outcome)
        assert outcome == CLEAN
        assert "server RST" not in tcp
        row(client, "wss", what, outcome, **STOPS)


def test_a_wrong_token(start_gst, figure):
    gst = start_gst(token=TOKEN)
    sink = gst.start_webrtcsink("one", "intruder", token="not-" + TOKEN)
    assert sink.wait(TIMEOUT_S) == 1
    figure(f"webrtcsink with a wrong token: {error_of(sink)}")
    assert "401" in error_of(sink)
    assert gst.watcher.producers() == {}


def test_the_first_producer_is_a_stream_and_not_the_device(gst, tmp_path):
    """webrtcsrc takes the first that is listed; the firmware's own device must not be it."""
    sink, _ = gst.webrtcsink("one", "camera")
    src, _ = gst.webrtcsrc("two", None, tmp_path / "frames")
    wait_for_frames(tmp_path / "frames", ENOUGH, src, sink)
