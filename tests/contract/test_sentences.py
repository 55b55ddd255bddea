"""Nothing that the log can hold is without a sentence: every act, every reason, every setting."""

import re
from dataclasses import fields

import pytest

from fealty.v1 import options_pb2
from fealty.v1.errors_pb2 import ErrorReason
from rules import sentences
from rules.activity import CODE_FAILED, LOGIN_FAILED, METHOD_UNKNOWN, OWN
from rules.cards import Card, EarnRate, ExpiryPolicy, PendingPolicy
from rules.coupons.terms import Period, Stacking, Terms
from rules.passes.designs import Barcode, Colors, Design
from rules.passes.designs import Field as PassField
from rules.programs import EventType, Settings
from rules.rewards import CancelPolicy, RewardTerms
from rules.sentences import english
from rules.sentences.english import attempts, campaigns, customers, elsewhere, pass_templates, reasons, rewards
from rules.sentences.english.fields import FIELDS
from server.policy import methods
from storage.customers.queries import Profile

CALLED = {method.kind.action for method in methods()} | {METHOD_UNKNOWN.action, LOGIN_FAILED.action, CODE_FAILED.action}
# Of a read that shows nothing personal there is a record only where it came to nothing.
LOGGED = {method.kind.action for method in methods() if method.audit != options_pb2.AUDIT_CLASS_READ}
# What happened elsewhere stands under the name that its caller gives it.
LOGGED -= {elsewhere.CALL_ACTION}
ADA = "programs/club/customers/ada"
_UNREADABLE = re.compile(r"programs/|units|minor|_|None|\{")


def test_every_act_has_a_sentence_of_its_own() -> None:
    """Whoever adds one says what it is called: the log is read by people."""
    assert (LOGGED | {kind.action for kind in OWN}) - set(english.TEMPLATES) == set()
    assert set(english.TEMPLATES) - CALLED - {kind.action for kind in OWN} == set()


def test_every_call_has_words_for_what_it_tried() -> None:
    """No two have the same: a denial that could be of either is none that can be looked into."""
    assert set(attempts.ATTEMPTS) == CALLED
    said = [_failed(action, "DENIED") for action in CALLED]
    assert len(set(said)) == len(CALLED)


@pytest.mark.parametrize("outcome", ["DENIED", "INVALID", "REFUSED", "FAILED"])
@pytest.mark.parametrize("subject", ["", "-", "programs/club", "programs/-", "programs/club/cards/plain", ADA, "x/y/z"])
def test_whatever_came_to_nothing_is_said_so_that_people_understand(subject: str, outcome: str) -> None:
    """Also where the call named nothing, or something else than it should have."""
    for action in CALLED:
        sentence = _failed(action, outcome, subject)
        assert sentence.startswith("Service till tried to ")
        assert sentence.endswith(", because the key is not valid.")
        assert not _UNREADABLE.search(sentence)


@pytest.mark.parametrize("subject", ["", ADA, f"{ADA}/accounts/plain", f"{ADA}/transactions/t1", "operations/x", "x/y"])
def test_a_record_that_says_nothing_more_still_has_a_sentence(subject: str) -> None:
    """Records are never rewritten, and those of an earlier version said less."""
    for action in CALLED | {kind.action for kind in OWN} | {"something.new", "strange"}:
        sentence = sentences.activity(_body(action, subject), "till")
        assert sentence.endswith(" (Service till).")
        assert not _UNREADABLE.search(sentence)
        assert sentences.event(action, subject, {}).endswith(".")


def test_every_reason_is_said_in_plain_words() -> None:
    """`INSUFFICIENT_POINTS` is for programs; who reads the log reads that there were not enough points."""
    named = {name.removeprefix("ERROR_REASON_") for name, number in ErrorReason.items() if number}
    assert set(reasons.REASONS) == named


def test_every_setting_has_a_name_for_people() -> None:
    """`hold_ttl_max_s` is for programs."""
    policies = {"pending": PendingPolicy, "expiry_policy": ExpiryPolicy, "earn_rate": EarnRate}
    wanted = {f"program.{one.name}" for one in fields(Settings)} - {"program.cards", "program.event_types"}
    wanted |= {one.name for one in fields(Card)} - set(policies)
    wanted |= {f"{policy}.{one.name}" for policy, kind in policies.items() for one in fields(kind)}
    wanted |= {f"event_types.{one.name}" for one in fields(EventType)}
    # By these a card or an event type comes and goes; no update archives.
    wanted -= {"card_id", "event_types.event_type", "archived", "program.archived"}
    assert set(FIELDS) == wanted
    assert set(customers.FIELDS) == set(Profile._fields)
    of_rewards = {"display_name", "description", *(f"terms.{one.name}" for one in fields(RewardTerms))}
    of_rewards |= {f"terms.cancel_policy.{one.name}" for one in fields(CancelPolicy)}
    # The card stays, and limits are called by their periods.
    of_rewards -= {"terms.card_id", "terms.customer_limits", "terms.cancel_policy"}
    assert set(rewards.FIELDS) == of_rewards


def test_every_term_of_a_campaign_has_a_name_for_people() -> None:
    """As an update tells of it: limits by their period, stacking by its parts."""
    wanted = {one.name for one in fields(Terms)} - {"customer_limits", "stacking", "benefit", "code_source"}
    wanted |= {f"customer_limits.{period}" for period in Period}
    wanted |= {f"stacking.{one.name}" for one in fields(Stacking)}
    assert set(campaigns.FIELDS) == wanted | {"display_name"}


def test_every_part_of_a_pass_design_has_a_name_for_people() -> None:
    """As an update tells of it; images are called by what they are for, and what is fixed never changes."""
    wanted = {one.name for one in fields(Design)} - {"kind", "card_id", "colors", "images", "barcode"}
    wanted |= {f"colors.{one.name}" for one in fields(Colors)} | {f"barcode.{one.name}" for one in fields(Barcode)}
    wanted |= {f"fields.{one.name}" for one in fields(PassField)} - {"fields.key"}
    assert set(pass_templates.FIELDS) == wanted | {"display_name"}


def _failed(action: str, outcome: str, subject: str = "") -> str:
    return sentences.activity(
        {**_body(action, subject), "details": {"reason": "KEY_INVALID"}, "outcome": outcome}, "till"
    )


def _body(action: str, subject: str) -> dict[str, object]:
    actor = {"type": "SERVICE", "id": "caller_1"}
    return {
        "action": action, "actor": actor, "subject": subject, "details": {}, "changes": [], "outcome": "SUCCEEDED",
    }  # fmt: skip
