"""Permits for what is in hand: so many in all, and never more for one caller than are left for the others."""


class Permits:
    """Permits of one kind in one server process: for calls in hand, or for open streams.

    A caller may take one more as long as it holds fewer than are free. So a caller alone gets half of the permits, two
    get a third each, and whoever comes next always finds some: no share has to be guessed, and none lies idle.
    """

    def __init__(self, permits_max: int, full: type[Exception], shared: type[Exception]) -> None:
        """`full` is raised where no permit is free, `shared` where a caller has its share."""
        self.permits_max = permits_max
        self.full = full
        self.shared = shared
        self.taken = 0
        self.by_caller: dict[str, int] = {}

    def acquire(self) -> "Permit":
        """A permit for a caller not known yet. An early "no" serves everybody better than a late answer."""
        if self.taken >= self.permits_max:
            raise self.full
        return Permit(self)


class Permit:
    """One permit, until `release`."""

    __slots__ = ("_caller", "_permits")

    def __init__(self, permits: Permits, caller: str = "") -> None:
        """Made for a caller by itself, a permit counts but is never refused: for what is bounded elsewhere."""
        self._permits: Permits | None = permits
        self._caller = ""
        permits.taken += 1
        if caller:
            self._count(permits, caller)

    def charge(self, caller: str) -> None:
        """Counts the permit as this caller's. Raises what its kind of permit has for it where the share is used up."""
        permits = self._permits
        assert permits is not None, "a permit that was given back is nobody's"
        # Free without this one, which is taken already.
        if permits.by_caller.get(caller, 0) > permits.permits_max - permits.taken:
            raise permits.shared
        self._count(permits, caller)

    def release(self) -> None:
        """Gives the permit back; a second time it does nothing."""
        permits, self._permits = self._permits, None
        if permits is None:
            return
        permits.taken -= 1
        if self._caller:
            held = permits.by_caller.pop(self._caller) - 1
            if held:
                permits.by_caller[self._caller] = held

    def _count(self, permits: Permits, caller: str) -> None:
        self._caller = caller
        permits.by_caller[caller] = permits.by_caller.get(caller, 0) + 1
