"""Sentences of coupons by the many, word by word."""

from typing import Any

import pytest

from rules import sentences
from tests.rules.test_sentences import of

SPRING = "programs/club/couponCampaigns/spring"
BATCH = f"{SPRING}/batches/3"
OPERATION = "programs/club/operations/1"


@pytest.mark.parametrize(
    ("action", "subject", "details", "sentence"),
    [
        ("coupons.generated", SPRING, {"accounts": 1, "batch": BATCH},
         "1 code of campaign spring being made, as batch 3"),
        ("coupons.imported", SPRING, {"coupons": 2_000, "lines": 2_000, "bad_lines": 0, "batch": BATCH},
         "2,000 codes of campaign spring taken from a file, as batch 3"),
        ("coupons.imported", SPRING, {"coupons": 7, "lines": 9, "bad_lines": 2, "batch": BATCH},
         "7 codes of campaign spring taken from a file, as batch 3, 2 of 9 lines bad and left out"),
        ("coupons.imported", SPRING, {"coupons": 0, "lines": 9, "bad_lines": 2, "batch": ""},
         "No codes of campaign spring taken from a file, 2 of 9 lines bad"),
        ("codes.export_started", BATCH, {"coupons": 5, "again": False},
         "Batch 3 of campaign spring with 5 codes being taken away as a file"),
        ("codes.export_started", BATCH, {"coupons": 5, "again": True},
         "Batch 3 of campaign spring with 5 codes being taken away as a file once more"),
        ("coupons.exported", BATCH, {"coupons": 5, "whole": True},
         "5 codes of batch 3 of campaign spring taken away as a file"),
        ("coupons.exported", BATCH, {"coupons": 4, "whole": False},
         "4 codes of batch 3 of campaign spring taken away as a file, not all of them"),
        ("coupons.voided", SPRING, {"accounts": 5, "batch": 3}, "5 coupons of batch 3 of campaign spring being voided"),
        ("coupons.voided", SPRING, {"accounts": 5, "batch": None}, "5 coupons of campaign spring being voided"),
        ("coupons.assigned", SPRING, {"accounts": 9, "named": 0},
         "Coupons of campaign spring being given to all customers who are active"),
        ("operation.succeeded", OPERATION,
         {"kind": "GENERATE_COUPONS", "on": SPRING, "accounts_done": 9, "accounts_total": 9, "coupons": 9},
         "Making of codes of campaign spring done after 9 of 9"),
        ("operation.cancelled", OPERATION,
         {"kind": "GENERATE_COUPONS", "on": SPRING, "accounts_done": 4_000, "accounts_total": 9_000, "coupons": 4_000},
         "Making of codes of campaign spring cancelled after 4,000 of 9,000, and none is left"),
        ("operation.succeeded", OPERATION, {"kind": "ASSIGN_COUPONS", "on": SPRING, "assigned": 1, "refused": 0},
         "Giving of coupons of campaign spring done: given to 1 customer"),
        ("operation.failed", OPERATION, {"kind": "ASSIGN_COUPONS", "on": SPRING, "assigned": 7, "refused": 2},
         "Giving of coupons of campaign spring given up: given to 7 customers, and refused to 2"),
        ("operation.succeeded", OPERATION,
         {"kind": "VOID_COUPONS", "on": SPRING, "voided": 1_200, "accounts_total": 1_201},
         "Voiding of coupons of campaign spring done: 1,200 of 1,201 voided"),
    ],
)  # fmt: skip
def test_what_was_done_to_many_coupons_is_told_with_its_figures(
    action: str, subject: str, details: dict[str, Any], sentence: str
) -> None:
    """An auditor asks how many codes went where, and when."""
    assert of(action, subject, **details) == sentence


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("coupons.exported", "export the codes of a batch"),
        ("coupons.voided", "void coupons of a campaign"),
        ("coupon.shared", "make a shared code of a campaign"),
        ("coupon.assigned", "give a coupon to a customer"),
        ("coupon.voided", "void a coupon"),
        ("batch.listed", "list batches of a campaign"),
    ],
)
def test_who_was_turned_away_before_anything_was_read_tried_it_on_something(action: str, sentence: str) -> None:
    """Of a call that its caller may not make nothing is kept, and the sentence must be English all the same."""
    actor = {"type": "SERVICE", "id": "caller_1", "roles": ["STOREFRONT"]}
    body = {"action": action, "actor": actor, "subject": "", "outcome": "DENIED", "details": {}}
    assert sentences.activity(body, "app") == f"Storefront app tried to {sentence}: denied."
