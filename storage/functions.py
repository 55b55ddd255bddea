"""All functions of the database that this version uses, and what they are called together."""

from storage.activity.positions import FUNCTIONS as POSITIONS
from storage.customers.loading import FUNCTIONS as CUSTOMERS
from storage.engine.functions import digest
from storage.engine.requests import FUNCTIONS as REQUESTS
from storage.ledger.nouns import FUNCTIONS as LEDGER
from storage.programs.queries import FUNCTIONS as PROGRAMS

FUNCTIONS = (REQUESTS, PROGRAMS, CUSTOMERS, LEDGER, POSITIONS)
VERSION = digest(FUNCTIONS)
