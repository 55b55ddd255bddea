"""Whether a phone that Apple does not know is gone, or whether we ask with the wrong certificate, or the wrong host.

Both look the same (400 BadDeviceToken, or DeviceTokenNotForTopic), and what follows could not be more different: in the
one case a device is forgotten, in the other nothing is, and somebody is called. So a device is only forgotten while
other phones of the same pass type are reached.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

# The newest answers that count, each of another customer: a wrong certificate shows in the first few. One customer can
# register any number of phones that are none, with any token, and must not stop the pushes of all others.
ANSWERS_MAX = 50
# Where nobody was reached yet, so many unknown phones are a pattern. Fewer wait for what others are answered.
UNKNOWN_FIRST_MAX = 3
# Where somebody was: phones are wiped one by one, and more than a fifth of them at once is no coincidence; but two of
# the first four may be.
UNKNOWN_MIN = 5
UNKNOWN_SHARE_MAX = 0.2

# The reason of a halt that is not one of Apple's words.
UNKNOWN_PHONES = "UnknownPhones"
EXPIRED = "CertificateExpired"


class Verdict(StrEnum):
    """What to do with a phone that Apple does not know: forget it; keep it and ask again later; keep it, and stop
    pushes of its pass type."""

    FORGET = "FORGET"
    WAIT = "WAIT"
    HALT = "HALT"


def judge(known: Sequence[bool]) -> Verdict:
    """Of one that is not known, by the newest ANSWERS_MAX answers of its pass type since the process began, or since a
    halt: whether each was of a phone that Apple knows, this one included."""
    newest = known[-ANSWERS_MAX:]
    unknown = newest.count(False)
    if unknown == len(newest):
        return Verdict.HALT if unknown >= UNKNOWN_FIRST_MAX else Verdict.WAIT
    is_too_many = unknown >= UNKNOWN_MIN and unknown > UNKNOWN_SHARE_MAX * len(newest)
    return Verdict.HALT if is_too_many else Verdict.FORGET


def advice(reason: str) -> str:
    """What an operator does about a halt."""
    return _ADVICE.get(reason, "see what Apple says of this reason, and `fealty wallet doctor`")


_RENEW = (
    "make a new certificate of this pass type at Apple, put it with its key into FEALTY_WALLET_DIR, start workers anew"
)
_TOPIC = "the certificate is of another pass type than its folder says: `fealty wallet doctor` compares them"
_WRONG_KIND = "use the certificate of the pass type itself: one for apps, or of the sandbox, does not do"

_ADVICE: Mapping[str, str] = {
    UNKNOWN_PHONES: (
        "Apple knows hardly any of these phones, so host or certificate are the wrong ones, and none was forgotten: see"
        " that FEALTY_APNS_URL is not set, and that the certificate is of the pass type and team of the cards"
    ),
    EXPIRED: _RENEW,
    "BadCertificate": _RENEW,
    "Forbidden": _RENEW,
    "BadCertificateEnvironment": _WRONG_KIND,
    "MissingProviderToken": _WRONG_KIND,
    "DeviceTokenNotForTopic": _TOPIC,
    "TopicDisallowed": _TOPIC,
    "BadTopic": _TOPIC,
    "MissingTopic": _TOPIC,
}
