"""tools/mpy.py: which modules count for a feature."""

import mpy
import pytest
from unix_port import UnixPort


@pytest.fixture(scope="module")
def imports():
    return mpy.imports_of_firmware()


def test_client_needs_the_core_and_not_the_server(imports):
    needed = mpy.closure("signalbox.net.client", imports)
    for name in ("signalbox", "signalbox.ws.close", "signalbox.ws.mask_native", "signalbox.compat"):
        assert name in needed
    assert "signalbox.net.server" not in needed


def test_each_module_comes_after_what_it_imports(imports):
    order = mpy.closure("signalbox.net.server", imports)
    for place, name in enumerate(order):
        assert set(imports[name]) <= set(order[:place]), name


def test_core_needs_nothing_of_net(imports):
    needed = mpy.closure("signalbox.ws.connection", imports)
    assert not [name for name in needed if name.startswith("signalbox.net")]


def test_without_an_architecture_there_is_no_native_code(tmp_path):
    bytecode = mpy.compile_for(None, tmp_path / "bytecode")
    native = mpy.compile_for("armv6m", tmp_path / "native")
    kernels = {"signalbox.ws.mask_native", "signalbox.ws.utf8_native"}
    assert set(native) - set(bytecode) == kernels
    assert all(bytecode[name] == native[name] for name in bytecode)
    for name, octets in bytecode.items():
        path = tmp_path / "bytecode" / name.replace(".", "/")
        path = path / "__init__.mpy" if path.is_dir() else path.with_suffix(".mpy")
        assert path.stat().st_size == octets


def test_tracebacks_name_function_and_file_and_the_application_has_lines(tmp_path, micropython):
    compiled = tmp_path / "compiled"
    mpy.compile_for(None, compiled)
    (tmp_path / "application.py").write_text(
        "from signalbox.net.client import connect\n\nconnect('http://host')\n"
    )
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{compiled}:.frozen"
    _, output = port.run(tmp_path / "application.py", timeout_s=10)
    assert 'application.py", line 3, in <module>' in output
    assert "signalbox/ws/handshake_client.py" in output
    assert "in __init__" in output
    assert "ValueError: a WebSocket URL begins with" in output
