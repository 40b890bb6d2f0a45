"""Clients that nobody here wrote register, list, open a session through the firmware and leave.

`gst-signalling` is an independent implementation of the protocol; `websockets` knows nothing of it.
"""

import asyncio
import json

from signalling_client import TIMEOUT_S, Client

EVENTS = (
    "Welcome",
    "PeerStatusChanged",
    "StartSession",
    "SessionStarted",
    "EndSession",
    "Peer",
    "List",
    "Error",
)
# As large as they get with a dozen codecs and candidates in them.
OFFER = {"type": "offer", "sdp": "v=0\r\n" + "a=rtpmap:96 H264/90000\r\n" * 680}
ANSWER = {"type": "answer", "sdp": "v=0\r\ns=grün 😀\r\n"}
ICE = {"candidate": "candidate:1 1 UDP 2122252543 192.0.2.1 40000 typ host", "sdpMLineIndex": 0}
CLEAN = "closed: code=1000 clean=True initiator=peer"


class GstPeer:
    """gst-signalling's client, with what it emits in a queue."""

    def __init__(self, module, port):
        self.signalling = module.GstSignalling("127.0.0.1", port)
        self._events = asyncio.Queue()
        for name in EVENTS:
            self.signalling.on(name, lambda *values, n=name: self._events.put_nowait((n, values)))

    async def __aenter__(self):
        await self.signalling.connect()
        (self.id,) = await self.event("Welcome")
        return self.signalling, self

    async def __aexit__(self, *exception):
        if not self.signalling.ws.closed:
            await self.signalling.close()

    async def event(self, name):
        emitted, values = await asyncio.wait_for(self._events.get(), TIMEOUT_S)
        assert emitted == name, values
        return values


async def test_gst_signalling_opens_a_session_and_ends_it(firmware, gst_signalling):
    async with (
        GstPeer(gst_signalling, firmware.port) as (listener, watch),
        GstPeer(gst_signalling, firmware.port) as (producer, camera),
        GstPeer(gst_signalling, firmware.port) as (consumer, viewer),
    ):
        await listener.set_peer_status(["listener"], "watcher")
        status = await watch.event("PeerStatusChanged")
        assert status == (watch.id, ["listener"], {"name": "watcher"})
        await producer.set_peer_status(["producer"], "camera")
        status = await watch.event("PeerStatusChanged")
        assert status == (camera.id, ["producer"], {"name": "camera"})

        await consumer.send_list()
        assert await viewer.event("List") == ({camera.id: {"name": "camera"}},)
        await consumer.start_session(camera.id)
        producer_id, session = await viewer.event("SessionStarted")
        assert producer_id == camera.id
        assert await camera.event("StartSession") == (viewer.id, session)

        await producer.send_peer_message(session, "sdp", OFFER)
        assert await viewer.event("Peer") == (session, {"sdp": OFFER})
        await consumer.send_peer_message(session, "sdp", ANSWER)
        assert await camera.event("Peer") == (session, {"sdp": ANSWER})
        for sender, receiver in ((producer, viewer), (consumer, camera)):
            await sender.send_peer_message(session, "ice", ICE)
            assert await receiver.event("Peer") == (session, {"ice": ICE})

        await consumer.end_session(session)
        assert await camera.event("EndSession") == (session,)
        await producer.close()
        assert await watch.event("PeerStatusChanged") == (camera.id, [], {"name": "camera"})
        await consumer.close()
        assert await watch.event("PeerStatusChanged") == (viewer.id, [], None)
        await listener.close()
    for signalling, peer in ((producer, camera), (consumer, viewer), (listener, watch)):
        assert signalling.ws.close_code == 1000
        assert firmware.wait_for_line(f"peer {peer.id} closed").startswith(CLEAN[6:])


async def test_gst_signalling_is_told_what_is_wrong(firmware, gst_signalling):
    async with GstPeer(gst_signalling, firmware.port) as (signalling, peer):
        await signalling.start_session("nobody")
        assert await peer.event("Error") == ("Peer with ID 'nobody' not found",)
    assert firmware.wait_for_line(f"peer {peer.id} closed").startswith(CLEAN[6:])


async def test_websockets_opens_a_session_and_ends_it(firmware):
    async with (
        Client(firmware.port) as listener,
        Client(firmware.port) as producer,
        Client(firmware.port) as consumer,
    ):
        await listener.take_roles("listener")
        meta = {"name": "camera", "zoom": [1.10, 12]}
        await producer.take_roles("producer", meta=meta)
        assert await listener.receive("peerStatusChanged") == {
            "type": "peerStatusChanged",
            "roles": ["producer"],
            "meta": meta,
            "peerId": producer.id,
        }
        assert await consumer.list() == [{"id": producer.id, "meta": meta}]
        await consumer.send("startSession", peerId=producer.id)
        started = await consumer.receive("sessionStarted")
        session = started["sessionId"]
        assert started["peerId"] == producer.id
        assert await producer.receive("startSession") == {
            "type": "startSession",
            "peerId": consumer.id,
            "sessionId": session,
            "offer": None,
        }

        for sender, receiver, content in (
            (producer, consumer, {"sdp": OFFER}),
            (consumer, producer, {"sdp": ANSWER}),
            (producer, consumer, {"ice": ICE}),
            (consumer, producer, {"ice": ICE}),
        ):
            text = json.dumps({**content, "type": "peer", "sessionId": session}, indent=1)
            await sender.ws.send(text)
            assert await receiver.receive_text() == text

        await producer.send("endSession", sessionId=session)
        assert (await consumer.receive("endSession"))["sessionId"] == session
        await producer.ws.close(4001, "shift ends")
        last = await listener.receive("peerStatusChanged")
        assert (last["peerId"], last["roles"], last["meta"]) == (producer.id, [], meta)
    assert (producer.ws.close_code, consumer.ws.close_code) == (4001, 1000)
    line = firmware.wait_for_line(f"peer {producer.id} closed")
    assert line == ": code=4001 clean=True initiator=peer sent_code=4001 reason='shift ends'"
    for peer in (consumer, listener):
        assert firmware.wait_for_line(f"peer {peer.id} closed").startswith(CLEAN[6:])
