"""A tracking server that does not answer is told within seconds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from coherent_cxr.tracking.addresses import TrackingError
from coherent_cxr.tracking.server import require_answer, require_known


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def _port(server: socket.socket) -> int:
    return int(server.getsockname()[1])


@pytest.mark.parametrize("scheme", ["http", "https", "HTTP", "postgresql", "mysql+pymysql"])
@pytest.mark.slow
def test_one_that_accepts_and_says_nothing_is_given_up(listener: socket.socket, scheme: str) -> None:
    start = time.perf_counter()
    with pytest.raises(TrackingError, match="does not answer"):
        require_answer(f"{scheme}://127.0.0.1:{_port(listener)}", patience=0.4)
    assert time.perf_counter() - start < 3


@pytest.mark.slow
def test_one_that_sends_a_letter_now_and_then_is_given_up(listener: socket.socket) -> None:
    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            for _ in range(20):
                try:
                    connection.sendall(b"H")
                except OSError:
                    return
                time.sleep(0.1)

    threading.Thread(target=drip, daemon=True).start()
    start = time.perf_counter()
    with pytest.raises(TrackingError, match="does not answer"):
        require_answer(f"http://127.0.0.1:{_port(listener)}", patience=0.4)
    assert time.perf_counter() - start < 1.6


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}", "postgresql+psycopg2://u:verysecret@127.0.0.1:{port}/db"]
)
def test_a_closed_port_is_told_at_once_without_the_password(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = _port(server)
    with pytest.raises(TrackingError) as refused:
        require_answer(address.format(port=port))
    assert "verysecret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_any_answer_will_do(listener: socket.socket) -> None:
    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=refuse, daemon=True).start()
    require_answer(f"http://127.0.0.1:{_port(listener)}/prefix/")


def test_a_database_server_is_asked_in_its_own_way(listener: socket.socket) -> None:
    heard: list[bytes] = []

    def answer() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(8) if not heard else b"")
                connection.sendall(b"N")

    threading.Thread(target=answer, daemon=True).start()
    require_answer(f"postgresql://me:s/e#c?r@127.0.0.1:{_port(listener)}/db")
    require_answer(f"mysql://127.0.0.1:{_port(listener)}/db")
    assert heard == [b"\0\0\0\x08\x04\xd2\x16\x2f", b""]
    require_answer("postgresql:///db")  # a socket of this machine


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_whose_server_is_gone_is_no_answer(listener: socket.socket, status: int) -> None:
    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(f"HTTP/1.1 {status} Gone\r\nContent-Length: 0\r\n\r\n".encode())

    threading.Thread(target=refuse, daemon=True).start()
    with pytest.raises(TrackingError, match=f"a proxy answers in its place, with status {status}"):
        require_answer(f"http://127.0.0.1:{_port(listener)}")


@pytest.mark.parametrize("address", ["databricks", "databricks-uc", "mlruns", "file:///tmp/mlruns"])
def test_addresses_without_a_host_pass(address: str) -> None:
    require_answer(address)


@pytest.mark.parametrize("address", ["http://", "http://host:port", "http://[::1"])
def test_what_is_no_address_is_a_sentence(address: str) -> None:
    with pytest.raises(TrackingError):
        require_answer(address, patience=0.5)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ftp://127.0.0.1/runs", r"no address of the kind 'ftp://'.*postgresql"),
        ("postgres://u:verysecret@127.0.0.1/db", "no address of the kind 'postgres://'"),
        ("postgresql+nodriver://u:verysecret@127.0.0.1/db", "no address of a database"),
        ("mysql+pymysql://u:verysecret@127.0.0.1/db", "needs the package 'pymysql', which is not installed"),
        ("postgresql://u:verysecret@127.0.0.1:port/db", "no address of a database"),
        ("postgresql://u:verysecret\u2100@127.0.0.1/db", "needs the package 'psycopg"),
    ],
)
def test_an_address_that_mlflow_cannot_read_is_a_sentence(address: str, reason: str) -> None:
    with pytest.raises(TrackingError, match=reason) as refused:
        require_known(address)
    assert "verysecret" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["runs", "file:///runs", "sqlite:///mlflow.db", "http://localhost", "databricks", "uc:profile"]
)
def test_addresses_that_mlflow_reads_pass(address: str) -> None:
    require_known(address)
