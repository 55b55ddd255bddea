"""Whether Apple's push service would take our pushes, as `fealty wallet doctor` asks it: by a push to no phone.

That its token is none is the answer of a service that accepts certificate and topic; every other says what is wrong.
"""

from collections.abc import Iterator
from uuid import uuid4

from rules.passes import breaking
from wallet.accounts import Accounts
from wallet.apple.answers import BadToken, Later, Misconfigured
from wallet.apple.apns import ApnsAway, ApnsTransport, open_transport
from wallet.settings import WalletSettings

# Of the form of a token, and nobody's.
NO_PHONE = "00" * 32


def check(found: Accounts, settings: WalletSettings) -> Iterator[tuple[str, str]]:
    """What comes of a push with the certificate of each account, and what to do about it; empty where all is well."""
    transport = open_transport(found, settings.apns_url, settings.apns_push_type, settings.wallet_ca_file)
    for account in found.apple_accounts:
        yield _push(account.pass_type, transport)
    transport.close()


def _push(topic: str, transport: ApnsTransport) -> tuple[str, str]:
    try:
        answer = transport.send(NO_PHONE, topic, str(uuid4()))
    except ApnsAway as away:
        advice = "see that this host reaches it (port 443), and that the certificate is the one that Apple issued last"
        return f"{transport.url} takes no push of {topic} ({away})", advice
    said = f"{transport.url} answers {answer.status} {answer.reason} to a push of {topic}"
    match answer.outcome:
        case BadToken("BadDeviceToken"):
            return f"{transport.url} takes pushes of {topic}", ""
        case BadToken(reason) | Misconfigured(reason):
            return said, breaking.advice(reason)
        case Later():
            return said, "ask again in a moment: this is Apple's"
    return said, "no push service of Apple's answers that to a push to nobody: see that FEALTY_APNS_URL is not set"
