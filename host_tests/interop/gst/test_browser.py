"""gstwebrtc-api in headless Chromium, and the firmware is the only signalling server.

It plays the stream of a webrtcsink, and its own is played by a webrtcsrc. Then one side ends.
"""

import pytest
from browser import Browser
from gst_matrix import EITHER, without_reset
from systems import interrupt, session_ended, wait_for_frames
from unix_port import ROOT

ENOUGH = 60  # frames
SCREENSHOT = ROOT / "build" / "interop" / "gst-chromium.png"
API = "gstwebrtc-api 3.0.0 in Chromium"
LEAVES = {"tcp": EITHER, "note": "sends a Close and drops TCP without waiting"}
TOKEN = "a-token-for-the-tests"
LEFT = {"code": "1001", "clean": "True", "initiator": "peer", "sent_code": "1001"}
CLOSED = 3  # SessionState.closed of gstwebrtc-api


class Page:
    """Plays the stream of a webrtcsink on `one`. Enough frames have been decoded and painted."""

    def __init__(self, gst, row):
        self.gst = gst
        self._row = row
        self.sink, self.producer = gst.webrtcsink("one", "camera")
        self.browser = Browser(gst, "two", "viewer")
        found = self.browser.wait_for("producerAdded")
        assert (found["id"], found["meta"]) == (self.producer, {"name": "camera"})
        self.browser.do("consume", self.producer)
        self.figures = self.browser.wait_for_frames(ENOUGH)

    def ended(self, what, tcp=None, note=""):
        """Returns (the firmware's outcome, how TCP ended)."""
        outcome, seen = self.gst.ended(self.browser.id, "two")
        assert "server RST" not in seen
        if tcp == EITHER:
            outcome = without_reset(outcome)
        self._row(API, "ws", what, outcome, tcp or seen, note)
        return outcome, seen


@pytest.fixture
def page(gst, figure, row):
    page = Page(gst, row)
    figure(
        "webrtcsink to Chromium {version}: {decoded} frames decoded, {painted} painted, "
        "{width}x{height}, {codec}".format(version=page.browser.version, **page.figures)
    )
    assert page.figures["codec"] == "video/VP8"
    yield page
    assert page.browser.events("error") == page.browser.events("pageerror") == []


def test_the_page_plays_and_is_left(page):
    SCREENSHOT.parent.mkdir(parents=True, exist_ok=True)
    page.browser.do("screenshot", SCREENSHOT)
    page.browser.wait_for("screenshot")
    page.browser.do("leave")
    # The browser doesn't wait for the reply: if that comes later, the reset is the browser's.
    outcome, _ = page.ended("the page is left", **LEAVES)
    assert outcome == LEFT
    assert session_ended(page.sink)
    assert page.gst.watcher.producers() == {page.producer: {"name": "camera"}}


def test_the_page_ends_its_session_and_stays(page):
    page.browser.do("close")
    page.browser.wait_for("closed")
    assert session_ended(page.sink)
    # It can open another one.
    page.browser.do("consume", page.producer)
    page.browser.wait_for_frames(ENOUGH)
    assert "closed" not in page.gst.firmware.output


def test_the_producer_stops(page):
    interrupt(page.sink)
    page.browser.wait_for("producerRemoved")
    page.browser.wait_for("closed")
    assert page.browser.events("state")[-1]["state"] == CLOSED
    # It answers an endSession with another, for a session that is no more: that ends in silence.
    page.browser.do("leave")
    outcome, _ = page.ended("the page is left", **LEAVES)
    assert outcome == LEFT


def test_the_server_stops_and_comes_back(page):
    page.gst.stop_firmware()
    outcome, tcp = page.ended("we stop (1001)", note="answers, and connects again")
    assert outcome == {**LEFT, "initiator": "local"}
    assert tcp == "server FIN, client FIN"
    page.browser.wait_for("disconnected")
    page.gst.start_firmware()
    page.browser.wait_for("connected", 2)
    # A webrtcsink doesn't reconnect, so the one that there is now is another.
    _, producer = page.gst.webrtcsink("one", "another")
    page.browser.wait_for("producerAdded", 2)
    page.browser.do("consume", producer)
    page.browser.wait_for_frames(ENOUGH)


def test_over_wss_with_a_token_in_the_query(start_gst, certificates, figure, row):
    gst = start_gst(tls=certificates, token=TOKEN)
    sink, producer = gst.webrtcsink("one", "camera")
    browser = Browser(gst, "two", "viewer")
    # The device that the firmware is itself is no stream to play.
    assert browser.wait_for("consumerAdded")["meta"] == {"name": "signalbox"}
    assert [event["id"] for event in browser.events("producerAdded")] == [producer]
    browser.do("consume", producer)
    frames = browser.wait_for_frames(ENOUGH)["decoded"]
    figure(f"webrtcsink to Chromium over wss with a token: {frames} frames decoded")
    browser.do("leave")
    outcome, tcp = gst.ended(browser.id, "two")
    outcome = without_reset(outcome)
    assert outcome == LEFT
    assert "server RST" not in tcp
    row(API, "wss", "the page is left", outcome, **LEAVES)
    interrupt(sink)


def test_the_stream_of_the_page_is_played_by_webrtcsrc(gst, tmp_path, figure):
    browser = Browser(gst, "one", "browser")
    browser.do("produce")
    status = gst.watcher.wait_for(lambda status: "producer" in status["roles"])
    assert (status["peerId"], status["meta"]) == (browser.id, {"name": "browser"})
    assert sorted(status["roles"]) == ["listener", "producer"]
    src, consumer = gst.webrtcsrc("two", browser.id, tmp_path / "frames")
    frames, differ = wait_for_frames(tmp_path / "frames", ENOUGH, src, browser.program)
    figure(f"Chromium {browser.version} to webrtcsrc: {frames} frames decoded, {differ} different")
    assert differ >= ENOUGH * 0.5  # the picture of a fake camera changes less often
    browser.do("close")
    assert session_ended(src)
    interrupt(src)
    assert gst.outcome(consumer)["clean"] == "True"
    assert browser.events("error") == browser.events("pageerror") == []
