"""Takes an exported file from the server: resumed where the stream breaks, and held against what the server sent."""

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol

from cli.failures import Failure
from fealty import FealtyError, Refused, v1

# So many streams in a row may bring nothing; with their pauses that is half a minute, in which a server starts anew.
LOST_MAX = 10
PAUSE_MIN_S = 0.2
PAUSE_MAX_S = 5.0
# What a stream is refused for that has already brought something, and may be taken a moment later.
PASSING = ("OVERLOADED", "SHARE_USED_UP", "TOO_MANY_STREAMS", "STREAM_IDLE", "UNAVAILABLE")


class Export(Protocol):
    """The call."""

    def __call__(self, request: v1.ExportActivitiesRequest) -> Iterator[v1.ExportActivitiesResponse]: ...


class Download:
    """One file on its way into `out`; `came` is told how many activities there are by now."""

    def __init__(
        self, export: Export, request: v1.ExportActivitiesRequest, out: IO[bytes], came: Callable[[int], Any]
    ) -> None:
        self._export = export
        self._request = request
        self._out = out
        self._came = came
        self._whole = hashlib.sha256()
        self._parts: list[tuple[int, str]] = []
        self._lost = 0

    @property
    def sha256(self) -> str:
        """Of all that was written."""
        return self._whole.hexdigest()

    def run(self) -> v1.ExportEnd:
        """Writes the file. Raises Failure where it is not what the server sent, FealtyError where it cannot be had."""
        while True:
            failed = None
            before = self._request.resume_token
            part, bytes_ = hashlib.sha256(), 0
            end = None
            try:
                for response in self._export(self._request):
                    self._out.write(response.data)
                    self._whole.update(response.data)
                    part.update(response.data)
                    bytes_ += len(response.data)
                    self._request.resume_token = response.resume_token
                    self._came(response.rows)
                    end = response.end if response.HasField("end") else None
            except FealtyError as error:
                failed = error
            if bytes_ or not self._parts:
                self._parts.append((bytes_, part.hexdigest()))
            if end is not None:
                return self._checked(end)
            self._pause(failed, is_lost=self._request.resume_token == before)

    def _checked(self, end: v1.ExportEnd) -> v1.ExportEnd:
        if [(part.bytes, part.sha256) for part in end.parts] != [
            part for part in self._parts if part[0] or end.bytes == 0
        ]:
            raise Failure("what arrived is not what the server sent: the file was thrown away; ask again")
        return end

    def _pause(self, failed: FealtyError | None, is_lost: bool) -> None:
        """Waits before the file is gone on with. Raises what would only be met again."""
        self._lost = self._lost + 1 if is_lost else 0
        if failed is None and not is_lost:
            return
        if failed is not None and not self._is_passing(failed):
            raise failed
        if self._lost > LOST_MAX:
            raise failed or Failure(
                "the server ends the export again and again before anything comes: ask its operator"
            )
        time.sleep(min(PAUSE_MIN_S * 2**self._lost, PAUSE_MAX_S))

    def _is_passing(self, failed: FealtyError) -> bool:
        # Where nothing ever came, whoever waits should hear why.
        if not self._request.resume_token:
            return False
        return not isinstance(failed, Refused) or failed.reason in PASSING
