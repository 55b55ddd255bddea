"""Every refusal the rules can give. The docstring is the sentence for the person who meets it."""

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

# As facts have it, for programs.
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?\+00:00")


class Refusal(Exception):
    """A rule said no. Nothing was changed.

    The class docstring of each refusal is its message, filled with `facts`, instants as people write them; the facts
    travel to the caller as metadata. `said` are those that a sentence has other words for: callers branch on DAY, and
    people read "a day".
    """

    said: ClassVar[Mapping[str, Callable[[str], str]]] = {}

    def __init__(self, **facts: object) -> None:
        self.facts = {name: str(value) for name, value in facts.items()}
        words = {name: self.said[name](value) if name in self.said else value for name, value in self.facts.items()}
        sentence = " ".join((type(self).__doc__ or "").split())
        super().__init__(readable(sentence.format(**words)))

    def of(self, **facts: object) -> "Refusal":
        """The same, with facts that say more about what it is of."""
        return type(self)(**{**self.facts, **facts})


def readable(text: str) -> str:
    """A text with its instants as people write them."""
    return _INSTANT.sub(r"\1 \2 UTC", text)


class ProgramNotFound(Refusal):
    """There is no program {program} that this caller may see."""


class CustomerNotFound(Refusal):
    """There is no such customer of {program}."""


class CardNotFound(Refusal):
    """There is no card {card}."""


class LegalHoldNotFound(Refusal):
    """There is no such legal hold in {program}."""


class UserNotFound(Refusal):
    """There is no such user, or none that this caller may see."""


class UserExists(Refusal):
    """{user} has this address already; give that user a role."""


class AddressTaken(Refusal):
    """Somebody whom you may not see has this address already; ask who administers users everywhere to give a role."""


class UserStateWrong(Refusal):
    """The user is {state}."""

    said: ClassVar[Mapping[str, Callable[[str], str]]] = {"state": str.lower}


class UserElsewhere(Refusal):
    """This user holds roles where you administer no users; somebody who does in all of these places has to do it."""


class UserIsCaller(Refusal):
    """Nobody locks or archives himself, or changes his own roles; ask somebody else who administers users."""


class LastAdministrator(Refusal):
    """This is the last active user who administers everything; give somebody else that role first."""


class LoginNotFound(Refusal):
    """The user has no such login, or it is over."""


class RoleAssigned(Refusal):
    """The user has the role {role} there already."""


class RoleNotHeld(Refusal):
    """The user does not have the role {role} there."""


class CustomerHeld(Refusal):
    """A legal hold keeps what is known of {customer}; nothing of it is erased until the hold is lifted."""


class LegalHoldLifted(Refusal):
    """The legal hold was lifted at {lifted_at} already; place another."""


class ProgramExists(Refusal):
    """There is a program {program} already; choose another program_id."""


class CustomerExists(Refusal):
    """There is a customer {customer} already; choose another customer_id."""


class ExternalIdTaken(Refusal):
    """Another customer of this program carries that external id of source {source}."""


class DuplicateTransaction(Refusal):
    """{transaction} was recorded with another {differs}; a transaction is recorded once."""


class RequestIdReused(Refusal):
    """The request_id was used for a request with other content; use a fresh one for a new request."""


class StaleEtag(Refusal):
    """The resource changed since it was read; its etag is now {etag}. Read it again, then decide."""


class UpdateMaskInvalid(Refusal):
    """The update mask names {path}, which cannot be updated."""


class FieldFixed(Refusal):
    """{field} cannot be changed by an update; leave it out, or send what stands."""


class ActionReserved(Refusal):
    """Fealty itself records {action}; call what happened elsewhere by another name."""


class SourceDenied(Refusal):
    """The role {role} may not say that it came from {source}; to say STAFF or PLATFORM, name an acting_user."""


class CursorMismatch(Refusal):
    """The cursor belongs to another stream, or to other books; start from the last one that this stream answered."""


class PageTokenMismatch(Refusal):
    """The page token belongs to another list or filter; start again from the first page."""


class TimeZoneUnknown(Refusal):
    """{time_zone} is not a time zone of the IANA database; use a name such as Europe/Prague."""


class CurrencyMismatch(Refusal):
    """The card earns in {expected}; the amount is in {given}."""


class LinesExceedAmount(Refusal):
    """The lines come to {lines}, more than the amount of {amount}; send each as it was paid, after discounts."""


class SettingsInvalid(Refusal):
    """The settings contradict themselves: {what}."""


class PrecisionTooFine(Refusal):
    """Stamps are whole, and are taken {step} at a time; {given} were requested."""


class TransactionNotFound(Refusal):
    """There is no transaction {transaction}."""


class LotNotFound(Refusal):
    """There is no lot {lot}."""


class HoldNotFound(Refusal):
    """There is no hold {hold}."""


class SpendingNotFound(Refusal):
    """Entry {entry} is no spending."""


class ShortfallNotFound(Refusal):
    """There is no shortfall {shortfall} of which anything remains."""


class OperationNotFound(Refusal):
    """There is no such operation of {program}."""


class EntryNotFound(Refusal):
    """There is no entry {entry}."""


class RefundNotFound(Refusal):
    """There is no refund {refund}."""


