"""The client of Fealty: `connect` opens a connection with every service, `v1` has every name of the contract, and a
call that fails raises `Refused` or `Unanswered`. How to use it: docs/client.md."""

from fealty.claiming import claims
from fealty.connection import AsyncFealty, Fealty, connect, connect_async
from fealty.errors import FealtyError, Refused, Unanswered, Violation, refusal_of
from fealty.values import plain, plain_value

__all__ = [
    "AsyncFealty",
    "Fealty",
    "FealtyError",
    "Refused",
    "Unanswered",
    "Violation",
    "claims",
    "connect",
    "connect_async",
    "plain",
    "plain_value",
    "refusal_of",
]
