"""The settings of a program by name: what people call them, and how their values are to be read."""

from typing import NamedTuple


class Field(NamedTuple):
    """A field of the settings: whose it is, ("cards", "beans") or ("", "") of the program's own, and its name there."""

    owner: tuple[str, str]
    name: str

    @classmethod
    def of(cls, path: str) -> "Field":
        """`cards.beans.pending.days` is `pending.days` of the card `beans`. Ids of cards have no dot, types of events
        may have some, and their fields have none."""
        first, _, rest = path.partition(".")
        if first == "cards" and "." in rest:
            identity, _, name = rest.partition(".")
            return cls((first, identity), name)
        if first == "event_types" and "." in rest:
            identity, _, name = rest.rpartition(".")
            return cls((first, identity), f"event_types.{name}")
        return cls(("", ""), f"program.{path}")

    @property
    def label(self) -> str:
        """What people call it."""
        return FIELDS.get(self.name) or self.name.rpartition(".")[2].replace("_", " ")

    @property
    def is_identity(self) -> bool:
        """Whether it comes and goes with what it is of."""
        return self.name in ("card_id", "event_types.event_type")

    @property
    def policy(self) -> str:
        """The policy that it is a part of, empty where it is a part of none."""
        return self.name.partition(".")[0]

    @property
    def is_mode(self) -> bool:
        """Whether it comes and goes with a policy."""
        return self.name in ("pending.mode", "expiry_policy.mode")


FIELDS = {
    "program.display_name": "program name",
    "program.time_zone": "time zone",
    "display_name": "name",
    "decimals": "decimals",
    "kind": "kind",
    "stamps_per_reward": "stamps per reward",
    "earn_rate.points": "points earned per step",
    "earn_rate.per_amount_minor": "amount per step",
    "earn_rate.currency_code": "currency",
    "earn_rate.whole_steps": "earning by whole steps only",
    "pending.mode": "pending period",
    "pending.days": "pending days",
    "pending.rounding": "rounding of the pending period",
    "pending.date": "date of activation",
    "pending.event_type": "event that activates",
    "expiry_policy.mode": "expiry",
    "expiry_policy.months": "months to expiry",
    "expiry_policy.days": "days to expiry",
    "expiry_policy.rounding": "rounding of the expiry",
    "expiry_policy.dates": "dates of expiry",
    "expiry_policy.activity_types": "activities that postpone the expiry",
    "refund_policy": "refund policy",
    "rollback_days": "days to roll back a spending",
    "hold_ttl_max_s": "longest hold",
    "transfer_daily_points": "points transferred a day at most",
    "transfer_daily_count": "transfers a day at most",
    "event_types.display_name": "name",
    "event_types.points": "points",
    "event_types.card_id": "card",
}

UNITS = {
    "pending.days": "days",
    "expiry_policy.months": "months",
    "expiry_policy.days": "days",
    "rollback_days": "days",
    "hold_ttl_max_s": "seconds",
}

# Counted in the smallest part of the card's points, and of its currency.
POINTS = {"earn_rate.points", "transfer_daily_points", "event_types.points"}
MONEY = {"earn_rate.per_amount_minor"}
# Words of ours in capitals.
ENUMS = {
    *("kind", "refund_policy"),
    *("pending.mode", "pending.rounding", "expiry_policy.mode", "expiry_policy.rounding"),
}