class ActivityNotFound(Refusal):
    """There is no activity {activity} that this caller may see."""


class OperationEnded(Refusal):
    """Operation {operation} is {state} already; nothing is left to cancel."""


class EventTypeUnknown(Refusal):
    """The program declares no event type {event_type}; declare it in event_types first."""


class InsufficientPoints(Refusal):
    """The account has {spendable} to spend; {requested} were requested."""


class PointsHeldElsewhere(Refusal):
    """The account has {spendable} to spend and {held} set aside by holds; {requested} were requested."""


class HoldExpired(Refusal):
    """Hold {hold} expired at {expired_at}; its points went back to the account."""


class HoldAlreadyCaptured(Refusal):
    """Hold {hold} was captured already, by entry {entry}."""


class HoldReleased(Refusal):
    """Hold {hold} was released; its points went back to the account."""


class HoldExceeded(Refusal):
    """Hold {hold} sets {points} aside; {requested} were to be captured."""


class HoldTooLong(Refusal):
    """Holds of this card last {ttl_max_s} seconds at most; {requested_s} were requested."""


class TransactionStateWrong(Refusal):
    """Transaction {transaction} is {state}; it would have to be {wanted}."""


class LotStateWrong(Refusal):
    """Lot {lot} is {state}; it would have to be {wanted}."""


class RefundExceedsTransaction(Refusal):
    """Of transaction {transaction}, {remaining} is left to refund; {requested} was requested."""


class RefundExceedsLine(Refusal):
    """Of line {line} of transaction {transaction}, {remaining} is left to refund."""


class LineNotFound(Refusal):
    """Transaction {transaction} has no line {line}."""


class AlreadyRolledBack(Refusal):
    """Of entry {entry}, {remaining} is left to roll back; {requested} was requested."""


class RollbackWindowClosed(Refusal):
    """It could be taken back for {days} days; it is of {spent_at}."""


class TransferToItself(Refusal):
    """The account that is to give and the one that is to get are one; name another customer's."""


class TransferBetweenCards(Refusal):
    """Points of {card} cannot go to an account of {other}: only to another customer's account of the same card."""


class DailyCapReached(Refusal):
    """The account may transfer {limit} {what} a day at most; {used} were used today."""


class CustomerSuspended(Refusal):
    """Customer {customer} is suspended; nothing is earned or spent until it is reactivated."""


class CustomerBlocked(Refusal):
    """{customer} is blocked; it earns nothing, spends nothing and is given nothing until it is reactivated."""


class CustomerClosed(Refusal):
    """{customer} was closed, which cannot be undone; whoever comes back is a new customer."""


class CustomerMerged(Refusal):
    """Customer {customer} was merged into {target}; name that one instead."""


class CustomerStateWrong(Refusal):
    """Customer {customer} is {state}; it would have to be {wanted}."""


class CardArchived(Refusal):
    """{card} is archived; no new points come to it, and what is there can still be spent."""


class ProgramArchived(Refusal):
    """{program} is archived; nothing new begins there until it is unarchived."""


class CardStateWrong(Refusal):
    """{card} is {state}; it would have to be {wanted}."""


class ProgramStateWrong(Refusal):
    """{program} is {state}; it would have to be {wanted}."""


class MergeImpossible(Refusal):
    """These customers cannot be merged: {why}."""


class UnmergeImpossible(Refusal):
    """The merge cannot be undone: {why}."""


class GroupRefused(Refusal):
    """Item {item}, counted from 0, was refused as {reason}: {why} Nothing of its group was recorded."""


class TimeUnknowable(Refusal):
    """A balance is known up to now, {now}; {given} is still to come."""


class OccursInFuture(Refusal):
    """This lies in the future of the program's clock, which stands at {now}."""


class NoTestClock(Refusal):
    """Program {program} is live: only a program created with test_clock_time has a clock to move."""


class ClockMovesBack(Refusal):
    """The clock stands at {now}; it only moves forward."""


class CardFixed(Refusal):
    """Card {card} cannot be removed, nor can its kind, decimals or state change here: accounts are counted in it."""


class EventTypeAwaited(Refusal):
    """Lots that wait for an event {event_type}: {lots}; record it, accept, reject or cancel them, or keep the type."""


class AmountTooLarge(Refusal):
    """The account would exceed {limit} units."""


class DeadlinePassed(Refusal):
    """The deadline of the call passed before the change was decided; nothing was changed."""


class TooManyAttempts(Refusal):
    """Too many attempts failed of late, and this one was not looked at; try again in {retry_after_s} s."""


class RateLimited(Refusal):
    """More calls of this kind ({rate_class}) came from you than {limit} a minute; try again in {retry_after_s} s."""


class KeyInvalid(Refusal):
    """No valid API key or login: send `authorization: Bearer <token>` with a key that is neither revoked nor expired,
    or log in again."""


class CertificateInvalid(Refusal):
    """The client certificate {fingerprint} has ended, or none of its names is registered for a service: register one,
    or show another certificate."""


class PermissionMissing(Refusal):
    """This call needs the permission {permission}, which the role {role} does not have."""


class ExpiryInPast(Refusal):
    """Points cannot expire at {given}: the program's clock stands at {now} already."""
