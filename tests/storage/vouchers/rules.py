"""What a voucher allows: so many uses, whoever asks."""

from typing import NamedTuple

from rules.refusals import Refusal


class VoucherUsedUp(Refusal):
    """It was redeemed as often as it may be: {limit} times."""


class Voucher(NamedTuple):
    """A code that may be redeemed `uses_max` times."""

    uses_max: int
    uses: int = 0


def redeem(voucher: Voucher) -> Voucher:
    """The voucher after one more use. Raises VoucherUsedUp."""
    if voucher.uses >= voucher.uses_max:
        raise VoucherUsedUp(limit=voucher.uses_max)
    return voucher._replace(uses=voucher.uses + 1)
