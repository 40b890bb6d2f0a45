"""The portable tests that don't run on the emulated Pico W, and why. They run on the unix port.

A module stands for all of its tests.
"""

MEMORY = "needs more memory than a board has: "
TIME = "takes too long on a board: "

UNFIT = {
    "test_close_both.test_B7_large_message_close_ping": MEMORY
    + "a message of 256 KiB in a heap of 200 KiB; test_server.py has row B7 with a streamed one",
    "test_endpoint_messages.test_reading_pauses_for_large_messages_sooner": MEMORY
    + "64 kB of messages at once, twice",
    "test_endpoint_messages.test_reading_pauses_while_the_application_does_not_read": TIME
    + "not done in the 30 s that runner.py allows",
    "test_endpoint_messages.test_send_large_text_in_one_frame": TIME
    + "not done in the 30 s that runner.py allows",
    "test_endpoint_tcp.test_K4_fail_while_the_peer_uploads": MEMORY
    + "uploads of 50 kB at once; test_server.py has row K4 over the air",
    "test_message.test_limit_at_the_header": MEMORY + "a message of 70 kB, twice",
    "test_output.test_large_messages_are_not_copied": MEMORY + "messages of 65 kB, three times",
    "test_output.test_source": MEMORY + "more than it had left for a message of 4 KiB",
    "test_output.test_text_and_octets_at_the_borders_of_length": MEMORY
    + "messages of 65 kB, three times",
    "test_output.test_failing_after_every_partial_write": TIME
    + "not done after 69 s of its time, which were 11 minutes of emulation",
    "test_utf8": MEMORY + "the oracle's set of all beginnings of characters",
    "test_utf8_native": MEMORY + "the same set",
}


def why_unfit(module, test):
    """The reason, or None."""
    return UNFIT.get(module) or UNFIT.get(f"{module}.{test}")
