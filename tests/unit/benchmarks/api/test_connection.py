import asyncio

import pytest
from typing_extensions import override

from benchmarks.api.connection import Answer, Connection


class RecordingTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    @override
    def close(self) -> None:
        self.closed = True


def _connected(requests: list[bytes]) -> tuple[Connection, RecordingTransport, list[Answer]]:
    answers: list[Answer] = []
    waiting = iter(requests)
    connection = Connection(lambda: next(waiting, None), answers.append)
    transport = RecordingTransport()
    connection.connection_made(transport)
    return connection, transport, answers


async def test_the_next_request_is_sent_when_the_last_answer_is_whole():
    connection, transport, answers = _connected([b"first", b"second"])
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    assert (transport.written, answers) == ([b"first"], [])
    connection.data_received(b"cd")
    assert transport.written == [b"first", b"second"]
    connection.data_received(
        b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
    )
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"abcd"), (404, b"no")]
    assert all(answer.latency_s > 0 for answer in answers)
    assert transport.closed
    await connection.done


async def test_a_connection_that_breaks_fails_the_run():
    connection, _, _ = _connected([b"first"])
    connection.connection_lost(None)
    with pytest.raises(ConnectionResetError):
        await connection.done
