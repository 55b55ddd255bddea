"""A call as bytes on the wire, with headers that no client library of gRPC would send."""

import asyncio
import struct
from collections.abc import Sequence

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

WAIT_S = 10


async def call(address: str, path: str, message: bytes, metadata: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers and trailers of the answer; empty where the server ended the stream or the connection instead."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    # Nothing is checked, nor put right, of what is sent.
    wire = H2Connection(
        H2Configuration(
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
    )
    wire.initiate_connection()
    head = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()), (b":authority", address.encode())]
    wire.send_headers(1, [*head, (b"te", b"trailers"), (b"content-type", b"application/grpc"), *metadata])
    wire.send_data(1, b"\0" + struct.pack(">I", len(message)) + message, end_stream=True)
    writer.write(wire.data_to_send())
    answer: dict[bytes, bytes] = {}
    try:
        async with asyncio.timeout(WAIT_S):
            while data := await reader.read(65_536):
                for event in wire.receive_data(data):
                    if isinstance(event, ResponseReceived | TrailersReceived):
                        answer |= dict(event.headers)
                    if isinstance(event, StreamEnded):
                        return answer
                    if isinstance(event, StreamReset | ConnectionTerminated):
                        return {}
                writer.write(wire.data_to_send())
    except ConnectionError:
        return {}
    finally:
        writer.close()
    return {}
