"""A person's way through the on-board page, in Chromium, with the firmware on the unix port."""

import json
import re
import time

import pytest
from actors import PATIENCE_MS, TOKEN, Peer
from playwright.sync_api import expect

NAME = "Hall camera"


def ready(page):
    """Connected, and a picture to be seen."""
    expect(page.locator("#link")).to_have_attribute("data-state", "open")
    expect(page.locator("#no-picture")).to_be_hidden()
    return page


def frames(page):
    return int(page.locator("#picture").get_attribute("data-frames") or 0)


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def place(page):
    """(pan, tilt, zoom) as the page shows them."""
    text = page.locator("#place").inner_text().replace("\u2212", "-")
    return tuple(float(n) for n in re.findall(r"[+-]?\d+(?:\.\d+)?", text))


def wait_for_place(page, condition):
    wait_until(lambda: condition(*place(page)), f"the camera is at {place(page)}")


def wait_for_rest(operator):
    """Until the camera moves no more. Returns its state."""
    return operator.wait_until(lambda state: not state["moving"])


def middle(locator):
    """(x, y, half of the width), where a mouse finds it."""
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 2


def has_nothing_to_complain_about(page):
    assert page.faults == []


def test_the_picture_moves(firmware, open_page):
    page = ready(open_page(firmware.url))
    first = page.locator("#view").screenshot()
    before = frames(page)
    wait_until(lambda: frames(page) > before + 3, "no more pictures")
    assert page.locator("#view").screenshot() != first
    size = page.locator("#picture").evaluate("e => [e.naturalWidth, e.naturalHeight]")
    assert size == [640, 360]
    expect(page.locator("h1")).to_have_text(NAME)
    has_nothing_to_complain_about(page)


def test_mouse_pans_and_tilts_and_release_stops(firmware, open_page):
    page = ready(open_page(firmware.url))
    x, y, radius = middle(page.locator("#pad"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + radius * 0.9, y - radius * 0.3, steps=4)
    wait_for_place(page, lambda pan, tilt, zoom: pan > 3 and tilt > 0.2)
    expect(page.locator("#holder")).to_have_attribute("data-control", "you")
    page.mouse.up()
    with firmware.operator() as operator:
        state = wait_for_rest(operator)
        assert state["pan"] > 3 * state["tilt"] > 0
        # It stays where it is.
        assert operator.state()["pan"] == state["pan"]
    has_nothing_to_complain_about(page)


def test_further_out_is_faster(firmware, open_page):
    page = ready(open_page(firmware.url))
    x, y, radius = middle(page.locator("#pad"))
    sent = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
    page.reload()
    ready(page)
    x, y, radius = middle(page.locator("#pad"))
    page.mouse.move(x, y)
    page.mouse.down()
    speeds = []
    for reach in (0.3, 0.6, 0.95):
        sent.clear()
        page.mouse.move(x - radius * reach, y)

        def moves():
            page.wait_for_timeout(50)  # in which what was sent is told
            requests = (json.loads(frame)["request"] for frame in sent if '"move"' in frame)
            return [request["structure"]["pan"] for request in requests]

        wait_until(lambda: len(moves()) > 2, "no speeds were sent")
        speeds.append(moves()[-1])
    page.mouse.up()
    assert speeds[2] == -100 and speeds[2] < speeds[1] < speeds[0] < 0
    assert speeds[0] > -30


def test_a_pointer_that_stays_keeps_it_moving_past_the_dead_man(firmware, open_page):
    page = ready(open_page(firmware.url))
    x, y, radius = middle(page.locator("#pad"))
    page.mouse.move(x + radius * 0.6, y)
    page.mouse.down()
    # Many times the dead-man's 750 ms, with no move of the pointer.
    began = time.monotonic()
    wait_for_place(page, lambda pan, tilt, zoom: pan > 40)
    assert time.monotonic() - began > 0.75
    page.mouse.up()


def test_a_shorter_dead_man_has_speeds_in_time(start_firmware, open_page):
    deadman_ms = 200
    firmware = start_firmware(deadman_ms=deadman_ms)
    page = open_page(firmware.url)
    sent = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
    page.reload()
    ready(page)
    for label, verb in (("Zoom in", "move"), ("Far", "focus")):
        button = page.get_by_role("button", name=label)
        x, y, _ = middle(button)
        page.mouse.move(x, y)
        page.mouse.down()
        began = time.monotonic()
        page.wait_for_timeout(10 * deadman_ms)
        held_ms = (time.monotonic() - began) * 1000
        page.mouse.up()
        assert len([frame for frame in sent if f'"{verb}"' in frame]) > held_ms / deadman_ms


def test_touch(firmware, open_page):
    page = ready(open_page(firmware.url, 390, 844, has_touch=True, is_mobile=True))
    pad = page.locator("#pad")
    pad.scroll_into_view_if_needed()
    x, y, radius = middle(pad)
    device = page.context.new_cdp_session(page)

    def touch(kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x, y))
    touch("touchMove", (x, y - radius * 0.8))
    wait_for_place(page, lambda pan, tilt, zoom: tilt > 2)
    touch("touchEnd")
    with firmware.operator() as operator:
        assert wait_for_rest(operator)["tilt"] > 2
    # A finger that the system takes away, as for a call.
    touch("touchStart", (x, y + radius * 0.8))
    wait_for_place(page, lambda pan, tilt, zoom: tilt < 1)
    touch("touchCancel")
    with firmware.operator() as operator:
        wait_for_rest(operator)
    has_nothing_to_complain_about(page)


