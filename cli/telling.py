"""What the log says of the demo, as a person would read it: the timeline of one customer, and the trail of the rest."""

from collections.abc import Iterator, Sequence
from itertools import islice

from cli.dialing import connected
from fealty import Fealty, claims, v1

# So many of each: what fits a terminal.
TOLD = 10
REDEEMED = "coupon.redeemed"
# What people did to the installation. A replay moves the clock hundreds of times and makes coupons: that is not shown.
TRAIL = ("program.created", "customer.read", "key.created", "key.revoked", "database.migrated", "process.started")


def told(address: str, api_key: str, customer: str, zone: str) -> list[str]:
    """Lines: what happened last to a customer, by its resource name, with the last use of a coupon where there was one;
    then what was done to the installation; each in the order in which it happened, and in the time of a zone. The look
    at the customer stands in the trail."""
    with connected(address, api_key) as fealty:
        with claims(purpose="demo"):
            fealty.customers.GetCustomer(v1.GetCustomerRequest(name=customer))
        timeline = _with_redemption(fealty, customer, zone)
        trail = _last(fealty, "-", zone, v1.ActivityFilter(actions=TRAIL))
    title = f"what happened last to {customer.rpartition('/')[2]}"
    return ["", title, *_lines(timeline), "", "the administrators' trail", *_lines(trail)]


def _with_redemption(fealty: Fealty, customer: str, zone: str) -> Sequence[v1.Activity]:
    """What happened last; and before it the last use of a coupon, where that was longer ago."""
    last = _last(fealty, customer, zone)
    if any(activity.action == REDEEMED for activity in last):
        return last
    return [*_last(fealty, customer, zone, v1.ActivityFilter(actions=[REDEEMED]))[-1:], *last]


def _last(fealty: Fealty, parent: str, zone: str, wanted: v1.ActivityFilter | None = None) -> Sequence[v1.Activity]:
    request = v1.ListActivitiesRequest(parent=parent, page_size=TOLD, time_zone=zone, filter=wanted)
    # A page may be short, where few of many match.
    return list(reversed(list(islice(fealty.activities.all_activities(request), TOLD))))


def _lines(activities: Sequence[v1.Activity]) -> Iterator[str]:
    for activity in activities:
        yield (f"  {activity.local_occur_time[:16].replace('T', ' ')}  {activity.description}")
