"""A model of SocketRocket, the WebSocket client for Apple's systems. See ../README.md for the form.

    socketrocket_peer.py RELEASE client URL [--ca FILE]

It is written in Objective-C and can't run here, so its close sequence is done over again, step by
step: the same state flags, the same order of writes and of closing the streams, the same serial
queue. What a method here does is what the method named in its comment does, in
SocketRocket/SRWebSocket.m of github.com/facebookincubator/SocketRocket at that release; it was
read there, and nothing of it is copied. RELEASE is 0.7.1, the newest, or 0.3.1, the last whose
close() says -1 (v0.3.1-beta2; 1000 since commit ccd0cf3).

Two threads work in the original: streams tell their events on a run loop, and a serial queue
handles them. Where their order is open, the model takes the end of the stream as soon as it could
be told, which is the order that shows what can go wrong.
"""

import base64
import collections
import contextlib
import os
import select
import socket
import ssl
import struct
import sys
from urllib.parse import urlsplit

import form

CONNECTING, OPEN, CLOSING, CLOSED = range(4)  # SRReadyState
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
NORMAL, GOING_AWAY, PROTOCOL_ERROR, NO_STATUS = 1000, 1001, 1002, 1005
PAGE = 4096  # SRDefaultBufferSize()
MINUS_ONE = 0xFFFF  # -1 as closeWithCode:reason: writes it: the low 16 bits

# What differs: the code of -close, and what didCloseWithCode: is told at the end of the stream.
RELEASES = {"0.7.1": (NORMAL, GOING_AWAY), "0.3.1": (MINUS_ONE, 0)}