def test_keys(firmware, open_page):
    page = ready(open_page(firmware.url))
    page.locator("#pad").focus()
    page.keyboard.down("ArrowLeft")
    page.keyboard.down("ArrowUp")
    wait_for_place(page, lambda pan, tilt, zoom: pan < -3 and tilt > 2)
    page.keyboard.up("ArrowLeft")
    page.keyboard.up("ArrowUp")
    page.keyboard.down("+")
    wait_for_place(page, lambda pan, tilt, zoom: zoom > 5)
    page.keyboard.up("+")
    with firmware.operator() as operator:
        high = wait_for_rest(operator)["zoom"]
        page.keyboard.down("-")
        operator.wait_until(lambda state: state["zoom"] < high)
        page.keyboard.up("-")
        wait_for_rest(operator)
    has_nothing_to_complain_about(page)


def test_a_key_whose_end_has_another_name_or_is_not_told(firmware, open_page):
    page = ready(open_page(firmware.url))
    device = page.context.new_cdp_session(page)

    def key(kind, code, name):
        device.send("Input.dispatchKeyEvent", {"type": kind, "code": code, "key": name})

    with firmware.operator() as operator:
        # A German keyboard's + is * with Shift; the keypad's 4 is an arrow.
        for code, name, later in (
            ("BracketRight", "+", "*"),
            ("Numpad4", "ArrowLeft", "4"),
        ):
            key("keyDown", code, name)
            operator.wait_until(lambda state: state["moving"])
            key("keyDown", "ShiftLeft", "Shift")
            key("keyUp", code, later)
            key("keyUp", "ShiftLeft", "Shift")
            wait_for_rest(operator)
        # macOS tells nobody of a key that is let go of while Command is down: Chromium 108404.
        key("keyDown", "ArrowLeft", "ArrowLeft")
        operator.wait_until(lambda state: state["moving"])
        key("keyDown", "MetaLeft", "Meta")
        key("keyUp", "MetaLeft", "Meta")
        wait_for_rest(operator)
    has_nothing_to_complain_about(page)


def test_zoom_and_focus_as_long_as_a_button_is_held(firmware, open_page):
    page = ready(open_page(firmware.url))
    x, y, _ = middle(page.get_by_role("button", name="Zoom in"))
    page.mouse.move(x, y)
    page.mouse.down()
    wait_for_place(page, lambda pan, tilt, zoom: zoom > 5)
    page.mouse.up()
    with firmware.operator() as operator:
        zoom = wait_for_rest(operator)["zoom"]
        expect(page.get_by_role("meter", name="Zoom")).to_have_attribute(
            "aria-valuenow", str(round(zoom))
        )
        # As a screen reader presses: without a pointer, and without an end.
        page.get_by_role("button", name="Zoom out").evaluate("button => button.click()")
        operator.wait_until(lambda state: state["zoom"] < zoom)
        wait_for_rest(operator)
        page.get_by_role("button", name="Far").click()
        operator.wait_until(lambda state: state["focus"] == "manual")
        expect(page.get_by_role("button", name="Auto")).to_have_attribute("aria-pressed", "false")
        page.get_by_role("button", name="Auto").click()
        operator.wait_until(lambda state: state["focus"] == "auto")
    has_nothing_to_complain_about(page)


