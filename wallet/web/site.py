"""What the endpoints stand on: the books, the keys of the installation, the operator's accounts."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from rules.passes.content import Content
from storage.passes.contents import Card
from storage.passes.sealing import WalletKeys
from wallet.accounts import Accounts
from wallet.apple.bundle import build
from wallet.apple.certificates import AppleAccount
from wallet.apple.passjson import Service
from wallet.failures import WalletError
from wallet.google.account import GoogleAccount
from wallet.google.rootkeys import RootKeys
from wallet.web import limits
from wallet.web.lanes import Lanes


@dataclass
class Site:
    """One for each process. `passes_url` is where phones reach it."""

    lanes: Lanes
    keys: WalletKeys
    accounts: Accounts
    root_keys: RootKeys
    passes_url: str
    _images: "OrderedDict[str, bytes]" = field(default_factory=OrderedDict)
    _images_bytes: int = 0

    def apple(self, pass_type: str) -> AppleAccount | None:
        """The account that cards of a template are signed with; None where there is none that can be used."""
        try:
            return self.accounts.apple(pass_type)
        except WalletError:
            return None

    def google(self, issuer: str) -> GoogleAccount | None:
        """The same of Google's."""
        try:
            return self.accounts.google(issuer)
        except WalletError:
            return None

    async def image(self, sha256: str) -> bytes | None:
        """A PNG by the hexadecimal SHA-256 of its content, which never changes."""
        if (kept := self._images.get(sha256)) is not None:
            self._images.move_to_end(sha256)
            return kept
        found = await self.lanes.image(bytes.fromhex(sha256))
        if found is not None and sha256 not in self._images:
            self._images[sha256] = found
            self._images_bytes += len(found)
            while self._images_bytes > limits.IMAGES_KEPT_BYTES_MAX:
                self._images_bytes -= len(self._images.popitem(last=False)[1])
        return found

    async def pkpass(self, card: Card, account: AppleAccount) -> bytes:
        """A card as Apple Wallet takes it, signed. Raises ImageMissing."""
        content = card.content
        images = await self._of(content)
        service = Service(self.passes_url, self.keys.authentication_token(content.serial))
        return build(content, images.__getitem__, account, service)

    async def _of(self, content: Content) -> dict[str, bytes]:
        wanted: Collection[str] = {image.sha256 for image in content.images}
        found = {sha256: await self.image(sha256) for sha256 in wanted}
        return {sha256: image for sha256, image in found.items() if image is not None}
