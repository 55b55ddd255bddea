"""Sentences out of records alone: settings from what to what, acts with little or strange in their records."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import sentences
from rules.cards import CardKind
from rules.sentences import CardNoun, Nouns, Person, english

CLUB = "programs/club"
ADA = f"{CLUB}/customers/ada"
BEN = f"{CLUB}/customers/ben"
ADMIN = {"type": "ADMINISTRATOR", "id": "caller_1"}
NOUNS = Nouns(
    "Coffee club",
    {
        "beans": CardNoun("Beans", CardKind.POINTS, 2, "EUR", is_only=False),
        "mugs": CardNoun("Mugs", CardKind.STAMPS, 0, "CZK", is_only=False),
    },
    {"visit": "Visit", "review.written": "Review"},
    "Europe/Prague",
)


def changed(field: str, before: Any, after: Any) -> dict[str, Any]:
    """A change, as a record has it."""
    return {"field": field, "before": before, "after": after, "kind": "TEXT"}


def of(action: str, subject: str = CLUB, changes: list[dict[str, Any]] | None = None, **details: Any) -> str:
    """The sentence of an administrator's act."""
    body = {"action": action, "actor": ADMIN, "subject": subject, "details": details, "outcome": "SUCCEEDED"}
    told = sentences.activity({**body, "changes": changes or []}, "ann", NOUNS)
    assert told.endswith(" (Administrator ann).")
    return told.removesuffix(" (Administrator ann).")


@pytest.mark.parametrize(
    ("field", "before", "after", "sentence"),
    [
        ("time_zone", "Europe/Prague", "Asia/Tokyo", "Time zone updated from Europe/Prague → Asia/Tokyo"),
        ("display_name", "Club", "Coffee club", "Program name updated from Club → Coffee club"),
        ("cards.beans.pending.days", 10, 7, "Pending days of card Beans updated from 10 → 7 days"),
        ("cards.beans.pending.days", 10, 1, "Pending days of card Beans updated from 10 → 1 day"),
        ("cards.beans.expiry_policy.days", 365, 730, "Days to expiry of card Beans updated from 365 → 730 days"),
        ("cards.beans.earn_rate.points", 100, 150, "Points earned per step of card Beans updated from "
         "1.00 → 1.50 points"),
        ("cards.mugs.earn_rate.points", 2, 1, "Points earned per step of card Mugs updated from 2 → 1 stamp"),
        ("cards.mugs.earn_rate.per_amount_minor", 100, 50, "Amount per step of card Mugs updated from "
         "1.00 CZK → 0.50 CZK"),
        ("cards.beans.earn_rate.whole_steps", False, True, "Earning by whole steps only of card Beans toggled "
         "from Disabled → Enabled"),
        ("cards.beans.earn_rate.whole_steps", True, False, "Earning by whole steps only of card Beans toggled "
         "from Enabled → Disabled"),
        ("cards.beans.pending.mode", "DELAY", "BY_HAND", "Pending period of card Beans updated from delay → by hand"),
        ("cards.beans.pending.event_type", "visit", "review.written", "Event that activates of card Beans updated from "
         "Visit → Review"),
        ("cards.beans.refund_policy", "WITHIN_BALANCE", "UNLIMITED", "Refund policy of card Beans updated from "
         "within balance → unlimited"),
        ("cards.beans.hold_ttl_max_s", 86400, 600, "Longest hold of card Beans updated from 86,400 → 600 seconds"),
        ("cards.beans.rollback_days", 0, 7, "Days to roll back a spending of card Beans updated from 0 → 7 days"),
        ("cards.beans.expiry_policy.dates", [[6, 30]], [[6, 30], [12, 31]], "Dates of expiry of card Beans updated "
         "from 30 June → 30 June, 31 December"),
        ("cards.beans.expiry_policy.activity_types", ["visit"], ["visit", "transaction.recorded"],
         "Activities that postpone the expiry of card Beans updated from Visit → Visit, purchases"),
        ("cards.beans.expiry_policy.activity_types", [], ["visit"], "Activities that postpone the expiry of card Beans "
         "set to Visit"),
        ("cards.beans.pending.date", "2025-01-01", None, "Date of activation of card Beans taken away"),
        ("event_types.review.written.display_name", "Praise", "Review", "Name of event type Review updated from "
         "Praise → Review"),
        ("event_types.visit.card_id", "", "mugs", "Card of event type Visit set to Mugs"),
        ("cards.gone.rollback_days", 1, 2, "Days to roll back a spending of card gone updated from 1 → 2 days"),
        ("cards.beans.something_new", 1, 2, "Something new of card Beans updated from 1 → 2"),
        ("tier.retention_days", "365", "730", "Retention days updated from 365 → 730"),
    ],
)  # fmt: skip
def test_a_setting_is_told_from_what_to_what(field: str, before: Any, after: Any, sentence: str) -> None:
    """In the words of the products that we learn from: updated from → to, toggled from → to."""
    assert of("program.updated", changes=[changed(field, before, after)]) == sentence