def test_near_and_far_held_at_once_and_let_go_of(firmware, open_page):
    page = open_page(firmware.url, has_touch=True)
    sent = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
    page.reload()
    ready(page)

    def focuses(ms):
        sent.clear()
        page.wait_for_timeout(ms)
        return [frame for frame in sent if '"focus"' in frame]

    places = [middle(page.get_by_role("button", name=name)) for name in ("Near", "Far")]
    points = [{"x": x, "y": y, "id": n} for n, (x, y, _) in enumerate(places)]
    device = page.context.new_cdp_session(page)

    def touch(kind, *points):
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", points[0])
    touch("touchStart", *points)
    assert focuses(600)
    touch("touchEnd", points[0])
    touch("touchEnd")
    page.wait_for_timeout(300)
    assert focuses(800) == []
    has_nothing_to_complain_about(page)


def test_motion_stops_when_the_window_loses_the_focus(firmware, open_page):
    page = ready(open_page(firmware.url))
    with firmware.operator() as operator:
        page.keyboard.down("ArrowRight")
        operator.wait_until(lambda state: state["moving"])
        page.evaluate("dispatchEvent(new Event('blur'))")
        wait_for_rest(operator)
        x, y, radius = middle(page.locator("#pad"))
        page.mouse.move(x + radius / 2, y)
        page.mouse.down()
        operator.wait_until(lambda state: state["moving"])
        page.mouse.move(x + radius / 3, y)  # the capture is there with the next event
        page.locator("#pad").evaluate("e => e.releasePointerCapture(e.pointer)")
        page.mouse.move(x + radius / 4, y)  # and gone
        wait_for_rest(operator)
        page.mouse.up()
        page.mouse.move(x + radius / 3, y)
        page.mouse.down()
        operator.wait_until(lambda state: state["moving"])
        # A button that was let go of where no page is told so, seen at the next move.
        move = """e => e.dispatchEvent(new PointerEvent("pointermove",
            { pointerId: e.pointer, buttons: 0 }))"""
        page.locator("#pad").evaluate(move)
        wait_for_rest(operator)


def test_motion_stops_when_the_page_is_closed(firmware, open_page):
    page = ready(open_page(firmware.url))
    with firmware.operator() as operator:
        page.keyboard.down("ArrowRight")
        operator.wait_until(lambda state: state["moving"])
        page.close()
        wait_for_rest(operator)
        operator.wait_until(lambda state: state["control"] == "none")


