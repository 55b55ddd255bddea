"""To which lifetime figure an entry belongs: a second opinion, for reports and checks, beside the rules that wrote."""

from rules.accounts import EntryKind

# The figure, and the sign that an amount has in it.
_FIGURES = {
    EntryKind.EARN: ("earned", 1),
    EntryKind.ACTIVATION: ("earned", 1),
    EntryKind.SPEND: ("spent", -1),
    EntryKind.ROLLBACK: ("spent", -1),
    EntryKind.EXPIRY: ("expired", -1),
    EntryKind.REFUND: ("revoked", -1),
    EntryKind.REPAYMENT: ("revoked", -1),
    EntryKind.TRANSFER_IN: ("moved", 1),
    EntryKind.TRANSFER_OUT: ("moved", 1),
    EntryKind.MERGE_IN: ("moved", 1),
    EntryKind.MERGE_OUT: ("moved", 1),
}


def figure(kind: EntryKind, amount: int) -> tuple[str, int]:
    """The name of the figure of an account, and the sign that `amount` has in it: what an adjustment gives is earned,
    what it takes is revoked."""
    if kind is EntryKind.ADJUSTMENT:
        return ("earned", 1) if amount > 0 else ("revoked", -1)
    return _FIGURES[kind]
