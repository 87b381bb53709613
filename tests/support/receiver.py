"""A receiver of webhooks on a port of this machine."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson


@dataclass
class Receiver:
    """What arrived, and how it is answered.

    Attributes
    ----------
    statuses
        Answers to the next requests, after which `status` is answered.
    """

    url: str = ""
    status: int = 204
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def event_ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.received]

    @property
    def subjects(self) -> list[str]:
        return [orjson.loads(body)["data"]["subject_id"] for _, body in self.received]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            self.received.append((headers, body))
            status = self.statuses.pop(0) if self.statuses else self.status
            writer.write(
                f"HTTP/1.1 {status} Answer\r\nLocation: {self.url}/elsewhere\r\n"
                "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
            )
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver._answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        receiver.url = f"http://127.0.0.1:{port}"
        yield receiver
