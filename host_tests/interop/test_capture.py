"""What is read off a record of the wire."""

import pytest
from capture import Story, code_of, conversations, frames
from records import PORTS, Record, close, frame


def read(record):
    (conversation,) = conversations(record.segments)
    return conversation


def test_frames_of_both_sides_masked_or_not():
    record = Record().handshake()
    record.ours(frame(0x81, b"one", masked=True)).peer(frame(0x82, bytes(300)))
    conversation = read(record)
    (ours,) = frames(conversation.ours)
    (peer,) = frames(conversation.peer)
    assert (ours.opcode, ours.final, ours.payload, ours.missing) == (1, True, b"one", 0)
    assert (peer.opcode, len(peer.payload), peer.missing) == (2, 300, 0)


@pytest.mark.parametrize("start", [1000, 0xFFFFFFF0])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_segments_of_any_size_and_numbers_that_wrap(start, size):
    record = Record(start).handshake()
    octets = b"".join(frame(0x81, b"%d" % i) for i in range(20)) + close(4001)
    for at in range(0, len(octets), size):
        record.peer(octets[at : at + size])
    story = Story(read(record).peer)
    assert (story.messages, story.closes, story.cut, story.open) == (20, [4001], False, False)


def test_what_comes_again_late_or_out_of_order():
    record = Record().handshake()
    seq = 5_001_000 + 1 + len(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    one, two = frame(0x81, b"one"), frame(0x81, b"two")
    record.peer(two, seq=seq + len(one))
    assert Story(read(record).peer).messages == 0
    record.peer(one, seq=seq).peer(one + two, seq=seq)
    conversation = read(record)
    assert [f.payload for f in frames(conversation.peer)] == [b"one", b"two"]
    # Both were complete when the missing segment came.
    assert {f.index for f in frames(conversation.peer)} == {len(record.segments) - 2}


def test_data_behind_a_close_and_a_second_close():
    record = Record().handshake().peer(frame(0x81, b"1") + close(1000) + frame(0x81, b"2"))
    story = Story(read(record.peer(close(1001))).peer)
    assert (story.messages, story.closes, story.late) == (1, [1000, 1001], 1)
    assert story.close_index == 4


def test_a_frame_that_is_cut_and_a_message_that_stays_open():
    record = Record().handshake().peer(frame(0x81, b"whole") + frame(0x81, bytes(200))[:100])
    story = Story(read(record).peer)
    assert (story.messages, story.cut, story.open) == (1, True, False)
    record = Record().handshake().peer(frame(0x01, b"part") + close(1000))
    story = Story(read(record).peer)
    assert (story.messages, story.cut, story.open, story.closes) == (0, False, True, [1000])
    record = Record().handshake().peer(frame(0x01, b"part") + frame(0x80, b"rest"))
    story = Story(read(record).peer)
    assert (story.messages, story.open) == (1, False)


def test_fin_and_rst_are_the_first_ones():
    record = Record().handshake().ours(flags="AF").peer(flags="R").peer(flags="R")
    conversation = read(record)
    assert (conversation.ours.fin, conversation.ours.rst) == (4, None)
    assert (conversation.peer.fin, conversation.peer.rst) == (None, 5)
    assert conversation.ended


def test_tcp_has_ended_when_both_sides_have():
    record = Record().handshake().ours(flags="AF")
    assert not read(record).ended
    assert read(record.peer(flags="AF")).ended


def test_a_tls_alert_is_the_end_before_the_fin():
    record = Record().ours(flags="S").peer(flags="SA")
    handshake, data = b"\x16\x03\x03\x00\x03abc", b"\x17\x03\x03\x00\x15" + bytes(21)
    record.peer(handshake + data).peer(b"\x15\x03\x03\x00\x02\x01\x00").peer(flags="AF")
    peer = read(record).peer
    assert peer.alert() == peer.end(tls=True) == 3
    assert peer.end(tls=False) == 4
    assert read(record).ours.end(tls=True) is None


def test_connections_in_the_order_of_their_first_segments():
    first, second = Record().handshake(), Record().handshake()
    other = [segment._replace(ports=(40001, 20000)) for segment in second.segments]
    found = conversations(first.segments[:1] + other + first.segments[1:])
    assert [conversation.ports for conversation in found] == [PORTS, (40001, 20000)]
    assert [len(conversation.segments) for conversation in found] == [4, 4]


@pytest.mark.parametrize(("code", "says"), [(None, 1005), (1000, 1000), (65535, 65535)])
def test_code_of_a_close(code, says):
    record = Record().handshake().peer(close(code))
    assert [code_of(f) for f in frames(read(record).peer)] == [says]
