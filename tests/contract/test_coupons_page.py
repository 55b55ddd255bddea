"""docs/coupons.md, held against the contract that it speaks of."""

import re
from typing import Any

from fealty.v1 import errors_pb2, options_pb2
from tests.client.recipes import COUPONS
from tests.contract.descriptors import messages, methods

POLICY: Any = options_pb2.policy
PAGE = COUPONS.read_text()
# Reasons of coupons and rewards; what is met elsewhere too, docs/client.md says.
OWN = range(300, 400)
CHECKOUT = re.compile(
    r"(Assign|Void)Coupon|(Validate|Reserve|Release|Redeem)Coupons|RollBackRedemption|(Claim|Cancel)\w+"
)


def test_whatever_a_checkout_is_refused_for_stands_in_the_table() -> None:
    """Whoever meets a reason at the till looks there for what to do."""
    table = PAGE.partition("## When it is refused")[2]
    told = {reason for row in re.findall(r"^\| ([A-Z_, ]+) \|", table, re.MULTILINE) for reason in row.split(", ")}
    met = {
        errors_pb2.ErrorReason.Name(reason).removeprefix("ERROR_REASON_")
        for method in methods()
        if CHECKOUT.fullmatch(method.name)
        for reason in method.GetOptions().Extensions[POLICY].errors
        if reason in OWN
    }
    assert met - told == set()
    known = {name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.DESCRIPTOR.values_by_name}
    assert told - known == set()


def test_each_call_that_the_page_names_is_one_of_the_contract() -> None:
    """A name that nobody finds sends its reader to the sources."""
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    named = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", prose))
    assert len(named) > 10
    assert named - {method.name for method in methods()} - {message.name for message in messages()} == set()