def test_what_comes_or_goes_as_a_whole_is_told_once() -> None:
    """A card has twenty settings; that it is new is one thing."""
    of_card = {"card_id": "mugs", "display_name": "Mugs", "decimals": 0, "earn_rate.points": 1, "rollback_days": 0}
    added = [changed(f"cards.mugs.{name}", None, value) for name, value in of_card.items()]
    gone = [
        changed(f"event_types.visit.{name}", value, None)
        for name, value in {"event_type": "visit", "points": 0}.items()
    ]
    assert of("program.updated", changes=[*added, *gone]) == "Card Mugs added; event type Visit taken away"


def test_a_policy_is_toggled_and_then_says_what_it_is() -> None:
    """As it goes, it has nothing more to say."""
    fields = {"mode": "DELAY", "days": 10, "date": None, "event_type": ""}
    comes = [changed(f"cards.beans.pending.{name}", None, value) for name, value in fields.items()]
    goes = [changed(f"cards.beans.pending.{name}", value, None) for name, value in fields.items()]
    assert of("program.updated", changes=comes) == (
        "Pending period of card Beans toggled from Disabled → Enabled; pending days of card Beans set to 10 days"
    )
    assert of("program.updated", changes=goes) == "Pending period of card Beans toggled from Enabled → Disabled"


def test_of_what_is_withheld_only_the_field_is_told() -> None:
    """Whose email it became is nothing for a log that is kept for ever."""
    fields = [changed(field, None, None) for field in ("email", "phone_number")]
    assert of("customer.updated", ADA, [fields[0]]) == "Email of customer ada changed"
    assert of("customer.updated", ADA, fields) == "Email and phone number of customer ada changed"
    assert of("customer.created", ADA, fields) == "Customer ada created with email and phone number"


