"""Writes exports of the log into files, a page a step.

A step writes before it is committed. Killed in between, it leaves bytes that the books do not know of; the next cuts
them off and writes the same again. Workers share the folder: one that finds nothing there begins the file anew.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from storage.activity.exporting import operations as exports
from storage.activity.exporting.operations import file_name
from storage.engine.unit import Unit
from storage.operations.queries import Operation
from storage.operations.records import OperationState
from workers.failures import NotNow
from workers.files import Folder
from workers.limits import (
    EXPORT_HASHED_BYTES,
    EXPORT_UNSET_PAUSE,
    OPERATION_ATTEMPTS_MAX,
    OPERATION_RETRY_MAX,
    OPERATION_RETRY_MIN,
)
from workers.tasks import Actor

log = structlog.get_logger()


def export(folder: Path | None) -> Actor:
    """The actor that writes into `folder`; without one, exports wait for a worker that has it."""
    writing = _Writing(Folder(folder) if folder is not None else None)
    return Actor(
        name=exports.ACTOR,
        queue=exports.QUEUE,
        step=writing.step,
        attempts_max=OPERATION_ATTEMPTS_MAX,
        retry_min=OPERATION_RETRY_MIN,
        retry_max=OPERATION_RETRY_MAX,
        given_up=writing.give_up,
    )


class _Writing:
    def __init__(self, folder: Folder | None) -> None:
        self._folder = folder

    def step(self, unit: Unit, args: Mapping[str, Any]) -> bool:
        """One page; whether it was the last, or the export was ended."""
        operation, begun = exports.take(unit, UUID(args["operation"]))
        if self._folder is None:
            if begun is None and (_is_whole(operation) or not exports.is_fixed(unit, operation.id)):
                return True
            # Also where it was cancelled: what was written of it is to be removed.
            log.warning("an export waits: FEALTY_EXPORT_DIR is not set", operation=operation.name)
            raise NotNow(EXPORT_UNSET_PAUSE)
        name = file_name(operation)
        file = self._folder.file(name)
        if begun is None:
            if not _is_whole(operation):
                file.discard()
            self._folder.forget(name)
            return True
        if begun.bound is None:
            exports.fix(unit, begun)
            return False
        if not file.holds(begun.bytes):
            begun = begun.anew()
        if not file.catch_up(begun.bytes, EXPORT_HASHED_BYTES):
            return False
        page = begun.read(unit.connection)
        header = b"" if begun.bytes else begun.form.header
        data = header + b"".join(piece.data for piece in page.pieces)
        file.append(begun.bytes, data)
        written = exports.advance(unit, begun, page, len(data))
        if page.following is not None:
            return False
        exports.succeed(unit, written, file.finish(data))
        return True

    def give_up(self, unit: Unit, args: Mapping[str, Any], error: str) -> None:
        """The export has failed: nobody goes on with it."""
        operation, _ = exports.take(unit, UUID(args["operation"]))
        exports.fail(unit, operation.id, error)
        if self._folder is not None and not _is_whole(operation):
            self._folder.file(file_name(operation)).discard()


def _is_whole(operation: Operation) -> bool:
    return operation.state is OperationState.SUCCEEDED
