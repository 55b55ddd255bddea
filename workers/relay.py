"""The relay: hands due tasks from the books to the broker, many at a time.

    claim   due rows, locked; rows that others hold are passed over
    send    one message each, in one round trip
    commit  they are marked as sent

The one place where the network is used inside a transaction: a crash between sending and marking sends twice, and
never loses. A worker that is faster than the commit waits for it (storage.tasks.commands.begin).
"""

import time
from datetime import timedelta

from storage.engine.database import Database
from storage.engine.unit import transaction
from storage.tasks.commands import claim
from workers.broker import Broker, BrokerUnavailable
from workers.limits import BROKER_RETRY_MAX_S, BROKER_RETRY_MIN_S, RELAY_BATCH, SEND_AGAIN_AFTER
from workers.outage import Outage


class Relay:
    """Sends on the calling thread's connection."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        batch: int = RELAY_BATCH,
        send_again_after: timedelta = SEND_AGAIN_AFTER,
    ) -> None:
        self.batch = batch
        self._database = database
        self._broker = broker
        self._send_again_after = send_again_after
        self._outage = Outage("broker")
        self._pause_s = BROKER_RETRY_MIN_S
        self._try_at = 0.0

    def send_due(self) -> int:
        """Sends up to a batch of due tasks and answers how many. Raises StorageUnavailable.

        While the broker is away it sends none, and leaves the rows as they are.
        """
        if time.monotonic() < self._try_at:
            return 0
        try:
            if self._outage.lasts:
                self._broker.ping()  # no rows are held while a broker that is away makes us wait
            with transaction(self._database) as unit:
                tasks = claim(unit.connection, self.batch, self._send_again_after)
                if tasks:
                    self._broker.send_many(tasks)
        except BrokerUnavailable as error:
            self._outage.noticed(str(error))
            self._try_at = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, BROKER_RETRY_MAX_S)
            return 0
        self._outage.over()
        self._pause_s = BROKER_RETRY_MIN_S
        return len(tasks)
