"""The viper twins of masking and copying; CPython can't import them."""

from signalbox.ws import mask, mask_native, mask_portable
from test_mask import (
    check_ascii,
    check_key_in_the_same_buffer,
    check_move,
    check_move_sources,
    check_parts,
    check_xor,
)


def test_they_are_in_use():
    assert mask.xor is mask_native.xor
    assert mask.move is mask_native.move


def test_xor():
    check_xor(mask_native.xor)
    check_ascii(mask_native.xor)
    check_key_in_the_same_buffer(mask_native.xor)
    check_parts(mask_native.xor)


def test_move():
    check_move(mask_native.move)
    check_move_sources(mask_native.move)


def test_xor_against_its_twin():
    for n in (1000, 4096, 5001):
        for offset in range(5):
            for phase in range(4):
                data = bytes((i * i + n) & 0xFF for i in range(n))
                one = bytearray(bytes(offset) + data)
                other = bytearray(bytes(offset) + data)
                key = b"\x81\x02\x83\x04"
                seen = mask_native.xor(one, offset, n, key, phase)
                assert seen == mask_portable.xor(other, offset, n, key, phase)
                assert one == other


def test_move_of_a_str():
    # A str lends its UTF-8.
    text = "grün und 😀 " * 20
    octets = text.encode()
    for dst_offset in range(4):
        for src_offset in range(5):
            for n in range(0, 200, 7):
                dst = bytearray(210)
                mask_native.move(dst, dst_offset, text, src_offset, n)
                assert dst[dst_offset : dst_offset + n] == octets[src_offset : src_offset + n]


def test_move_allocates_nothing():
    import gc

    source = bytes(200)
    buf = bytearray(200)
    key = b"abcd"
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for offset in range(8):
        mask_native.move(buf, offset, source, 3, 100)
        mask_native.xor(buf, offset, 100, key, 0)
    after = gc.mem_alloc()
    gc.enable()
    assert after == before
