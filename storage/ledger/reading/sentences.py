"""What happened to points, in plain English: whole sentences for people, with the card's decimals and local dates."""

from datetime import datetime
from zoneinfo import ZoneInfo

from rules.accounts import EntryKind, Lot, LotState
from rules.programs import Card, time_zone
from rules.sentences.english import speech


class Sentences:
    """Speaks of one card, in the time zone of its program."""

    def __init__(self, card: Card, zone: str) -> None:
        self._card = card
        self._zone: ZoneInfo = time_zone(zone)

    def units(self, points: int, word: str = "") -> str:
        """`12.50 points`, `1 stamp`; `3 pending points` with the word for them."""
        return speech.points(points, self._card.kind, self._card.decimals, word)

    def day(self, at: datetime) -> str:
        """`3 March 2026`."""
        return speech.day(at, self._zone)

    def until(self, at: datetime) -> str:
        """The last day before an end that is the start of a day, `the end of 3 March 2026`; else the minute."""
        return speech.until(at, self._zone)

    def issued(self, lot: Lot, source: str, at: datetime) -> str:
        """How a lot began."""
        were, version = self._were(lot.points), lot.settings_version
        return f"{were} {source} on {self.day(at)}, under version {version} of the settings."

    def waited(self, lot: Lot) -> str:
        """What a lot waits for, or waited for."""
        verb = "They wait" if lot.state is LotState.PENDING else "They waited"
        if lot.activates_at is not None:
            return f"{verb} until {self.until(lot.activates_at)}."
        if lot.awaits:
            return f"{verb} for an event of type {lot.awaits}."
        return f"{verb} for somebody to accept them."

    def cancelled(self, points: int, at: datetime, transaction_id: str | None, is_refund: bool) -> str:
        """Pending points that were taken back."""
        why = f" because transaction {transaction_id} was refunded" if is_refund else ""
        return f"{self._were(points, 'pending')} cancelled on {self.day(at)}{why}."

    def activated(self, points: int, at: datetime) -> str:
        """Points that wait no longer."""
        return f"{self.units(points)} became active on {self.day(at)}."

    def changed(
        self, kind: EntryKind, amount: int, at: datetime, about: str, ended_at: datetime | None, hold: int | None
    ) -> str:
        """What an entry gave to a lot or took from it. `about` is what else its kind has to say."""
        units, were, day = self.units(abs(amount)), self._were(abs(amount)), self.day(at)
        match kind:
            case EntryKind.SPEND:
                on = f" on {about}" if about else ""
                by = f", as hold {hold} had set aside," if hold is not None else ""
                return f"{were} spent{on}{by} on {day}."
            case EntryKind.EXPIRY:
                if about:
                    return f"{units} expired on {day}, as {about}."
                if at == ended_at:
                    return f"{units} expired at {self.until(at)}."
                return f"{units} expired on {day}, as they came back after their time."
            case EntryKind.REFUND:
                why = f" because transaction {about} was refunded" if about else ", for a refund"
                return f"{were} taken back on {day}{why}."
            case EntryKind.ROLLBACK:
                return f"{units} came back on {day}, as spending {about} was rolled back."
            case EntryKind.ADJUSTMENT:
                return f"{were} {'added' if amount > 0 else 'taken away'} by hand on {day}."
            case EntryKind.REPAYMENT:
                return f"{units} repaid debt on {day}."
            case EntryKind.TRANSFER_OUT:
                return f"{were} given to {about} on {day}."
            case _:
                return f"{units} {'came' if amount > 0 else 'went'} on {day}."

    def moved(self, points: int, at: datetime, whom: str, is_return: bool) -> str:
        """What a merge moved, or moved back as it was undone."""
        went = f"went {'back ' if is_return else ''}to" if points < 0 else f"came {'back ' if is_return else ''}from"
        why = "as a merge was undone" if is_return else "by a merge"
        return f"{self.units(abs(points))} {went} {whom} on {self.day(at)}, {why}."

    def redated(self, at: datetime, after: datetime | None) -> str:
        """Another expiry, given by hand."""
        end = f"{self.until(after)}" if after is not None else "never"
        return f"Their expiry was changed by hand on {self.day(at)}, to {end}."

    def pinned(self, points: int, hold: int, until: datetime) -> str:
        """What a hold has set aside."""
        be = "is" if points == 10**self._card.decimals else "are"
        return f"{self.units(points)} {be} set aside by hold {hold} until {self.until(until)}."

    def remaining(self, lot: Lot, expires_at: datetime | None) -> str:
        """What remains."""
        if not lot.remaining:
            return "Nothing is left."
        be = "is" if lot.remaining == 10**self._card.decimals else "are"
        if lot.state is LotState.PENDING:
            return f"{self.units(lot.remaining)} {be} pending."
        if expires_at is None:
            return f"{self.units(lot.remaining)} {be} left, and {'does' if be == 'is' else 'do'} not expire."
        if lot.slides:
            return f"{self.units(lot.remaining)} {be} left, until {self.until(expires_at)} or longer with activity."
        return f"{self.units(lot.remaining)} {be} left, until {self.until(expires_at)}."

    def _were(self, points: int, word: str = "") -> str:
        return f"{self.units(points, word)} {'was' if points == 10**self._card.decimals else 'were'}"