class SRWebSocket:
    def __init__(self, sock, release, counts):
        self.sock = sock
        self.counts = counts
        self.default_code, self.end_code = RELEASES[release]
        self.end_at_once = release == "0.3.1"
        self.work_queue = collections.deque()
        self.ready_state = CONNECTING
        self.streams_open = True
        self.read_buffer = bytearray()
        self.output_buffer = bytearray()
        self.close_when_finished_writing = False
        self.sent_close = False  # its name is misleading: the streams were closed
        self.failed = False
        self.close_code = 0
        self.close_reason = None
        self.current_frame = bytearray()
        self.current_opcode = 0
        self.waiting_for_frame = False  # a consumer is there
        self.stream_ended = False

    # Closing

    def close(self):
        """-close"""
        self.close_with_code(self.default_code, "")

    def close_with_code(self, code, reason):
        """-closeWithCode:reason:: on the queue; once; a Close, but no word about the streams."""

        def work():
            if self.ready_state in (CLOSING, CLOSED):
                return
            was_connecting = self.ready_state == CONNECTING
            self.ready_state = CLOSING
            if was_connecting:
                self.close_connection()
                return
            self.send_frame(CLOSE, struct.pack("!H", code & 0xFFFF) + reason.encode())

        self.work_queue.append(work)

    def close_with_protocol_error(self, message):
        """-_closeWithProtocolError: a Close with 1002, then the streams, without an answer."""
        self.close_with_code(PROTOCOL_ERROR, message)
        self.work_queue.append(self.close_connection)

    def handle_close(self, payload):
        """-handleCloseWithData: where the connection ends, whoever closed first."""
        if len(payload) == 1:
            self.close_with_protocol_error("Payload for close must be larger than 2 bytes")
            return
        if payload:
            self.close_code = int.from_bytes(payload[:2], "big")
            if not close_code_is_valid(self.close_code):
                self.close_with_protocol_error(f"Cannot have close code of {self.close_code}")
                return
            try:
                self.close_reason = payload[2:].decode() or None
            except UnicodeDecodeError:
                self.close_with_protocol_error("Close reason MUST be valid UTF-8")
                return
        else:
            self.close_code = NO_STATUS
        if self.ready_state == OPEN:
            self.close_with_code(NORMAL, "")  # never the peer's code
        self.work_queue.append(self.close_connection)

    def close_connection(self):
        """-closeConnection (-_disconnect): when all is written, not before."""
        self.close_when_finished_writing = True
        self.pump_writing()

    def pump_writing(self):
        """-_pumpWriting"""
        if self.output_buffer and self.streams_open and self.has_space():
            try:
                del self.output_buffer[: self.sock.send(self.output_buffer)]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            except OSError as error:
                self.fail_with_error(error)
                return
        if (
            self.close_when_finished_writing
            and not self.output_buffer
            and self.streams_open
            and not self.sent_close
        ):
            self.sent_close = True
            self.close_streams()
            if not self.failed:
                self.counts.closed(self.close_code, self.close_reason, True)

    def close_streams(self):
        """What closing both streams comes to: close_notify if there is TLS, and the socket."""
        self.streams_open = False
        with contextlib.suppress(OSError, ValueError):
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.unwrap()
        self.sock.close()

    def fail_with_error(self, error):
        """-_failWithError:"""

        def work():
            if self.ready_state != CLOSED:
                self.failed = True
                self.counts.closed(None, None, None, error)
                self.ready_state = CLOSED
                self.close_connection()

        self.work_queue.append(work)

    # Sending

    def send_string(self, text):
        """-sendString:error:: taken if open; written from the queue, in the order of the calls."""
        if self.ready_state != OPEN:
            return False
        self.work_queue.append(lambda: self.send_frame(TEXT, text.encode()))
        return True

    def send_frame(self, opcode, payload):
        """-_sendFrameWithOpcode:data:"""
        n = len(payload)
        head = bytes([0x80 | opcode])
        if n < 126:
            head += bytes([0x80 | n])
        elif n < 1 << 16:
            head += struct.pack("!BH", 0xFE, n)
        else:
            head += struct.pack("!BQ", 0xFF, n)
        key = os.urandom(4)
        stream = int.from_bytes((key * (n // 4 + 1))[:n], "big")
        masked = (int.from_bytes(payload, "big") ^ stream).to_bytes(n, "big")
        self.write_data(head + key + masked)

    def write_data(self, octets):
        """-_writeData:: nothing is taken any more once the connection is to be closed."""
        if not self.close_when_finished_writing:
            self.output_buffer += octets
            self.pump_writing()

    # Receiving

    def did_connect(self, request):
        """-didConnect"""
        self.write_data(request)

    def pump_scanner(self):
        """-_pumpScanner: as many frames as there are, as long as somebody waits for one."""
        if self.ready_state == CLOSED:
            return
        if self.ready_state == CONNECTING:
            self.read_http_header()
            return
        while self.waiting_for_frame:
            frame = self.next_frame()
            if frame is None:
                return
            self.waiting_for_frame = False
            self.handle_frame(*frame)

    def read_http_header(self):
        """-_HTTPHeadersDidFinish:"""
        end = self.read_buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        status = self.read_buffer.split(b" ", 2)[1]
        del self.read_buffer[: end + 4]
        if status != b"101":
            self.fail_with_error(ConnectionError(f"status {status.decode()}"))
            return
        self.ready_state = OPEN
        self.read_frame_new()
        form.tell("open")

    def read_frame_new(self):
        """-_readFrameNew: on the queue, so that what came before it goes first."""

        def work():
            self.current_frame = bytearray()
            self.current_opcode = 0
            self.read_frame_continue()

        self.work_queue.append(work)

    def read_frame_continue(self):
        """-_readFrameContinue"""
        self.waiting_for_frame = True
        self.pump_scanner()

    def next_frame(self):
        """The consumers of -_readFrameContinue and -_handleFrameHeader:curData:, in one."""
        buffer = self.read_buffer
        if len(buffer) < 2:
            return None
        n, head = buffer[1] & 0x7F, 2
        if n > 125:
            form_of_length = "!H" if n == 126 else "!Q"
            head += struct.calcsize(form_of_length)
            if len(buffer) < head:
                return None
            (n,) = struct.unpack_from(form_of_length, buffer, 2)
        if len(buffer) < head + n:
            return None
        frame = bool(buffer[0] & 0x80), buffer[0] & 15, bytes(buffer[head : head + n])
        del buffer[: head + n]
        return frame

    def handle_frame(self, final, opcode, payload):
        """-_handleFrameWithData:opCode:"""
        if opcode >= CLOSE:
            self.work_queue.append(self.read_frame_continue)
            if opcode == CLOSE:
                self.handle_close(payload)
            elif opcode == PING:
                self.work_queue.append(lambda: self.send_frame(PONG, payload))
            return
        self.current_opcode = opcode or self.current_opcode
        self.current_frame += payload
        if not final:
            self.read_frame_continue()
            return
        text = self.current_frame.decode()
        self.read_frame_new()
        self.counts.message(text)

    # The streams' events, -safeHandleEvent:stream:

    def has_bytes_available(self):
        while self.streams_open:
            try:
                octets = self.sock.recv(PAGE)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except OSError as error:
                self.fail_with_error(error)
                break
            if not octets:
                self.stream_ended = True
                self.work_queue.append(self.end_encountered)
                break
            self.read_buffer += octets
        self.pump_scanner()

    def end_encountered(self):
        self.pump_scanner()

        def work():
            if self.ready_state != CLOSED:
                self.ready_state = CLOSED
            if not self.sent_close and not self.failed:
                self.sent_close = True
                self.close_streams()  # the cleanup that is scheduled here
                # Whatever the peer's Close said, if it was not handled yet.
                self.counts.closed(self.end_code, "Stream end encountered", False)

        if self.end_at_once:
            work()
        else:
            self.work_queue.append(work)

    def has_space(self):
        return bool(select.select([], [self.sock], [], 0)[1])

    def has_bytes(self):
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        return bool(select.select([self.sock], [], [], 0)[0])


def close_code_is_valid(code):
    """closeCodeIsValid()"""
    return (1000 <= code <= 1011 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


class Program:
    def __init__(self, release, given):
        self.release = release
        self.given = given
        self.counts = form.Counts()
        self.rocket = None
        self.line = b""

    def run(self):
        try:
            self.connect()
        except OSError as error:
            self.counts.closed(None, None, None, error)
        while True:
            rocket = self.rocket
            live = rocket and rocket.streams_open and not rocket.stream_ended
            wants_space = live and rocket.output_buffer
            select.select([0] + [rocket.sock] * bool(live), [rocket.sock] * bool(wants_space), [])
            if select.select([0], [], [], 0)[0] and not self.commands():
                return
            self.events()

    def connect(self):
        url = urlsplit(self.given.url)
        sock = socket.create_connection((url.hostname, url.port))
        if self.given.context:
            sock = self.given.context.wrap_socket(sock, server_hostname=url.hostname)
        sock.setblocking(False)
        self.rocket = SRWebSocket(sock, self.release, self.counts)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {url.path or '/'} HTTP/1.1",
            f"Host: {url.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "",
            "",
        )
        self.rocket.did_connect("\r\n".join(lines).encode())

    def events(self):
        """The run loop and the queue, in turn; the end of the stream is told between two steps."""
        rocket = self.rocket
        if rocket is None or not rocket.streams_open:
            return
        if rocket.has_bytes() and not rocket.stream_ended:
            rocket.work_queue.append(rocket.has_bytes_available)
        if rocket.output_buffer or rocket.close_when_finished_writing:
            rocket.work_queue.append(rocket.pump_writing)
        while rocket.work_queue:
            rocket.work_queue.popleft()()
            if (
                rocket.streams_open
                and not rocket.stream_ended
                and rocket.has_bytes_available not in rocket.work_queue
                and rocket.has_bytes()
            ):
                rocket.work_queue.append(rocket.has_bytes_available)

    def commands(self):
        """Those that are there; False to quit."""
        octets = os.read(0, 4096)
        self.line += octets
        *lines, self.line = self.line.split(b"\n")
        for line in lines:
            name, *words = line.decode().split(" ", 2)
            if name == "quit":
                return False
            getattr(self, "do_" + name)(*words)
            self.events()
        return bool(octets)

    def do_send(self, count, size):
        for _ in range(int(count)):
            if not self.rocket.send_string(form.number(self.counts.sent + 1, int(size))):
                break
            self.counts.sent += 1

    def do_fragment(self):
        form.tell("unsupported", command="fragment")

    def do_close(self, code=None, reason=""):
        if code is None:
            self.rocket.close()
        else:
            self.rocket.close_with_code(int(code), reason)

    def do_drop(self):
        # There is no such method: the application goes away, say.
        self.rocket.sock.shutdown(socket.SHUT_WR)


release = sys.argv.pop(1)
Program(release, form.arguments()).run()
