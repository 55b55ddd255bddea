"""What an operator should know of a broker before trusting it: whether it answers, keeps, and never forgets."""

from typing import Any, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workers.broker import BrokerUnavailable
from workers.limits import BROKER_ANSWER_LIMIT_S, BROKER_CONNECT_LIMIT_S


class BrokerState(NamedTuple):
    """How a Redis or Valkey is set up."""

    version: str
    keeps_log: bool
    eviction: str
    is_cluster: bool


def ask(url: str) -> BrokerState:
    """What the broker at `url` says of itself. Raises BrokerUnavailable."""
    # INFO, not CONFIG GET: hosted ones often forbid the latter.
    said = _info(url)
    return BrokerState(
        version=f"Valkey {said['valkey_version']}" if "valkey_version" in said else f"Redis {said['redis_version']}",
        keeps_log=bool(said["aof_enabled"]),
        eviction=str(said["maxmemory_policy"]),
        is_cluster=bool(said["cluster_enabled"]),
    )


def _info(url: str) -> dict[str, Any]:
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=BROKER_ANSWER_LIMIT_S,
            socket_connect_timeout=BROKER_CONNECT_LIMIT_S,
            retry=Retry(NoBackoff(), 0),
        )
        with client:
            return dict(client.info("everything"))
    except (redis.RedisError, ValueError) as error:  # the latter for a URL that redis does not understand
        raise BrokerUnavailable(str(error)) from error
