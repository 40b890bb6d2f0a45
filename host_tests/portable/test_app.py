# app.py: what it joins, without a network: the device, and links that come and go.

from app_site import Media, ask, make, registered
from signalbox.device.control import Controller


def test_a_lost_link_stops_motion_and_takes_control_away():
    app = make()
    who = Controller()
    assert '"error":null' in ask(app, who, b"move", b'{"pan":50}')
    assert app.device.driver.told[-1] == ("move", 50) and app.device.control.owner is who
    app.link_changed(False)
    assert app.device.driver.told[-1] == ("stop",) and app.device.control.owner is None


def test_a_server_that_is_gone_stops_what_its_peers_have_moved():
    app = make()
    peer = registered(app)
    peer.receive(
        bytearray(
            b'{"type":"control","peerId":"other","id":1,"request":'
            b'{"type":"customUpstreamEvent","structureName":"move","structure":{"pan":9}}}'
        )
    )
    assert app.device.driver.told[-1] == ("move", 9)
    peer.disconnected()
    assert app.device.driver.told[-1] == ("stop",)


def test_how_it_is_announced():
    for announce, roles in (("consumer", '["consumer"]'), ("none", "[]")):
        said = "".join(registered(make(announce=announce)).take()).replace(" ", "")
        assert '"roles":' + roles in said and '"caps":["ptz"]' in said and '"name":"cam"' in said
    try:
        make(announce="producer")
    except ValueError as error:
        assert str(error).startswith('announce: must be "consumer" or "none"')
    else:
        raise AssertionError("a producer without media")


def test_without_media_sessions_are_refused():
    peer = registered(make())
    peer.take()
    peer.receive(bytearray(b'{"type":"startSession","peerId":"other","sessionId":"s"}'))
    assert "endSession" in "".join(peer.take()) and not peer.sessions


def test_stream_on_and_off_change_the_role():
    media = Media()
    app = make(media, announce="producer")
    peer = registered(app)
    assert '"roles":["producer"]' in "".join(peer.take()).replace(" ", "")
    peer.receive(bytearray(b'{"type":"startSession","peerId":"other","sessionId":"s"}'))
    who = Controller()
    app.device.connect(peer, lambda: None)
    assert '"error":null' in ask(app, who, b"stream", b'{"on":false}')
    said = "".join(peer.take()).replace(" ", "")
    assert '"roles":["consumer"]' in said and '"endSession"' in said
    assert media.told == [("started", "s"), ("ended", "s")]
    assert '"error":null' in ask(app, who, b"stream", b'{"on":true}')
    assert '"roles":["producer"]' in "".join(peer.take()).replace(" ", "")


def test_the_advert_says_where_the_board_takes_control_itself():
    wifi = [{"ssid": "house"}]
    app = make(listen={"open": True, "port": 8444}, wifi=wifi, name="Stage left")
    said = "".join(registered(app).take())
    assert '"ws://stage-left.local:8444/control"' in said


def test_health():
    health = make().health()
    assert health["name"] == "cam" and health["registered"] is None
    assert health["caps"] == ["ptz"] and health["device"] == {"moving": False}
    assert health["deadman_ms"] == 750
    assert health["uptime_s"] == 0 and health["outcomes"] == []
    app = make(mode="server", listen={"open": True})
    assert app.health()["sessions"] == [] and len(app.health()["peers"]) == 1
