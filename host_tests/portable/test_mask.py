"""Masking, copying and masking keys: the portable twins against a naive oracle."""

from signalbox.ws import mask, mask_portable
from signalbox.ws.masking_keys import MaskingKeys
from wire import raises

KEY = b"\x37\xfa\x21\x3d"
ASCII = bytes(range(32, 96))


def oracle_xor(data, key, phase):
    return bytes(octet ^ key[(phase + i) & 3] for i, octet in enumerate(data))


def check_xor(xor):
    """Every alignment, phase and length up to past the widest step, and nothing around it."""
    for offset in range(8):
        for n in list(range(40)) + [63, 64, 65, 127, 128, 129, 200]:
            data = bytes((i * 37 + n) & 0xFF for i in range(n))
            for phase in range(4):
                for key_offset in range(4):
                    buf = bytearray(b"\xa5" * offset + data + b"\x5a" * 9)
                    key = b"?" * key_offset + KEY + b"?"
                    seen = xor(buf, offset, n, key, key_offset << 2 | phase)
                    expected = oracle_xor(data, KEY, phase)
                    assert buf == b"\xa5" * offset + expected + b"\x5a" * 9
                    together = 0
                    for octet in expected:
                        together |= octet
                    assert seen == together, (offset, n, phase, seen, together)


def check_ascii(xor):
    """What it returns tells ASCII from the rest, wherever the one octet past ASCII is."""
    for n in (1, 3, 4, 15, 16, 17, 40):
        for offset in range(4):
            plain = ASCII[:n]
            buf = bytearray(b"\xff" * offset + oracle_xor(plain, KEY, 0) + b"\xff" * 4)
            assert xor(buf, offset, n, KEY, 0) < 0x80
            for i in range(n):
                wild = bytearray(plain)
                wild[i] |= 0x80
                buf = bytearray(b"\xff" * offset + oracle_xor(wild, KEY, 0) + b"\xff" * 4)
                assert xor(buf, offset, n, KEY, 0) >= 0x80


def check_key_in_the_same_buffer(xor):
    for offset in range(4):
        buf = bytearray(bytes(offset) + KEY + oracle_xor(ASCII, KEY, 0))
        xor(buf, offset + 4, len(ASCII), buf, offset << 2)
        assert buf == bytes(offset) + KEY + ASCII


def check_parts(xor):
    """A payload that comes in parts goes on where it stopped."""
    for cut in range(len(ASCII)):
        buf = bytearray(ASCII)
        xor(buf, 0, cut, KEY, 0)
        xor(buf, cut, len(ASCII) - cut, KEY, cut & 3)
        assert buf == oracle_xor(ASCII, KEY, 0)


def check_move(move):
    source = bytes((i * 73 + 5) & 0xFF for i in range(300))
    for dst_offset in range(8):
        for src_offset in range(8):
            for n in list(range(36)) + [63, 64, 65, 127, 128, 129, 250]:
                expected = source[src_offset : src_offset + n]
                for src in (source, bytearray(source[: src_offset + n])):
                    dst = bytearray(b"\xa5" * (dst_offset + n + 9))
                    move(dst, dst_offset, src, src_offset, n)
                    assert dst == b"\xa5" * dst_offset + expected + b"\xa5" * 9


def check_move_sources(move):
    """Anything with the buffer protocol; a view's own offset counts."""
    source = bytes(range(100))
    for src in (source, bytearray(source), memoryview(source)):
        dst = bytearray(100)
        move(dst, 0, src, 0, 100)
        assert dst == source
    for start in range(6):
        dst = bytearray(40)
        move(dst, 1, memoryview(source)[start:], 3, 30)
        assert dst[1:31] == source[start + 3 : start + 33]
        dst = bytearray(40)
        move(memoryview(dst)[start:], 1, source, 0, 30)
        assert dst == bytes(start + 1) + source[:30] + bytes(9 - start)


def test_xor_portable():
    check_xor(mask_portable.xor)
    check_ascii(mask_portable.xor)
    check_key_in_the_same_buffer(mask_portable.xor)
    check_parts(mask_portable.xor)


def test_move_portable():
    check_move(mask_portable.move)
    check_move_sources(mask_portable.move)


def test_twins_that_are_in_use():
    check_parts(mask.xor)
    check_move_sources(mask.move)


class Random:
    """Entropy that can be told apart, and that may run dry."""

    def __init__(self):
        self.fetched = []
        self.dry = False

    def __call__(self, n):
        if self.dry:
            raise MemoryError
        for _ in range(n // 4):
            self.fetched.append((len(self.fetched) * 0x01020304).to_bytes(4, "big"))
        return b"".join(self.fetched[-(n // 4) :])


def take(keys, *more):
    buf = bytearray(b"\xa5" * 8)
    keys.put(buf, 2, *more)
    assert buf[:2] == b"\xa5\xa5" and buf[6:] == b"\xa5\xa5"
    return bytes(buf[2:6])


def test_masking_keys_are_fresh():
    random = Random()
    keys = MaskingKeys(random)
    taken = [take(keys) for _ in range(100)]
    assert len(set(taken)) == 100
    for key in taken:
        random.fetched.remove(key)
    # Hardly any are thrown away, and they are fetched for many frames at a time.
    assert len(random.fetched) < 40


def test_masking_keys_come_from_the_operating_system():
    first = MaskingKeys()
    second = MaskingKeys()
    assert len({take(first) for _ in range(40)} | {take(second) for _ in range(40)}) > 75


def test_masking_keys_on_a_full_heap():
    random = Random()
    keys = MaskingKeys(random)
    random.dry = True
    taken = [take(keys) for _ in range(15)]
    # The last one is not for messages.
    assert raises(MemoryError, take, keys)
    assert raises(MemoryError, take, keys)
    taken.append(take(keys, True))
    assert raises(MemoryError, take, keys)
    assert raises(MemoryError, take, keys, True)
    assert len(set(taken)) == 16
    random.dry = False
    taken += [take(keys) for _ in range(15)]
    assert len(set(taken)) == 31
    assert len(random.fetched) == 32
