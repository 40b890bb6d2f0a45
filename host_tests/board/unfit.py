"""The portable tests that don't run on the emulated Pico W, and why; what runs the others there.

All of them run on the unix port.

A module stands for all of its tests.
"""

MEMORY = "needs more memory than a board has: "
TIME = "takes too long on a board: "
PAIRS = "65,536 texts"
SEQUENCES = "75,520 texts"

UNFIT = {
    "test_app.test_health": MEMORY + "the modules of both roles, each by itself, and the "
    "application's; test_application.py has /health, with the files that a board gets",
    "test_close_both.test_B7_large_message_close_ping": MEMORY
    + "a message of 256 KiB in a heap of 200 KiB; test_server.py has row B7 with a streamed one",
    "test_frame.test_rsv_bits_and_opcodes_and_mask_bit": TIME + "131,072 headers",
    "test_output.test_a_message_past_64_kib_for_which_there_is_no_memory_leaves_no_header": MEMORY
    + "64 KiB, three times at once",
    "test_output.test_messages_of_64_kib_are_not_copied": MEMORY + "64 KiB, three times at once",
    "test_output.test_text_at_the_border_of_64_kib": MEMORY + "64 KiB, three times at once",
    "test_preview_pattern": TIME + "pictures of 3600 blocks, read bit by bit",
    "test_udp": "sends to the board itself, whose lwIP has no loopback",
    "test_utf8.test_all_pairs": TIME + PAIRS,
    "test_utf8.test_long_sequences": TIME + SEQUENCES,
    "test_utf8_native.test_all_pairs": TIME + PAIRS,
    "test_utf8_native.test_long_sequences": TIME + SEQUENCES,
}


def why_unfit(module, test):
    """The reason, or None."""
    return UNFIT.get(module) or UNFIT.get(f"{module}.{test}")


def program(module, without):
    """What a board runs: the module, but for some tests."""
    return f"import gc, runner\ngc.threshold(32768)\nrunner.main([{module!r}], {without!r})\n"
