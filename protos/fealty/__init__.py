"""The client of Fealty: typed stubs in `fealty.v1`, and a channel that knows the key and the retry policy,
and the reason in an error."""

from fealty.channel import connect, connect_async
from fealty.reasons import refusal

__all__ = ["connect", "connect_async", "refusal"]
