"""Vouchers in the books, and how a group loads them."""

from pathlib import Path

from msgspec import Raw

from storage.engine.functions import Functions
from storage.engine.nouns import Noun
from storage.engine.records import Record
from storage.engine.workspace import Workspace
from tests.storage.vouchers.rules import Voucher

VOUCHERS = Record("voucher", Voucher, key={"program": "integer", "code": "text"}, changes=["uses"])

FUNCTIONS = Functions(Path(__file__).parent / "load.sql", {"voucher": VOUCHERS.select})


def _put(workspace: Workspace, rows: Raw) -> None:
    for *key, voucher in VOUCHERS.decode(rows):
        workspace.load(VOUCHERS, tuple(key), voucher)


# A kind of coupon: locked where coupons are. Its keys are a program's public id and a code.
VOUCHER = Noun("coupon", FUNCTIONS["load_voucher"], _put, FUNCTIONS["lock_voucher"])
