"""All functions of the database that this version uses, and what they are called together."""

from storage.engine.functions import digest
from storage.ledger.load import FUNCTIONS as LEDGER

FUNCTIONS = (LEDGER,)
VERSION = digest(FUNCTIONS)