@pytest.mark.parametrize(
    ("action", "subject", "details", "sentence"),
    [
        ("customer.erased", ADA, {"merged": [BEN], "passes": 2}, "Customer ada erased, with customer ben: "
         "2 passes voided"),
        ("customer.merged", ADA, {"accounts": [], "into": BEN, "passes": 1, "coupons": 2}, "Customer ada merged into "
         "customer ben, which got 2 coupons, 1 pass"),
        ("erasure.completed", ADA, {}, "Erasure of customer ada completed"),
        ("mail.sent", ADA, {"mail": "mail_1", "template": "test"}, "Mail test sent to customer ada"),
        ("mail.failed", ADA, {"template": "test", "error": "MailRefused 550"}, "Mail test to customer ada given up: "
         "MailRefused 550"),
        ("key.created", "keys/0f", {"name": "till", "role": "SERVICE"}, "API key 0f made for till, as service"),
        ("key.revoked", "keys/0f", {}, "API key 0f revoked"),
        ("database.migrated", "database", {"applied": ["0001_books", "0002_ledger"]}, "Database migrated by 2 steps"),
        ("index.rebuilt", "log", {"indexes": ["words", "counts"]}, "Words and counts of the activity log "
         "forgotten, to be taken anew"),
        ("process.started", "processes/server", {"version": "1.2"}, "Server started, version 1.2"),
        ("process.ended", "processes/clock", {}, "Clock ended"),
        ("customer.read", ADA, {}, "Personal data of customer ada read"),
        ("customer.read", ADA, {"fields": ["customer.display_name", "customer.external_ids.external_id"]},
         "External ids and name of customer ada read"),
        ("customer.looked_up", ADA, {"fields": ["customer.email"]}, "Customer ada looked up by an external id, showing "
         "email"),
        ("customer.listed", CLUB, {"count": 12, "fields": ["customers.email", "customers.phone_number"]},
         "12 customers listed, showing email and phone number"),
        ("customer.listed", CLUB, {"count": 1}, "1 customer listed"),
        ("access.listed", ADA, {"count": 2}, "2 looks at the data of customer ada listed"),
        ("activity.listed", ADA, {"count": 20}, "20 activities of customer ada listed"),
        ("activity.listed", "programs/-", {"count": 1}, "1 activity of all programs listed"),
        ("activity.watched", CLUB, {}, "Activities of program Coffee club watched"),
        ("activity.exported", "-", {"count": 1200, "format": "CSV", "whole": True}, "1,200 activities of all programs "
         "exported as CSV"),
        ("activity.exported", ADA, {"count": 1, "format": "NDJSON", "whole": False}, "1 activity of customer ada "
         "exported as NDJSON, not all of them"),
        ("export.started", CLUB, {"count": 30, "format": "CSV", "resumed": True}, "Export of activities of program "
         "Coffee club as CSV gone on with after 30"),
        ("export.planned", ADA, {"format": "CSV"}, "Export of activities of customer ada as CSV into a file begun"),
        ("operation.succeeded", f"{CLUB}/operations/1", {"kind": "EXPORT_ACTIVITIES", "on": CLUB, "rows": 12}, "Export "
         "of activities of program Coffee club done after 12 activities"),
        ("debt.repaid", f"{ADA}/accounts/beans", {"amount": -250}, "2.50 points (Beans) of customer ada repaid debt"),
        ("points.spent", f"{ADA}/accounts/beans", {"amount": -100, "transaction": "t1"}, "1.00 point (Beans) of "
         "customer ada spent on purchase t1"),
        ("points.spent", f"{CLUB}/customers/customer_01m8mxztp0zf0faam47vsssrg0/accounts/mugs", {"amount": -1},
         "1 stamp (Mugs) of a customer spent"),
        ("redating.started", f"{CLUB}/cards/beans", {"accounts": 2, "expiry": "AT", "expires_at":
         "2025-02-28T23:00:00+00:00"}, "Expiry of points (Beans) is being set to the end of 28 February 2025, in "
         "2 accounts"),
        ("operation.failed", f"{CLUB}/operations/1", {"on": f"{ADA}/accounts/beans", "points": 250, "lots": 2,
         "accounts_done": 1, "accounts_total": 1, "error": "ValueError"}, "Change of the expiry of points (Beans) of "
         "customer ada given up after 1 of 1 account: 2.50 points in 2 lots changed"),
        ("transaction.recorded", f"{ADA}/transactions/t1", {"amount_minor": 1250, "currency": "CZK", "points": 0},
         "Purchase t1 of 12.50 CZK: no points"),
        # Which card it was, nobody can say any more; nor, therefore, what its points are.
        ("transaction.recorded", f"{ADA}/transactions/t1", {"amount_minor": 1250, "currency": "CZK", "points": 5},
         "Purchase t1 recorded"),
        ("points.adjusted", f"{ADA}/accounts/beans", {"amount": "forty"}, "Points of customer ada adjusted"),
        ("hold.created", f"{ADA}/accounts/beans/holds/1", {"points": 5, "expires_at": "soon"}, "Hold of customer ada "
         "created"),
        ("program.clock_advanced", CLUB, {}, "Program Coffee club clock advanced"),
        ("something.new_to_us", ADA, {}, "Something of customer ada new to us"),
    ],
)  # fmt: skip
def test_a_record_is_told_as_far_as_it_goes(action: str, subject: str, details: dict[str, Any], sentence: str) -> None:
    """What workers, operators and readers did, and records of versions that said less, or said it otherwise."""
    assert of(action, subject, **details) == sentence


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
# The names that templates ask for, with whatever in them.
NAMES = (
    "amount", "amount_minor", "points", "currency", "card", "account", "accounts", "event_type", "expires_at", "expiry",
    "lots", "on", "into", "from", "to", "restored", "expired", "remaining", "count", "applied", "settings", "fields",
    "terms", "last_four", "card_id",
)  # fmt: skip
SUBJECTS = (CLUB, ADA, f"{ADA}/accounts/beans", f"{ADA}/accounts/mugs/holds/1", "keys/0f", "", "-", "a/b/c/d/e")
CHANGES = st.tuples(
    st.sampled_from(
        (
            *("cards.beans.pending.days", "cards.mugs.earn_rate.points", "cards.beans.expiry_policy.dates"),
            *("basis_points", "points", "amount_minor", "last_day", "product_ids", "stacking.exclusive"),
        )
    ),
    JSON,
    JSON,
)


