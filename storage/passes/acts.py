"""What becomes of passes: voided, mailed, and phones told to look for updates."""

from typing import NamedTuple
from uuid import UUID

from rules.passes.issuing import LINK_DAYS
from rules.passes.refusals import NoAddress, PassesUrlUnset
from rules.refusals import CustomerBlocked
from rules.states import CustomerState
from storage.customers import queries as customers
from storage.customers.states import check_lives
from storage.engine.commands import CommandContext
from storage.engine.ids import typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.mail import stops
from storage.mail.commands import plan_mail
from storage.mail.records import MailTemplate
from storage.passes import linking
from storage.passes.google_pushes import plan_again
from storage.passes.linking import LinkName
from storage.passes.locking import check_valid, lock, note
from storage.passes.pushing import plan_pushes
from storage.passes.reading import passes
from storage.passes.reading.passes import PassName, PassRead
from storage.passes.records import PASSES
from storage.passes.sealing import WalletKeys
from storage.programs import queries as programs


class VoidPass(NamedTuple):
    """Ends a pass: phones show it greyed, once they have fetched that, and its links lead nowhere."""

    name: PassName
    context: CommandContext

    def answers(self) -> type[PassRead]:
        """The pass."""
        return PassRead

    def decide(self, unit: Unit) -> Answer[PassRead]:
        """Raises ProgramNotFound, PassNotFound, PassVoided."""
        held = lock(unit, self.name, self.context.caller)
        check_valid(held)
        links = linking.revoke(unit, held)
        activity = note(unit, held, self.context, self.name.name, {"links": links})
        voided = {"id": self.name.id, "voided_at": unit.now, "activity": activity}
        unit.add(PASSES.changing("voided_at", "activity"), voided)
        unit.write()
        return Answer(passes.get(unit.connection, self.name), activity)


class Mailed(NamedTuple):
    """A mail that was planned, by its public id, and the link in it; None and empty where somebody only asked."""

    mail: str
    link: LinkName


class EmailPass(NamedTuple):
    """Mails a pass to its customer, with a link to it; `passes_url` is where that will lead, empty: nowhere."""

    name: PassName
    keys: WalletKeys
    passes_url: str
    context: CommandContext

    def answers(self) -> type[Mailed]:
        """The mail."""
        return Mailed

    def decide(self, unit: Unit) -> Answer[Mailed]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CustomerClosed, CustomerBlocked, PassNotFound,
        PassVoided, PassesUrlUnset, NoAddress, AddressRefused, CustomerUnsubscribed, TooManyLinks."""
        context = self.context
        customer = customers.get(programs.get(self.name.program, context.caller), self.name.customer)
        check_lives(customer)
        if customer.state is CustomerState.BLOCKED:
            raise CustomerBlocked(customer=customer.customer_id)
        held = lock(unit, self.name, context.caller)
        check_valid(held)
        if not self.passes_url:
            raise PassesUrlUnset
        if not customer.profile.email:
            raise NoAddress
        stops.check(unit.connection, customer.id, customer.profile.email, self.keys)
        link = linking.new_link(unit, held)
        activity = note(unit, held, context, self.name.name, {"link": link.name})
        linking.keep_link(unit, link, self.keys, LINK_DAYS, activity)
        arguments = {"pass": self.name.serial, "link": link.link}
        mail = plan_mail(unit, held.program.id, held.customer, MailTemplate.PASS, arguments, activity)
        return Answer(Mailed(typeid("mail", UUID(mail).int), link), activity)


class Pushed(NamedTuple):
    """How many of Apple's devices are told, and whether Google is."""

    devices: int
    google: bool


class PushPass(NamedTuple):
    """Tells every phone that has a pass to look for an update, whether or not there is one."""

    name: PassName
    context: CommandContext

    def answers(self) -> type[Pushed]:
        """Who is told."""
        return Pushed

    def decide(self, unit: Unit) -> Answer[Pushed]:
        """Raises ProgramNotFound, PassNotFound."""
        held = lock(unit, self.name, self.context.caller)
        [told] = [Pushed(*row) for row in unit.connection.execute(_WALLETS, (self.name.id, self.name.id))]
        activity = note(unit, held, self.context, self.name.name, told._asdict(), is_event=False)
        of = (held.program.id, held.customer)
        plan_pushes(unit, *of, self.name.id, cause=activity, apple=bool(told.devices), google=False)
        if told.google:
            # What Google has already it is sent all the same.
            plan_again(unit, *of, UUID(self.name.id), cause=activity)
        return Answer(told, activity)


# Google does not tell of everybody who saved a card: it is told of each that it was sent.
_WALLETS = """
SELECT (SELECT count(*) FROM pass_registration WHERE pass = %s),
       EXISTS (SELECT FROM pass_google WHERE pass = %s AND removed_at IS NULL)
"""