def test_presets(firmware, open_page):
    page = ready(open_page(firmware.url))
    with firmware.operator() as operator:
        assert operator.ask("position", pan=30, tilt=10, zoom=40)["error"] is None
        operator.wait_until(lambda state: state["pan"] == 30 and not state["moving"])
        assert operator.ask("release")["error"] is None
        # Held for a second: stored. The same key, pressed: recalled.
        x, y, _ = middle(page.get_by_role("button", name="Preset 3"))
        page.mouse.move(x, y)
        page.mouse.down()
        expect(page.locator("#live")).to_have_text("Stored preset 3")
        page.mouse.up()
        page.get_by_role("button", name="Store", exact=True).click()
        expect(page.locator("#store")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Preset 4").click()
        expect(page.locator("#live")).to_have_text("Stored preset 4")
        expect(page.locator("#store")).to_have_attribute("aria-pressed", "false")
        page.get_by_role("button", name="Preset 5").click(modifiers=["Shift"])
        expect(page.locator("#live")).to_have_text("Stored preset 5")
        page.get_by_role("button", name="Release").click()
        operator.wait_until(lambda state: state["control"] == "none")
        for n in (3, 4, 5):
            assert operator.ask("position", pan=-10, tilt=0, zoom=0)["error"] is None
            operator.wait_until(lambda state: state["pan"] == -10 and not state["moving"])
            assert operator.ask("release")["error"] is None
            page.get_by_role("button", name=f"Preset {n}").click()
            expect(page.locator("#live")).to_have_text(f"Going to preset {n}")
            operator.wait_until(lambda state: state["pan"] == 30 and state["zoom"] == 40)
            wait_for_rest(operator)
            page.get_by_role("button", name="Release").click()
            operator.wait_until(lambda state: state["control"] == "none")
    page.get_by_role("button", name="Preset 9").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("reset 9 is empty")
    has_nothing_to_complain_about(page)


def test_power_light_and_tally(firmware, open_page):
    page = ready(open_page(firmware.url))
    with firmware.operator() as operator:
        light = page.get_by_role("switch", name="Light")
        expect(light).to_have_attribute("aria-checked", "false")
        light.click()
        expect(light).to_have_attribute("aria-checked", "true")
        assert operator.state()["light"] is True
        page.get_by_role("button", name="On air").click()
        expect(page.locator("#view")).to_have_attribute("data-tally", "program")
        expect(page.locator("#tally-lamp")).to_have_text("ON AIR")
        assert operator.state()["tally"] == "program"
        # From elsewhere, as a vision mixer does it.
        assert operator.ask("tally", state="preview")["error"] is None
        expect(page.locator("#tally-lamp")).to_have_text("PREVIEW")
        assert operator.ask("tally", state="off")["error"] is None
        expect(page.locator("#tally-lamp")).to_be_hidden()
        power = page.get_by_role("switch", name="Power")
        power.click()
        expect(power).to_have_attribute("aria-checked", "false")
        assert operator.state()["power"] is False
        page.locator("#pad").focus()
        page.keyboard.press("ArrowRight", delay=300)
        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("power is off")
        power.click()
        expect(power).to_have_attribute("aria-checked", "true")
    has_nothing_to_complain_about(page)


def test_the_firmware_is_killed_and_comes_back_without_a_reload(firmware, open_page):
    page = ready(open_page(firmware.url))
    page.evaluate("window.sameDocument = true")
    page.keyboard.down("ArrowRight")
    wait_for_place(page, lambda pan, tilt, zoom: pan > 1)
    firmware.kill()
    expect(page.locator("#link")).to_have_attribute("data-state", "lost")
    expect(page.locator("#last-close")).to_contain_text("lost, 1006 no Close was received")
    expect(page.locator("#picture")).to_have_class("old")
    expect(page.locator("#holder-words")).to_have_text("Not connected to the camera")
    page.keyboard.up("ArrowRight")
    firmware.start()
    ready(page)
    before = frames(page)
    wait_until(lambda: frames(page) > before + 3, "no more pictures")
    # The simulated camera has forgotten where it was; nothing of the motion before goes on.
    with firmware.operator() as operator:
        assert operator.state()["pan"] == 0
    page.keyboard.down("ArrowLeft")
    wait_for_place(page, lambda pan, tilt, zoom: pan < -2)
    page.keyboard.up("ArrowLeft")
    assert page.evaluate("window.sameDocument") is True
    has_nothing_to_complain_about(page)


def test_the_firmware_is_stopped_and_says_so(firmware, open_page):
    page = ready(open_page(firmware.url))
    firmware.stop()
    words = page.locator("#last-close")
    expect(words).to_contain_text("closed cleanly by the server, 1001 going away")
    expect(page.locator("#devices")).to_contain_text("Not known while the connection is down")
    firmware.start()
    ready(page)
    expect(page.locator("#devices")).to_contain_text(NAME)
    has_nothing_to_complain_about(page)


def test_a_page_that_was_opened_while_the_board_is_away(firmware, open_page):
    page = ready(open_page(firmware.url))
    firmware.kill()
    # What the browser has of it is not used unasked; so this is what a phone shows that kept it.
    expect(page.locator("#link")).to_have_attribute("data-state", "lost")
    expect(page.locator("#no-picture")).to_have_text("Connecting to the picture again")


def test_the_token_is_asked_for(start_firmware, open_page):
    firmware = start_firmware(TOKEN)
    page = open_page(firmware.url)
    dialog = page.get_by_role("dialog", name="Token")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    page.get_by_label("Token", exact=True).last.fill("this-is-not-the-token")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#token-wrong")).to_be_visible()
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    ready(page)
    # It is kept for as long as the tab is there, and stands in no address.
    assert TOKEN not in page.url
    page.reload()
    ready(page)
    expect(dialog).to_be_hidden()
    has_nothing_to_complain_about(page)


def test_what_can_be_no_token_is_asked_for_again(start_firmware, open_page):
    firmware = start_firmware(TOKEN)
    page = open_page(firmware.url)
    # A dash, as a telephone writes two hyphens: no header can hold it. This ü is no UTF-8 in one.
    for wrong in ("this-is\u2014not-the-token", "für-eine-andere-Kamera"):
        page.locator("#token").fill(wrong)
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Token")).to_be_visible()
        expect(page.locator("#token-wrong")).to_be_visible()
        expect(page.locator("#token")).to_have_value("")
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    ready(page)
    has_nothing_to_complain_about(page)


REFUSES = """const get = () => { throw new DOMException("", "SecurityError"); };
    for (const name of ["sessionStorage", "localStorage"])
        Object.defineProperty(window, name, { get });"""


def test_a_browser_that_keeps_nothing(start_firmware, open_page):
    # As Chromium does where its settings block cookies.
    page = open_page(start_firmware(TOKEN).url, before=REFUSES)
    for token in ("this-is-not-the-token", TOKEN):
        page.locator("#token").fill(token)
        page.keyboard.press("Enter")
        expect(page.locator("#token")).to_have_value("")
    ready(page)
    has_nothing_to_complain_about(page)


@pytest.fixture
def changed(start_firmware, open_page):
    """(firmware, page): it came back with another token, and the page asks for that."""
    firmware = start_firmware(TOKEN)
    page = open_page(firmware.url)
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    ready(page)
    firmware.kill()
    firmware.token = "another-token-for-it"
    firmware.start()
    expect(page.get_by_role("dialog", name="Token")).to_be_visible()
    return firmware, page


def test_the_token_has_changed_when_the_firmware_comes_back(changed):
    firmware, page = changed
    page.locator("#token").fill(firmware.token)
    page.keyboard.press("Enter")
    ready(page)
    has_nothing_to_complain_about(page)


def test_a_token_that_is_given_while_the_board_refuses_the_one_before_is_kept(changed):
    firmware, page = changed
    held = []

    def hold_the_first(route):
        if held:
            route.continue_()
        held.append(route)

    page.route("**/health", hold_the_first)
    page.evaluate("window.dispatchEvent(new Event('online'))")  # it asks again
    for _ in range(200):
        if held:
            break
        page.wait_for_timeout(50)
    page.locator("#token").fill(firmware.token)
    page.keyboard.press("Enter")
    held[0].continue_()
    ready(page)


def test_another_operator_is_in_control(firmware, open_page):
    page = ready(open_page(firmware.url))
    with firmware.operator() as operator:
        assert operator.ask("position", pan=20, tilt=0)["error"] is None
        operator.wait_until(lambda state: not state["moving"])
        expect(page.locator("#holder-words")).to_have_text("Another operator is in control")
        page.keyboard.down("ArrowLeft")
        dialog = page.get_by_role("dialog", name="Another operator is in control")
        expect(dialog).to_be_visible()
        page.keyboard.up("ArrowLeft")
        dialog.get_by_role("button", name="Leave it to them").click()
        expect(dialog).to_be_hidden()
        assert operator.state()["control"] == "you"
        page.locator("#take").click()
        dialog.get_by_role("button", name="Take over").click()
        expect(page.locator("#holder-words")).to_have_text("You are in control")
        operator.wait_until(lambda state: state["control"] == "other")
        assert operator.lost == ["somebody else has taken over"]
        page.keyboard.down("ArrowLeft")
        wait_for_place(page, lambda pan, tilt, zoom: pan < 18)
        page.keyboard.up("ArrowLeft")
        wait_for_rest(operator)
        # And back.
        assert operator.ask("takeover")["error"] is None
        expect(page.locator("#notice")).to_contain_text("You have lost control")
        expect(page.locator("#holder-words")).to_have_text("Another operator is in control")
    has_nothing_to_complain_about(page)


def test_another_operator_is_moving_the_camera(firmware, open_page):
    page = ready(open_page(firmware.url))
    with firmware.operator() as operator:
        assert operator.ask("position", pan=170)["error"] is None
        operator.wait_until(lambda state: state["moving"])
        page.locator("#take").click()
        dialog = page.get_by_role("dialog", name="Another operator is in control")
        dialog.get_by_role("button", name="Take over").click()
        expect(page.locator("#takeover-words")).to_contain_text("moving the camera right now")
        dialog.get_by_role("button", name="Take over").click()
        expect(page.locator("#holder-words")).to_have_text("You are in control")
        assert wait_for_rest(operator)["pan"] < 170
    has_nothing_to_complain_about(page)


def test_devices_and_sessions_come_and_go(firmware, open_page):
    page = ready(open_page(firmware.url))
    devices = page.locator("#devices")
    expect(page.locator("#device-count")).to_have_text("1")
    markup = "<img src=x onerror=alert(1)>"
    url = "ws://192.0.2.7:8443/control"
    control = {"v": 1, "caps": ["ptz", "zoom"], "url": url}
    producer = Peer(firmware, "producer", meta={"name": "Stage " + markup, "control": control})
    expect(page.locator("#device-count")).to_have_text("2")
    expect(devices).to_contain_text("Stage " + markup)
    expect(devices).to_contain_text("ptz, zoom")
    link = devices.get_by_role("link", name="Open its page")
    expect(link).to_have_attribute("href", "http://192.0.2.7:8443/")
    consumer = Peer(firmware)
    expect(page.locator("#session-count")).to_have_text("0")
    consumer.say(type="startSession", peerId=producer.id)
    session = consumer.wait("sessionStarted")["sessionId"]
    expect(page.locator("#session-count")).to_have_text("1")
    expect(page.locator("#sessions")).to_contain_text(session[:8])
    expect(page.locator("#sessions")).to_contain_text("Stage")
    # What a peer says of itself can be anything.
    for meta in (None, 5, [], {"name": {}, "control": 1}, {"control": {"url": "javascript:x"}}):
        producer.say(type="setPeerStatus", roles=["producer"], meta=meta)
    expect(devices).to_contain_text("peer " + producer.id[:8])
    expect(link).to_have_count(0)
    producer.close()
    expect(page.locator("#device-count")).to_have_text("1")
    expect(page.locator("#session-count")).to_have_text("0")
    consumer.close()
    has_nothing_to_complain_about(page)


def test_nothing_is_sent_to_a_page_that_nobody_sees(firmware, open_page):
    page = ready(open_page(firmware.url))
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    expect(page.locator("#state-preview")).to_have_text("not in use")
    page.evaluate(hide, False)
    before = frames(page)
    wait_until(lambda: frames(page) > before + 1, "no more pictures")
    ready(page)
    has_nothing_to_complain_about(page)


def test_the_page_is_not_sent_again(firmware, open_page):
    page = ready(open_page(firmware.url))
    sizes = """() => {
        const entry = performance.getEntriesByType("navigation")[0];
        return [entry.transferSize, entry.encodedBodySize];
    }"""
    transferred, body = page.evaluate(sizes)
    assert transferred > body > 5000
    page.goto("about:blank")
    page.goto(firmware.url)
    transferred, body = page.evaluate(sizes)
    assert transferred < 1000 and body > 5000, "it was sent again"
    ready(page)


def test_names_and_order_for_those_who_do_not_see_it(firmware, open_page):
    page = ready(open_page(firmware.url))
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, [tabindex], meter, img, a")]
            .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.alt || e.labels?.length
                || e.hidden)).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    tree = page.locator("body").aria_snapshot()
    for wanted in (
        'heading "Devices 1" [level=2]',
        'application "Pan and tilt"',
        'group "Presets"',
        'switch "Power" [checked]',
        'img "Live picture of the camera"',
        "status: Connected",
    ):
        assert wanted in tree, tree
    # The focus can be seen on whatever has it.
    page.keyboard.press("Tab")
    for _ in range(12):
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")


