"""One connection of a client to the stand-in of Apple's push service: HTTP/2, and when it ends."""

import asyncio
import json
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from walletkit.apns_checking import Push, Scripted, topics_of

if TYPE_CHECKING:
    from walletkit.apns import PushService


class Connection(asyncio.Protocol):
    """One connection of a client, and the streams in it."""

    def __init__(self, service: "PushService") -> None:
        self._service = service
        self._transport: asyncio.Transport | None = None
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._headers: dict[int, list[tuple[str, str]]] = {}
        self._bodies: defaultdict[int, bytes] = defaultdict(bytes)
        self._topics: frozenset[str] = frozenset()
        self._answered = 0
        self._is_leaving = False
        self.number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS stands. Who does not speak HTTP/2 is shown out."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        tls = transport.get_extra_info("ssl_object")
        if tls.selected_alpn_protocol() != "h2":
            transport.abort()
            return
        self._service.began(self)
        self._topics = topics_of(tls.getpeercert())
        self.number = self._service.connections
        self._h2.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = self._service.max_concurrent_streams
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Frames of the client."""
        try:
            events = self._h2.receive_data(data)
        except ProtocolError:
            self._flush()
            self.cut()
            return
        for event in events:
            self._on(event)
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self._transport = None
        self._service.ended(self)

    def cut(self) -> None:
        """Without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _on(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(stream), headers=headers):
                self._headers[stream] = list(headers or ())  # type: ignore[arg-type]
            case DataReceived(stream_id=int(stream), data=data, flow_controlled_length=length):
                self._bodies[stream] += data or b""
                self._h2.acknowledge_received_data(length or 0, stream)
            case StreamReset(stream_id=int(stream)):
                self._headers.pop(stream, None)
            case StreamEnded(stream_id=int(stream)) if not self._service.is_silent:
                loop = asyncio.get_running_loop()
                if self._service.delay_s:
                    loop.call_later(self._service.delay_s, self._answer, stream)
                else:
                    self._answer(stream)

    def _answer(self, stream: int) -> None:
        given = self._headers.pop(stream, None)
        service = self._service
        if given is None or self._transport is None or self._is_leaving:
            return
        if service.cut_after is not None and self._answered >= service.cut_after:
            self.cut()
            return
        headers, body = dict(given), self._bodies.pop(stream, b"")
        answer = service.decide(self._topics, headers, [name for name, _ in given], body)
        apns_id = headers.get("apns-id") or str(uuid4()).upper()
        token = headers.get(":path", "").removeprefix("/3/device/")
        topic = headers.get("apns-topic", "")
        service.note(Push(token, topic, headers, body, apns_id, self.number, answer, time.time()))
        if service.cuts_before_answer:
            self.cut()
            return
        self._send(stream, answer, apns_id)
        self._answered += 1
        if service.goaway_after is not None and self._answered >= service.goaway_after:
            self._leave(stream)

    def _send(self, stream: int, answer: Scripted, apns_id: str) -> None:
        head = [(":status", str(answer.status)), ("apns-id", apns_id)]
        if answer.retry_after_s is not None:
            head.append(("retry-after", str(answer.retry_after_s)))
        if answer.status == 200:
            self._h2.send_headers(stream, head, end_stream=True)
        else:
            told: dict[str, Any] = {"reason": answer.reason}
            if answer.timestamp_ms is not None:
                told["timestamp"] = answer.timestamp_ms
            self._h2.send_headers(stream, [*head, ("content-type", "application/json")])
            self._h2.send_data(stream, json.dumps(told).encode(), end_stream=True)
        self._flush()

    def _leave(self, last_stream: int) -> None:
        self._is_leaving = True
        why = json.dumps({"reason": "Shutdown", "timestamp": int(time.time() * 1000)}).encode()
        self._h2.close_connection(ErrorCodes.NO_ERROR, additional_data=why, last_stream_id=last_stream)
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._transport is not None and (data := self._h2.data_to_send()):
            self._transport.write(data)
