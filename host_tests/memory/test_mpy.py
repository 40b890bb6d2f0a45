"""tools/mpy.py: which modules count for a feature."""

import os
import sys
from pathlib import Path

import mpy
import pytest
from unix_port import UnixPort

sys.path.append(str(Path(__file__).parent))

import heap64

CLIENT = "signalbox.net.client"


@pytest.fixture(scope="module")
def imports():
    return mpy.imports_of_firmware()


def test_client_needs_the_core_and_not_the_server(imports):
    needed = mpy.closure("signalbox.net.client", imports)
    for name in ("signalbox", "signalbox.ws.close", "signalbox.ws.mask_native", "signalbox.compat"):
        assert name in needed
    assert "signalbox.net.tls" in imports["signalbox.net.transport"][1]
    assert "signalbox.net.tls" in needed
    assert "signalbox.net.server" not in needed


def test_each_module_comes_after_what_it_imports(imports):
    order = mpy.closure("signalbox.net.server", imports)
    for place, name in enumerate(order):
        assert set(imports[name][0]) <= set(order[:place]), name


def test_core_needs_nothing_of_net(imports):
    needed = mpy.closure("signalbox.ws.connection", imports)
    assert not [name for name in needed if name.startswith("signalbox.net")]


def test_without_an_architecture_there_is_no_native_code(tmp_path):
    bytecode = mpy.compile_for(None, tmp_path / "bytecode")
    native = mpy.compile_for("armv6m", tmp_path / "native")
    kernels = {"signalbox.ws.mask_native", "signalbox.ws.utf8_native"}
    assert set(native) - set(bytecode) == kernels
    assert not any(name.endswith("_cpython") for name in native)
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
    assert '"ws/handshake_client.py"' in output
    assert "in __init__" in output
    assert "ValueError: a WebSocket URL begins with" in output


def test_of_twins_a_board_gets_one(imports):
    needed = mpy.closure("signalbox.ws.mask", imports)
    assert {"signalbox.ws.mask_native", "signalbox.ws.mask_portable"} <= set(needed)
    assert "signalbox.ws.mask_portable" not in mpy.shipped(needed, "armv6m")
    assert "signalbox.ws.mask_native" not in mpy.shipped(needed, None)
    assert "signalbox.compat_cpython" not in mpy.shipped(imports, "armv6m")


@pytest.mark.parametrize("native", [True, False])
def test_what_is_shipped_opens_and_closes(tmp_path, micropython, native):
    arch = heap64.host_arch(micropython) if native else None
    mpy.compile_for(arch, tmp_path / "all")
    for name in mpy.shipped(mpy.closure(CLIENT, mpy.imports_of_firmware()), arch):
        path = tmp_path / "all" / name.replace(".", "/")
        path = path / "__init__.mpy" if path.is_dir() else path.with_suffix(".mpy")
        target = tmp_path / "board" / path.relative_to(tmp_path / "all")
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    port = UnixPort(micropython.path)
    port.env["MICROPYPATH"] = f"{tmp_path / 'board'}:.frozen"
    assert heap64.session_fits(port, heap64.LARGEST_KB)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk that is always full")
def test_a_full_disk_is_no_empty_module(tmp_path):
    source = tmp_path / "module.py"
    source.write_text("x = 1\n")
    with pytest.raises(OSError):
        mpy.cross_compile(source, Path("/dev/full"), "module.py", [])