def test_colours_are_the_system_s_or_chosen_and_can_be_read(firmware, open_page):
    for scheme in ("dark", "light"):
        page = ready(open_page(firmware.url, color_scheme=scheme))
        html = page.locator("html")
        for chosen in (None, "light", "dark"):
            if chosen:
                page.locator("#theme").click()
                expect(html).to_have_attribute("data-theme", chosen)
            ground = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
            assert (ground == "rgb(14, 19, 24)") == ((chosen or scheme) == "dark")
            for name in ("text", "soft", "accent", "good", "wait", "bad"):
                assert contrast(page, name, "card") >= 4.5, (scheme, chosen, name)
            assert contrast(page, "on-accent", "accent") >= 4.5
        page.reload()
        expect(html).to_have_attribute("data-theme", "dark")
        page.locator("#theme").click()
        expect(html).not_to_have_attribute("data-theme", "dark")


def contrast(page, one, other):
    """As WCAG 2.2 counts it, between two of the page's colours."""
    return page.evaluate(
        """names => {
            const [one, other] = names.map((name) => {
                const probe = document.body.appendChild(document.createElement("p"));
                probe.style.color = `var(--${name})`;
                const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map((n) => {
                    n /= 255;
                    return n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4;
                });
                probe.remove();
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            });
            return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        }""",
        [one, other],
    )


def test_it_fits_the_screen(firmware, open_page):
    for width, height in ((320, 568), (390, 844), (768, 1024), (1280, 900), (2560, 1200)):
        page = ready(open_page(firmware.url, width, height, has_touch=width < 800))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for button in page.locator("#controls button:visible").all():
            inside = button.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
            assert inside, (width, button.inner_text())
            assert button.bounding_box()["height"] >= 34
        page.context.close()
