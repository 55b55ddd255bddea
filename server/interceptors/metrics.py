"""Counts and times calls, by method and outcome."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from prometheus_client import REGISTRY, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from server.policy import Method

# Upper bounds in seconds, from a read alone to the longest deadline.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Calls:
    """The calls of one method. Plain numbers, touched by the event loop only: the library's own cost a lock each."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.codes: Counter[str] = Counter()
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.seconds = 0.0

    def note(self, code: str, seconds: float) -> None:
        """Counts one call."""
        self.codes[code] += 1
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.seconds += seconds


class CallMetrics(Collector):
    """All methods, for the scraper."""

    def __init__(self) -> None:
        self.methods: dict[str, Calls] = {}

    def of(self, method: Method) -> Calls:
        """The numbers of one method; one for all that the contract does not know."""
        name = f"{method.service}/{method.name}" if method.is_known else "unknown"
        return self.methods.setdefault(name, Calls(name))

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks for at each scrape."""
        calls = CounterMetricFamily("fealty_calls", "Calls answered", labels=["method", "code"])
        seconds = HistogramMetricFamily("fealty_call_seconds", "How long a call took", labels=["method"])
        for method in self.methods.values():
            for code, count in dict(method.codes).items():
                calls.add_metric([method.method, code], count)
            upto, below = [], 0
            for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], method.buckets, strict=True):
                below += count
                upto.append((bound, below))
            seconds.add_metric([method.method], upto, method.seconds)
        return [calls, seconds]


IN_HAND = Gauge("fealty_calls_in_hand", "Calls, and messages of streams, that are being worked on")
METRICS = CallMetrics()
REGISTRY.register(METRICS)
