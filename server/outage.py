"""Whether the database answers, by what calls saw last: probes do not ask it."""

from collections.abc import Iterable

import structlog
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = structlog.get_logger()


class DatabaseSeen(Collector):
    """For operators: an outage drains no server, so they learn of it here. A change is logged once."""

    def __init__(self) -> None:
        self._answers = True

    def answered(self) -> None:
        """A call got its answer from the database."""
        if not self._answers:
            self._answers = True
            log.info("database back")

    def missed(self, why: str) -> None:
        """A call found the database away."""
        if self._answers:
            self._answers = False
            log.error("database away", error=why)

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks for at each scrape."""
        told = "Whether the database answered the last call that needed it"
        return [GaugeMetricFamily("fealty_database_up", told, float(self._answers))]


DATABASE = DatabaseSeen()
REGISTRY.register(DATABASE)
