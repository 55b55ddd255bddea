"""All functions of the database that this version uses, and what they are called together."""

from storage.activity.positions import FUNCTIONS as POSITIONS
from storage.coupons.nouns import ENDED, NAMES
from storage.coupons.nouns import FUNCTIONS as COUPONS
from storage.coupons.nouns import POOL_FUNCTIONS as POOL
from storage.customers.loading import FUNCTIONS as CUSTOMERS
from storage.engine.functions import digest
from storage.engine.requests import FUNCTIONS as REQUESTS
from storage.ledger.nouns import FUNCTIONS as LEDGER
from storage.passes.nouns import FUNCTIONS as PASSES
from storage.programs.queries import FUNCTIONS as PROGRAMS
from storage.rewards.nouns import FUNCTIONS as REWARDS
from storage.stock.nouns import FUNCTIONS as STOCK

FUNCTIONS = (REQUESTS, PROGRAMS, CUSTOMERS, STOCK, NAMES, COUPONS, POOL, ENDED, LEDGER, REWARDS, PASSES, POSITIONS)
VERSION = digest(FUNCTIONS)
