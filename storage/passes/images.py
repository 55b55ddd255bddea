"""Keeps the images of passes, by what they are: the same image is kept once in a program."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from rules.archiving import check_active
from rules.passes.checking import check_weight
from rules.passes.designs import Image
from rules.passes.images import check_png
from rules.passes.refusals import PassImageNotFound
from storage.activity.commands import Scope, record
from storage.engine.commands import CommandContext
from storage.engine.database import Connection
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.passes.records import ImageRow
from storage.programs import queries as programs
from storage.programs.queries import Program


class KeptImage(NamedTuple):
    """An image of a program; `sha256` is of its content, in hexadecimal, `width` and `height` in pixels."""

    program_id: str
    sha256: str
    width: int
    height: int

    @property
    def name(self) -> str:
        """Its resource name."""
        return image_name(self.program_id, self.sha256)


class UploadImage(NamedTuple):
    """A PNG for designs to name. One that is there already leaves no record."""

    program_id: str
    content: bytes
    context: CommandContext

    def answers(self) -> type[KeptImage]:
        """The image."""
        return KeptImage

    def decide(self, unit: Unit) -> Answer[KeptImage]:
        """Raises ProgramNotFound, ProgramArchived, PassImageInvalid."""
        program = programs.get(self.program_id, self.context.caller)
        check_active(program.settings, program.program_id)
        size = check_png(self.content)
        digest = hashlib.sha256(self.content)
        image = KeptImage(program.program_id, digest.hexdigest(), size.width, size.height)
        # Two who bring the same at once: the second waits here for the first.
        unit.connection.execute(_ONE_AT_A_TIME, (program.id, image.sha256))
        if _sizes(unit.connection, program, [image.sha256]):
            return Answer(image, None)
        activity = record(
            unit,
            self.context.origin,
            image.name,
            Scope(program.id),
            details={"width": size.width, "height": size.height, "bytes": len(self.content)},
            request_id=self.context.request.request_id,
        )
        unit.write()
        ImageRow.insert(
            program=program.id,
            sha256=digest.digest(),
            width=size.width,
            height=size.height,
            content=self.content,
            created_at=unit.now,
            activity=activity,
        ).execute()
        return Answer(image, activity)


def measured(connection: Connection, program: Program, images: Iterable[Image]) -> tuple[Image, ...]:
    """The images of a design with the sizes that their content has. Raises PassImageNotFound, and DesignInvalid where
    they are too much together."""
    images = tuple(images)
    found = _sizes(connection, program, [image.sha256 for image in images])
    for image in images:
        if image.sha256 not in found:
            raise PassImageNotFound(image=image_name(program.program_id, image.sha256))
    check_weight(sum(content_bytes for _, _, content_bytes in found.values()))
    sizes = [found[image.sha256] for image in images]
    return tuple(
        replace(image, width=width, height=height) for image, (width, height, _) in zip(images, sizes, strict=True)
    )


def content(connection: Connection, sha256: str) -> bytes | None:
    """A PNG by the SHA-256 of it, in hexadecimal, whosever it is; None where there is none."""
    found = connection.execute(_CONTENT, (bytes.fromhex(sha256),)).fetchone()
    return bytes(found[0]) if found else None


def image_name(program_id: str, sha256: str) -> str:
    """The resource name of an image."""
    return f"programs/{program_id}/passImages/{sha256}"


def _sizes(connection: Connection, program: Program, wanted: list[str]) -> dict[str, tuple[int, int, int]]:
    """Width, height and bytes of those that are there."""
    rows = connection.execute(_SIZES, (program.id, [bytes.fromhex(one) for one in wanted]))
    return {sha256: (width, height, size) for sha256, width, height, size in rows}


_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('pass image ' || %s::text || ' ' || %s, 0))"

_SIZES = """
SELECT encode(sha256, 'hex'), width, height, octet_length(content)
FROM pass_image WHERE program = %s AND sha256 = ANY(%s::bytea[])
"""

_CONTENT = "SELECT content FROM pass_image WHERE sha256 = %s LIMIT 1"