@pytest.mark.parametrize("action", english.TEMPLATES)
@given(
    details=st.dictionaries(st.sampled_from(NAMES), JSON),
    subject=st.sampled_from(SUBJECTS),
    changes=st.lists(CHANGES, max_size=3),
)
@settings(max_examples=30)
def test_no_record_is_without_a_sentence(
    action: str, details: dict[str, Any], subject: str, changes: list[tuple[str, Any, Any]]
) -> None:
    """One that cannot be told would make every page that it is on fail."""
    told = of(action, subject, [changed(*change) for change in changes], **details)
    assert told[0] == told[0].upper()


def test_an_older_record_of_a_purchase_says_its_card_by_the_balance_that_changed() -> None:
    """Its details had no card."""
    details = {"amount_minor": 1250, "currency": "EUR", "points": 1250}
    changes = [changed("beans.active", 0, 1250)]
    told = of("transaction.recorded", f"{ADA}/transactions/t1", changes, **details)
    assert told == "Purchase t1 of €12.50: 12.50 points (Beans)"


def test_a_record_of_the_first_version_has_texts_for_values_and_no_kinds() -> None:
    """And "" where there was nothing."""
    change = {"field": "cards.beans.pending.days", "before": "", "after": "7"}
    assert of("program.updated", changes=[change]) == "Pending days of card Beans set to 7"


def test_floods_that_were_folded_say_how_many_they_were() -> None:
    """One record stands for a minute of them."""
    body = {"action": "points.spent", "actor": {"type": "ANONYMOUS", "id": ""}, "subject": "", "outcome": "DENIED"}
    details = {"reason": "KEY_INVALID", "folded": 1200}
    assert sentences.activity({**body, "details": details}) == (
        "Somebody without a valid key tried 1,200 times to spend points: denied, because the key is not valid."
    )
    unheard_of = {"reason": "NEW_REASON"}
    assert sentences.activity({**body, "details": unheard_of}).endswith(": denied (NEW_REASON).")


def test_who_it_was_done_for_and_why_stand_behind_it() -> None:
    """The codes are the caller's own, and shown as they are."""
    details = {"reason_code": "PRICE_MATCH", "admin": "u-17"}
    body = {"action": "customer.suspended", "actor": ADMIN, "subject": ADA, "changes": [], "outcome": "SUCCEEDED"}
    told = sentences.activity({**body, "details": details}, "ann")
    assert told == "Customer ada suspended (Administrator ann for u-17, PRICE_MATCH)."
    assert sentences.event("customer.suspended", ADA, details) == "Customer ada suspended (for u-17, PRICE_MATCH)."
    asked = {**body, "details": {}, "purpose": "ticket-4711"}
    assert sentences.activity(asked, "ann") == "Customer ada suspended (Administrator ann, ticket-4711)."
    # The first key that an installation makes is called by its role.
    first = {**body, "details": {}}
    assert sentences.activity(first, "administrator") == "Customer ada suspended (Administrator)."
    by_hand = {**body, "details": {}, "actor": {"type": "ADMINISTRATOR", "id": "operator"}}
    assert sentences.activity(by_hand) == "Customer ada suspended (the operator)."
    # A caller that is gone has no name, and its id says nothing.
    gone = {**body, "details": {}, "actor": {"type": "SERVICE", "id": "caller_01m8mxztp0zf0faam47vsssrg0"}}
    assert sentences.activity(gone) == "Customer ada suspended (Service)."


@pytest.mark.parametrize(
    ("action", "subject", "related", "outcome", "sentence"),
    [
        ("booking.created", ADA, "bookings/b_4711", "SUCCEEDED", "Booking b_4711 of customer ada created"),
        ("enquiry.answered", ADA, "enquiries/9", "SUCCEEDED", "Enquiry 9 of customer ada answered"),
        ("visit.checked_in", ADA, "stores/12", "SUCCEEDED", "Visit of customer ada checked in, about store 12"),
        ("report.exported", CLUB, "reports/9", "SUCCEEDED", "Report 9 exported"),
        ("login.tried", ADA, "", "DENIED", "Login of customer ada tried: denied"),
    ],
)
def test_what_happened_elsewhere_is_told_by_its_own_name(
    action: str, subject: str, related: str, outcome: str, sentence: str
) -> None:
    """No template can know what callers record: they choose the name, and the log must read well all the same."""
    details = {"related": related} if related else {}
    body = {"action": action, "actor": ADMIN, "subject": subject, "details": details, "outcome": outcome}
    body["method"] = "/fealty.v1.AuditService/RecordActivity"
    assert sentences.activity(body, "ann", NOUNS) == f"{sentence} (Administrator ann)."


