"""What workers do, one noun a file. Built here, an actor is worked on."""

from typing import Any

from workers.actors.exports import export
from workers.actors.mail import send_mail
from workers.actors.operations import DISCARD_BATCH, operation
from workers.actors.prune import PRUNE
from workers.actors.retention import RETENTION
from workers.actors.sweep import SWEEP_PROGRAM
from workers.codes import WorkerSeals
from workers.external import ExternalActor
from workers.mail.transport import open_transport
from workers.settings import WorkerSettings
from workers.tasks import Actor

AnyActor = Actor | ExternalActor[Any, Any]


def build(settings: WorkerSettings) -> tuple[AnyActor, ...]:
    """All actors of a worker, those that need a client, a folder or keys with theirs."""
    mail, exports = send_mail(open_transport(settings)), export(settings.export_dir)
    operations = operation(WorkerSeals(settings.personal_key_file))
    return (SWEEP_PROGRAM, operations, DISCARD_BATCH, PRUNE, RETENTION, mail, exports)
