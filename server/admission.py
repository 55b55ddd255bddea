"""Places for what is in hand: so many in all, and never more for one caller than are left for the others."""


class Places:
    """Places of one kind in one server process: for calls in hand, or for open streams.

    A caller may take one more as long as it holds fewer than are free. So a caller alone gets half of the places, two
    get a third each, and whoever comes next always finds some: no share has to be guessed, and none lies idle.
    """

    def __init__(self, places_max: int, full: type[Exception], shared: type[Exception]) -> None:
        """`full` is raised where no place is free, `shared` where a caller has its share."""
        self.places_max = places_max
        self.full = full
        self.shared = shared
        self.taken = 0
        self.by_caller: dict[str, int] = {}

    def enter(self) -> "Place":
        """A place for a caller not known yet. An early "no" serves everybody better than a late answer."""
        if self.taken >= self.places_max:
            raise self.full
        return Place(self)


class Place:
    """One place, until `leave`."""

    __slots__ = ("_caller", "_places")

    def __init__(self, places: Places, caller: str = "") -> None:
        """Made for a caller by itself, a place counts but is never refused: for what is bounded elsewhere."""
        self._places: Places | None = places
        self._caller = ""
        places.taken += 1
        if caller:
            self._count(places, caller)

    def charge(self, caller: str) -> None:
        """Counts the place as this caller's. Raises what its kind of place has for it where the share is used up."""
        places = self._places
        assert places is not None, "a place that was left is nobody's"
        # Free without this one, which is taken already.
        if places.by_caller.get(caller, 0) > places.places_max - places.taken:
            raise places.shared
        self._count(places, caller)

    def leave(self) -> None:
        """Gives the place back; a second time it does nothing."""
        places, self._places = self._places, None
        if places is None:
            return
        places.taken -= 1
        if self._caller:
            held = places.by_caller.pop(self._caller) - 1
            if held:
                places.by_caller[self._caller] = held

    def _count(self, places: Places, caller: str) -> None:
        self._caller = caller
        places.by_caller[caller] = places.by_caller.get(caller, 0) + 1