def test_the_language_that_is_wanted_most_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second language is a second module; nobody else has to know."""

    class Czech:
        @staticmethod
        def activity(*_: Any) -> str:
            return "Nákup."

        event = activity

    monkeypatch.setitem(sentences.LANGUAGES, "cs", Czech)
    sentences.chosen.cache_clear()
    for accepted in ("cs", "cs-CZ", "CS", "de, cs;q=0.9, en;q=0.5", "en;q=0.2,cs;q=0.3"):
        assert sentences.event("points.spent", ADA, {}, NOUNS, accepted) == "Nákup."
    for accepted in ("", "de", "en, cs;q=0.9", "cs;q=0", "cs;q=much", "csb"):
        assert sentences.event("points.spent", ADA, {}, NOUNS, accepted) == "Points of customer ada spent."
    sentences.chosen.cache_clear()


PEOPLE = NOUNS._replace(people={"user_a": Person("Anna Held"), "user_b": Person(""), "user_c": Person("Cora")})
ASKED = f"{CLUB}/approvalRequests/approval_01m8pwvrvee16tjyjc5q2f3x7s"


def by_people(action: str, subject: str, actor: dict[str, Any] = ADMIN, /, **details: Any) -> str:
    """The sentence of what the people of PEOPLE have done."""
    body = {"action": action, "actor": actor, "subject": subject, "details": details, "outcome": "SUCCEEDED"}
    assert sentences.people_of(body) <= {*PEOPLE.people, "user_gone"}
    return sentences.activity({**body, "changes": []}, "ann", PEOPLE)


def test_who_was_made_an_administrator_is_told() -> None:
    """The log has it twice after a break-in, and whoever reads it looks for the second."""
    operator = {"type": "SYSTEM", "id": "operator"}
    told = by_people("administrator.created", "users/user_a", operator)
    assert told == "Administrator created: user Anna Held."


def test_for_whom_a_service_acted_is_told_by_name() -> None:
    """It is the very report of who looked at a customer's data."""
    told = by_people("customer.read", ADA, {**ADMIN, "on_behalf_of": "users/user_a"})
    assert told.endswith(" (Administrator ann on behalf of user Anna Held).")
    told = by_people("customer.read", ADA, {**ADMIN, "on_behalf_of": "users/user_gone"})
    assert told.endswith(" (Administrator ann on behalf of a user).")


@pytest.mark.parametrize(
    ("approvers", "said"),
    [
        (["user_a", "user_c"], "approved by Anna Held and Cora: request …2f3x7s"),
        (["user_b"], "approved by user_b: request …2f3x7s"),
        (["user_gone"], "approved by others: request …2f3x7s"),
        (None, "approved by others: request …2f3x7s"),
    ],
)
def test_who_approved_an_act_is_told_by_name(approvers: list[str] | None, said: str) -> None:
    """But to the customer, whose affair it is not; and a record that says less is told with less."""
    details: dict[str, Any] = {"approval": ASKED, **({"approved_by": approvers} if approvers else {})}
    assert by_people("customer.blocked", ADA, **details).endswith(f" (Administrator ann, {said}).")
    assert "approved" not in sentences.event("customer.blocked", ADA, details, PEOPLE)


@pytest.mark.parametrize(
    ("action", "of", "details", "asked"),
    [
        ("points.adjusted", f"{ADA}/accounts/beans", {"figures": {"points": -500_000}},
         "adjust points of customer ada by -5,000.00 points (Beans)"),
        ("transaction.refunded", f"{CLUB}/transactions/t1", {"figures": {"amount_minor": 125}},
         "refund purchase t1 (amount minor 125)"),
        ("role.assigned", "users/user_a", {"roles": [{"role": "till-desk", "scope": CLUB}]},
         "give user Anna Held role till-desk in program club"),
        ("role.ended", "users/user_a", {"roles": [{"role": "AUDITOR", "scope": ""}]},
         "take role auditor in all programs from user Anna Held"),
        ("user.invited", "", {"roles": [{"role": "STAFF", "scope": ""}]}, "invite a user, as staff in all programs"),
        ("role.assigned", "users/user_a", {}, "give user Anna Held a role"),
    ],
)  # fmt: skip
def test_what_was_asked_for_is_told_with_its_figures_and_roles(
    action: str, of: str, details: dict[str, Any], asked: str
) -> None:
    """Five requests of one afternoon are told apart, also when what was asked for is gone."""
    told = by_people("approval.rejected", ASKED, action=action, of=of, **details)
    assert told == f"Request …2f3x7s to {asked} rejected (Administrator ann)."
