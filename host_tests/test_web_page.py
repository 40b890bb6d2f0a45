"""tools/web.py: the page as one file, which the board serves as it is."""

import gzip
import re

import pytest
import web as builder


def parts(octets):
    """(fields by lower-case name, body)."""
    head, _, body = octets.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode("ascii").split("\r\n"))
    return {name.lower(): value for name, value in fields.items()}, body


def test_equal_sources_give_equal_octets(tmp_path):
    first = builder.build(tmp_path / "one").read_bytes()
    assert builder.build(tmp_path / "two").read_bytes() == first
    assert len(first) <= builder.LARGEST == 24576


def test_fields_say_what_the_body_is(tmp_path):
    fields, body = parts(builder.build(tmp_path).read_bytes())
    assert int(fields["content-length"]) == len(body)
    assert fields["content-encoding"] == "gzip"
    assert re.fullmatch('"[0-9a-f]{16}"', fields["etag"])
    text = gzip.decompress(body).decode()
    assert "{{" not in text
    # Nothing from elsewhere, and nothing inline that the policy doesn't name.
    assert not re.search(r"""(src|href)=["']?(https?:|//|/)""", text)
    script = re.search("<script>(.*)</script>", text, re.DOTALL).group(1)
    style = re.search("<style>(.*)</style>", text, re.DOTALL).group(1)
    policy = fields["content-security-policy"]
    assert f"script-src {builder.source_hash(script)};" in policy
    assert f"style-src {builder.source_hash(style)};" in policy
    assert "unsafe" not in policy and "*" not in policy
    assert not re.search(r"<[^>]* (style|on\w+)=", text)


def test_a_page_that_is_too_large_is_not_built(tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "LARGEST", 100)
    with pytest.raises(builder.WebError, match="100 are allowed"):
        builder.build(tmp_path)
    assert not (tmp_path / builder.NAME).exists()


def test_minified():
    assert builder.minified_script("  // why\n  a();\n\n  b(); // c\n") == "a();\nb(); // c"
    assert builder.minified_style("/* x */ a ,\n b { c: d; }\n") == "a,b{c: d;}"
    assert builder.minified_html("<!-- x\n -->\n  <p>\n") == "<p>\n"
