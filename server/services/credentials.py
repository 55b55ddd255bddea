"""CredentialService."""

from datetime import UTC, datetime

from fealty.v1 import credentials_pb2 as pb
from rules.access import Permission
from server.call import Call
from server.commands import Commands
from server.convert import credentials
from server.paging import Pages, page_size
from storage.access import certificates, keys, services
from storage.access.certificates import CertificateRead
from storage.access.keys import KeyRead
from storage.books import Books
from storage.engine.database import Connection


class Credentials:
    """Services, and what they call with."""

    service = "fealty.v1.CredentialService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreateKey(self, call: Call, message: pb.CreateKeyRequest) -> pb.CreateKeyResponse:
        return await self._commands.carry_out(call, message, pb.CreateKeyResponse)

    async def RotateKey(self, call: Call, message: pb.RotateKeyRequest) -> pb.RotateKeyResponse:
        return await self._commands.carry_out(call, message, pb.RotateKeyResponse)

    async def RevokeKey(self, call: Call, message: pb.RevokeKeyRequest) -> pb.RevokeKeyResponse:
        return await self._commands.carry_out(call, message, pb.RevokeKeyResponse)

    async def ListKeys(self, call: Call, message: pb.ListKeysRequest) -> pb.ListKeysResponse:
        service = credentials.service_id(message.parent)
        position = self._pages.position(message, message.page_token)
        at, _, identity = position.partition(" ")
        after = (datetime.fromisoformat(at), identity) if position else None
        size = page_size(message.page_size)

        def read(books: Connection) -> list[KeyRead]:
            services.check_seen(books, service, call.caller, Permission.CREDENTIALS_READ)
            return keys.page(service, message.only_usable, after, size + 1, datetime.now(UTC))

        found = await self._books.query(call.caller, read)
        response = pb.ListKeysResponse(keys=[credentials.key(one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.token(message, f"{last.created_at.isoformat()} {last.id}")
        return response

    async def RegisterCertificate(
        self, call: Call, message: pb.RegisterCertificateRequest
    ) -> pb.RegisterCertificateResponse:
        return await self._commands.carry_out(call, message, pb.RegisterCertificateResponse)

    async def RevokeCertificate(self, call: Call, message: pb.RevokeCertificateRequest) -> pb.RevokeCertificateResponse:
        return await self._commands.carry_out(call, message, pb.RevokeCertificateResponse)

    async def ListCertificates(self, call: Call, message: pb.ListCertificatesRequest) -> pb.ListCertificatesResponse:
        service = credentials.service_id(message.parent)
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)

        def read(books: Connection) -> list[CertificateRead]:
            services.check_seen(books, service, call.caller, Permission.CREDENTIALS_READ)
            return certificates.page(service, message.only_usable, after, size + 1)

        found = await self._books.query(call.caller, read)
        following = self._pages.token(message, found[size - 1].id) if len(found) > size else ""
        return pb.ListCertificatesResponse(
            certificates=[credentials.certificate(one) for one in found[:size]], next_page_token=following
        )

    async def ListServices(self, call: Call, message: pb.ListServicesRequest) -> pb.ListServicesResponse:
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)
        found = await self._books.query(call.caller, lambda books: services.page(books, call.caller, after, size + 1))
        following = self._pages.token(message, found[size - 1].name) if len(found) > size else ""
        return pb.ListServicesResponse(
            services=[credentials.service(one) for one in found[:size]], next_page_token=following
        )

    async def UpdateService(self, call: Call, message: pb.UpdateServiceRequest) -> pb.UpdateServiceResponse:
        return await self._commands.carry_out(call, message, pb.UpdateServiceResponse)
