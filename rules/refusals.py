"""Every refusal the rules can give. The docstring is the sentence for the person who meets it."""


class Refusal(Exception):
    """A rule said no. Nothing was changed.

    The class docstring of each refusal is its message, filled with `facts`; the facts travel to the caller as metadata.
    """

    def __init__(self, **facts: object) -> None:
        self.facts = {name: str(value) for name, value in facts.items()}
        super().__init__((type(self).__doc__ or "").format(**self.facts))


class ProgramNotFound(Refusal):
    """There is no program {program} that this caller may see."""


class CustomerNotFound(Refusal):
    """There is no such customer in program {program}."""


class CardNotFound(Refusal):
    """Program {program} has no card {card}."""


class ProgramExists(Refusal):
    """There is a program {program} already; choose another program_id."""


class CustomerExists(Refusal):
    """There is a customer {customer} already; choose another customer_id."""


class ExternalIdTaken(Refusal):
    """Another customer of this program carries that external id of source {source}."""


class DuplicateTransaction(Refusal):
    """Transaction {transaction} was recorded with other content; a transaction is recorded once."""


class RequestIdReused(Refusal):
    """The request_id was used for a request with other content; use a fresh one for a new request."""


class StaleEtag(Refusal):
    """The resource changed since it was read; its etag is now {etag}. Read it again, then decide."""


class UpdateMaskInvalid(Refusal):
    """The update mask names {path}, which cannot be updated."""


class PageTokenMismatch(Refusal):
    """The page token belongs to another list or filter; start again from the first page."""


class TimeZoneUnknown(Refusal):
    """{time_zone} is not a time zone of the IANA database; use a name such as Europe/Prague."""


class CurrencyMismatch(Refusal):
    """The card earns in {expected}; the amount is in {given}."""


class InsufficientPoints(Refusal):
    """The account has {spendable} to spend; {requested} were requested."""


class OccursInFuture(Refusal):
    """The purchase lies in the future of the program's clock, which stands at {now}."""


class NoTestClock(Refusal):
    """Program {program} is live: only a program created with test_clock_time has a clock to move."""


class ClockMovesBack(Refusal):
    """The clock stands at {now}; it only moves forward."""


class CardFixed(Refusal):
    """Card {card} cannot be removed, nor can its decimals change: accounts are counted in it."""


class AmountTooLarge(Refusal):
    """The account would exceed {limit} units."""


class DeadlinePassed(Refusal):
    """The deadline of the call passed before the change was decided; nothing was changed."""


class KeyInvalid(Refusal):
    """No valid API key: send `authorization: Bearer <key>` with a key that is neither revoked nor expired."""


class PermissionMissing(Refusal):
    """This call needs the permission {permission}, which the role {role} does not have."""
