"""A program whose clock we hold, with customers, and everything that can be done to them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg

from rules.passes.designs import Design, Image, ImageRole, PassKind
from rules.programs import Card, EarnRate, ExpiryPolicy, PendingMode, PendingPolicy, Settings
from rules.refusals import Refusal
from rules.rewards import Offer, RewardTerms
from storage.activity.records import ActivityRow
from storage.customers.commands import CreateCustomer
from storage.customers.queries import Profile
from storage.engine.commands import ColdCommand, carry_out
from storage.engine.database import Database, connection
from storage.engine.requests import Answer
from storage.engine.unit import run
from storage.ledger.acts.transactions import Recorded
from storage.ledger.addresses import Address
from storage.ledger.commands import AllOrNothing, Balance, Command
from storage.ledger.entries import EntryRead
from storage.ledger.group import Outcome
from storage.ledger.queries import GetBalance, ListEntries
from storage.ledger.sweep import programs_with_due, sweep
from storage.ledger.verify import verify
from storage.passes.images import UploadImage
from storage.passes.queries import Template
from storage.passes.templates import CreateTemplate
from storage.programs.archiving import ArchiveCard, ArchiveProgram
from storage.programs.commands import AdvanceTestClock, CreateProgram, UpdateProgram
from storage.programs.queries import Program
from storage.rewards.catalogue import CreateReward
from storage.rewards.queries import Reward
from tests.databases import SEEN, as_owner
from tests.personal import KEYRING
from tests.pictures import png
from tests.storage.asking import CALLER, ORIGIN, asked, request
from tests.storage.asking_coupons import AskingCoupons
from tests.storage.blocking import Ledger, Reader

__all__ = ["CALLER", "ORIGIN", "SETTINGS", "START", "Scene", "answered", "asked", "request"]

Value = TypeVar("Value")

START = datetime(2025, 1, 1, 12, tzinfo=UTC)

# One unit for each cent. Active at once for ever; pending for ten days, then usable to the end of the month after.
PLAIN = Card("plain", "Plain", 0, EarnRate(1, 1, "EUR"))
SLOW = Card("slow", "Slow", 2, EarnRate(1, 1, "EUR"), PendingPolicy(PendingMode.DELAY, 10), ExpiryPolicy(1))
SETTINGS = Settings("Coffee club", "Europe/Prague", (PLAIN, SLOW))


def answered(outcome: Any) -> Answer[Any]:
    """The answer in an outcome, which must be one."""
    if isinstance(outcome, Exception):
        raise outcome
    assert isinstance(outcome, Answer)
    return outcome


class Scene(AskingCoupons):
    """A program and its customers. Its clock stands at START until it is moved."""

    def __init__(self, database: Database, *names: str, program: str = "coffee", settings: Settings = SETTINGS) -> None:
        super().__init__(program)
        self.database = database
        self.ledger = Ledger(database)
        self.program = self.carry_out(CreateProgram(program, settings, START, asked(program))).value
        for name in names or ("ada",):
            self.carry_out(CreateCustomer(program, name, Profile(), asked(name)))

    def carry_out(self, command: ColdCommand[Value]) -> Answer[Value]:
        """The answer to a cold command; raises where it was refused."""
        return carry_out(self.database, command, KEYRING)

    def group(self, *commands: Command) -> list[Outcome]:
        """The outcomes of commands that share a transaction."""
        outcomes: list[Any] = self.ledger.run(commands)
        return outcomes

    def all_or_nothing(self, *commands: Command) -> list[Outcome]:
        """The outcomes of commands of which all are done, or none."""
        [outcomes] = self.ledger.run([AllOrNothing(commands)])
        assert isinstance(outcomes, list)
        return outcomes

    def refused(self, command: Command) -> Refusal:
        """The refusal of one command, which must have changed nothing."""
        before = self.contents()
        [outcome] = self.group(command)
        assert isinstance(outcome, Refusal), outcome
        assert self.contents() == before
        return outcome

    def do(self, command: Command) -> Answer[Any]:
        """The answer to one command; raises where it was refused."""
        [outcome] = self.group(command)
        return answered(outcome)

    def earn(self, points: int, name: str = "ada", card: str = "plain", **more: Any) -> Recorded:
        """Records a purchase."""
        value = self.do(self.purchase(points, name, card, **more)).value
        assert isinstance(value, Recorded)
        return value

    def advance(self, by: timedelta) -> None:
        """Moves the clock."""
        [moved] = self.rows("SELECT test_clock_at FROM program WHERE program_id = %s", [self.program_id])
        self.carry_out(AdvanceTestClock(self.program_id, moved[0] + by, asked(by)))

    def change(self, **changes: Any) -> None:
        """Changes the program's settings: a new version."""
        self.carry_out(UpdateProgram(self.program_id, "", changes, asked(changes)))

    def offer(self, reward_id: str = "mug", card: str = "plain", price: int = 60, **terms: Any) -> Reward:
        """Makes a reward."""
        offer = Offer(reward_id.capitalize(), "", RewardTerms(card, price, **terms))
        return self.carry_out(CreateReward(self.program_id, reward_id, offer, asked(offer))).value

    def design(self, **design: Any) -> Design:
        """A design of passes, with an icon that is kept: of points of the card `plain`, where nothing else is said."""
        icon = self.carry_out(UploadImage(self.program_id, png(), asked("icon"))).value
        images = (Image(ImageRole.ICON, icon.sha256, 0, 0),)
        given = {"description": (("en", "Card"),), "card_id": "plain", "images": images, **design}
        return Design(given.pop("kind", PassKind.LOYALTY), "Coffee club", **given)

    def template(self, template_id: str = "card", **design: Any) -> Template:
        """Makes a pass template."""
        made = self.design(**design)
        command = CreateTemplate(self.program_id, template_id, "Club card", made, asked(made))
        return self.carry_out(command).value

    def archive(self, card: str = "", archive: bool = True, **how: Any) -> Answer[Program]:
        """Archives the program, or a card of it; or takes that back."""
        etag = how.pop("etag", "")
        context = asked((card, archive, etag), **how)
        if card:
            return self.carry_out(ArchiveCard(self.program_id, card, etag, archive, context))
        return self.carry_out(ArchiveProgram(self.program_id, etag, archive, context))

    def sweep(self, limit: int = 100) -> None:
        """What the workers do: settles everything that is due."""
        with connection(self.database) as books:
            due = programs_with_due(books)
        if self.program.id in due:
            more = True
            while more:
                swept = run(self.database, lambda unit: sweep(unit, self.program.id, limit))
                assert not swept.set_aside, swept
                more = swept.found == limit

    def balance(self, name: str = "ada", card: str = "plain") -> Balance:
        """What a reader sees now."""
        [found] = Reader(self.database).run([GetBalance(Address(self.program_id, name, card))])
        assert isinstance(found, Balance)
        return found

    def entries(self, name: str = "ada", card: str = "plain") -> list[EntryRead]:
        """The points history, newest first."""
        [found] = Reader(self.database).run([ListEntries(Address(self.program_id, name, card), 2**63 - 1, 1000)])
        assert isinstance(found, list)
        return found

    def rows(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Whatever a test wants to know beyond the books' own queries."""
        with connection(self.database) as books:
            return books.execute(query.encode(), parameters).fetchall()

    def execute(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> None:
        """What no command of ours would do, by the owner of the tables."""
        with self.another_connection() as books:
            books.execute(statement.encode(), parameters)

    def another_connection(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection beside this thread's own, of the owner of the tables."""
        return psycopg.connect(as_owner(self.database.database), autocommit=True)

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table that the application sees."""
        tables = [name for (name,) in self.rows(SEEN)]
        return {table: sorted(self.rows(f'SELECT "{table}"::text FROM "{table}"')) for table in tables}

    def assert_conserved(self) -> None:
        """`fealty ledger verify` finds no fault."""
        with connection(self.database) as books:
            verdict = verify(books)
        assert verdict.holds, verdict.shown

    def bodies(self) -> list[str]:
        """The bodies of all activities, oldest first."""
        return [row.body for row in ActivityRow.select().order_by(ActivityRow.id)]
