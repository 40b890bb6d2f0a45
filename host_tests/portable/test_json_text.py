# json_text.py: what is no JSON is refused, with line, column and what is wrong there.

from signalbox.json_text import JsonError, loads

WRONG = (
    (b"", 1, 1, "ends too early"),
    (b'{"a": 1', 1, 8, "ends too early"),
    (b'{"a": "1}', 1, 7, "ends in a string"),
    (b'{"a": 1 "b": 2}', 1, 9, '"," or "}" is missing'),
    (b'{"a": [1 2]}', 1, 10, '"," or "]" is missing'),
    (b'{"a": [1,]}', 1, 10, "no comma"),
    (b'{"a": 1,\r\n}', 2, 1, "no comma"),
    (b'{"a" 1}', 1, 6, '":" is missing'),
    (b'{"a": }', 1, 7, "value is missing"),
    (b'{"a": yes}', 1, 7, "value is missing"),
    (b'{"a": 012}', 1, 8, '"," or "}"'),
    (b'{"a": -}', 1, 7, "no value"),
    (b'{"a": nil}', 1, 7, "no value"),
    (b"{a: 1}", 1, 2, "double quotes"),
    (b"{'a': 1}", 1, 2, "double quotes"),
    (b"{\"a\": 'b'}", 1, 7, "double quotes"),
    (b'{"a": 1, // one\n "b": 2}', 1, 10, "double quotes"),
    (b'{"a": # one\n1}', 1, 7, "no comments"),
    (b'{"a": "x\ny"}', 1, 7, "control character"),
    (b'{"a": "C:\\path"}', 1, 7, "no such escape"),
    (b'{"a": "\\ud83d"}', 1, 7, "surrogate"),
    (b'{"a": 1}\n}', 2, 1, "nothing may follow"),
    (b'{"a": 1,\n "b": 2,\n "a": 3}', 3, 2, '"a" is there twice'),
    ('{"ü": "😀", b}'.encode(), 1, 12, "double quotes"),
    (b'{"a": "\xfc"}', 1, 8, "UTF-8"),
    (b'{"a": "\xed\xa0\x80"}', 1, 9, "UTF-8"),
    (b'{"a": "\xc3', 1, 8, "UTF-8"),
    (b"[" * 9 + b"]" * 9, 1, 9, "too deep"),
    (b"[" * 4000, 1, 9, "too deep"),
)


def test_wrong_text_is_refused_with_its_place():
    for text, line, column, what in WRONG:
        try:
            loads(bytearray(text))
        except JsonError as error:
            assert (error.line, error.column) == (line, column), (text[:40], str(error))
            assert what in str(error), (text, str(error))
            assert str(error).startswith(f"line {line}, column {column}: ")
        else:
            raise AssertionError(text[:40])


def test_every_beginning_of_a_text_is_refused():
    text = '{"a": [1, -2.5e1, {"ü": null}, true], "b": "\\u00fc\\ud83d\\ude00\\n"}'.encode()
    assert loads(bytearray(text))["b"] == "ü😀\n"
    for n in range(len(text)):
        try:
            loads(bytearray(text[:n]))
        except JsonError:
            continue
        raise AssertionError(text[:n])


def test_values():
    for text, value in (
        ("5", 5),
        ("-0.5", -0.5),
        ("[]", []),
        ("{}", {}),
        (" [ 1 , [ ] , { } , null , true , false ] ", [1, [], {}, None, True, False]),
        ('{"a":{"b":[{"c":"\\"\\\\\\/\\t"}]}}', {"a": {"b": [{"c": '"\\/\t'}]}}),
        ("\ufeff\r\n{}\r\n", {}),
    ):
        assert loads(bytearray(text.encode())) == value, text
