"""What counts as JSON, and what is read out of it. See the strings of RFC 8259's own grammar."""

import json

from signalbox.signalling import strict_json
from signalbox.signalling.strict_json import unescape
from wire import raises


def parse(text, names):
    return strict_json.parse(bytearray(text.encode()), names)


VALUES = (
    "null",
    "true",
    "false",
    '""',
    '"a"',
    '"grün €😀"',
    '"\\u00fc \\ud83d\\ude00 \\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"\\\\"',
    '"}"',
    '"\x7f\'"',
    "0",
    "-0",
    "7",
    "-10.25e-3",
    "1E+07",
    "1.0",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    '[1, [2, {}], {"a": [[]]}]',
    '{"a":{"b":[{"c":null},{"c":"]"}]},"d":{}}',
    '{"x":1,"x":2}',
    "[" * 32 + "]" * 32,
    "1" * 64,
)

NO_VALUES = (
    "",
    "nul",
    "nulll",
    "True",
    "NaN",
    "Infinity",
    "'a'",
    "a",
    '"',
    '"a',
    '"\\"',
    '"\n"',
    '"\x00"',
    '"\x1f"',
    '"\\x41"',
    '"\\u12"',
    '"\\u12g4"',
    '"\\u+123"',
    '"\\ud800"',
    '"\\ud800\\n"',
    '"\\ud800\\ud800"',
    '"\\udc00"',
    "01",
    "-",
    "+1",
    ".5",
    "1.",
    "1e",
    "1e+",
    "1e999",
    "1" * 65,
    "0x10",
    "1_0",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1",
    "]",
    "[}",
    "{]",
    "{1:2}",
    '{"a"}',
    '{"a":}',
    '{"a" 1}',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{"a":1,,"b":2}',
    "[1]]",
    "[" * 33 + "]" * 33,
    "[" * 5000,
)


def test_values_are_given_as_they_came():
    for value in VALUES:
        members = parse('{"skipped":' + value + ',"value":' + value + "}", ("value",))
        assert members.text("value") == value, value
        assert members.size("value") == len(value.encode()), value
        assert not members.has("skipped")


def test_values_that_are_no_json_are_refused_wherever_they_are():
    for value in NO_VALUES:
        for text in (
            '{"value":' + value + "}",
            '{"x":' + value + "}",
            '{"x":[{"a":' + value + "}]}",
        ):
            assert raises(ValueError, parse, text, ("value",)), text


def test_text_that_is_no_object_is_refused():
    for text in (
        "",
        " ",
        "1",
        '"a"',
        "[]",
        "null",
        "{",
        '{"a"',
        '{"a":1',
        '{"a":1}}',
        "{}x",
        "{},",
    ):
        assert raises(ValueError, parse, text, ("a",)), text


def test_white_space_may_be_anywhere_between_tokens():
    members = parse(' \t\r\n{ \n"a" :\t[ 1 , 2 ] , "b":\r{"c" : "d" } } \n', ("a", "b", "c"))
    assert json.loads(members.text("a")) == [1, 2]
    assert members.object("b", ("c",)).string("c") == "d"
    assert raises(ValueError, parse, '{"a":1}\x0b', ("a",))
    assert raises(ValueError, parse, '\ufeff{"a":1}', ("a",))


def test_a_name_counts_however_it_is_written():
    assert parse('{"\\u0061b":"c"}', ("ab",)).string("ab") == "c"
    assert not parse('{"a":{"b":1}}', ("b",)).has("b")


def test_a_name_that_counts_must_not_come_twice():
    assert raises(ValueError, parse, '{"a":1,"b":2,"\\u0061":1}', ("a",))
    assert parse('{"a":1,"b":2,"b":3}', ("a",)).text("a") == "1"


def test_strings_are_decoded():
    members = parse('{"a":"\\u0041\\n\\u00fc😀","b":null,"c":1}', ("a", "b", "c", "d"))
    assert members.string("a") == "A\nü😀"
    assert members.optional("a") == "A\nü😀"
    assert members.optional("b") is None
    assert members.optional("d") is None
    for name in ("b", "c", "d"):
        assert raises(ValueError, members.string, name)
    assert raises(ValueError, members.optional, "c")


def test_members_of_a_member():
    members = parse('{"b":1,"a":{"x":2,"b":"inner"}}', ("a", "b"))
    assert members.text("b") == "1"
    inner = members.object("a", ("b",))
    assert inner.string("b") == "inner"
    assert not inner.has("x")
    assert raises(ValueError, members.object, "b", ())
    assert raises(ValueError, members.object, "x", ())


def test_where_a_value_is():
    members = parse('{"a" : "grün" , "b":null}', ("a", "b", "c"))
    start, end = members.span("a")
    assert members.octets[start:end] == '"grün"'.encode()
    assert members.is_null("b") and members.is_null("c") and not members.is_null("a")


def test_items_of_an_array():
    for text, expected in (
        ("[]", []),
        ("[ ]", []),
        ("[1]", ["1"]),
        ('[ {"a":[1,2]} , [ ],"],[" ]', ["{", "[", '"']),
    ):
        members = parse('{"a":' + text + "}", ("a",))
        assert [chr(members.octets[at]) for at in members.items("a")] == expected, text
    members = parse('{"a":{}}', ("a", "b"))
    assert raises(ValueError, list, members.items("a"))
    assert raises(ValueError, list, members.items("b"))


def test_a_string_is_decoded_in_place():
    for text in (
        "",
        "plain",
        "v=0\r\no=- 1 2 IN IP4\r\n" * 20,
        'all " of \\ them / \b\f\n\r\t',
        "grün €uro 😀",
        "😀",
    ):
        for ascii_only in (True, False):
            written = as_json(text, ascii_only)
            octets = bytearray(("x" + written + "y").encode())
            end = unescape(octets, 1, len(octets) - 1)
            assert bytes(octets[2:end]) == text.encode(), written
            assert octets[0] == ord("x") and octets[-1] == ord("y")
    octets = bytearray(b'"\\/\\u0041\\u00E9"')
    assert octets[1 : unescape(octets, 0, len(octets))] == "/Aé".encode()


def as_json(text, ascii_only):
    written = ""
    for char in json.dumps(text):
        code = ord(char)
        if not ascii_only or code < 0x80:
            written += char
        elif code < 0x10000:
            written += f"\\u{code:04x}"
        else:
            code -= 0x10000
            written += f"\\u{0xD800 | code >> 10:04x}\\u{0xDC00 | code & 0x3FF:04x}"
    return written


def test_what_is_not_there_is_null_of_no_size():
    members = parse("{}", ("a",))
    assert members.text("a") == "null"
    assert members.size("a") == 0
    assert not members.has("a")
