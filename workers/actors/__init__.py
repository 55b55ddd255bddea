"""What workers do, one noun a file. Built here, an actor is worked on."""

from typing import Any

from workers.actors import passes
from workers.actors.approvals import EXPIRE_APPROVALS
from workers.actors.erasure import ERASE_CUSTOMER
from workers.actors.exports import export
from workers.actors.logins import MAIL_RESET
from workers.actors.mail import send_mail
from workers.actors.operations import DISCARD_BATCH, operation
from workers.actors.passes.refresh import REFRESH
from workers.actors.prune import PRUNE
from workers.actors.retention import RETENTION
from workers.actors.sweep import SWEEP_PROGRAM
from workers.codes import WorkerSeals
from workers.external import ExternalActor
from workers.mail.cards import open_cards
from workers.mail.secrets import Secrets
from workers.mail.transport import open_transport
from workers.settings import WorkerSettings
from workers.tasks import Actor

AnyActor = Actor | ExternalActor[Any, Any]


def build(settings: WorkerSettings) -> tuple[AnyActor, ...]:
    """All actors of a worker, those that need a client, a folder or keys with theirs."""
    exports = export(settings.export_dir)
    seals = WorkerSeals(settings.personal_key_file)
    operations = operation(seals)
    secrets = Secrets(settings.personal_key_file, settings.console_url)
    mail = send_mail(open_transport(settings), open_cards(settings, seals), secrets)
    ours = (SWEEP_PROGRAM, operations, DISCARD_BATCH, ERASE_CUSTOMER, PRUNE, RETENTION, REFRESH, mail, exports)
    return (*ours, MAIL_RESET, EXPIRE_APPROVALS, *passes.build(settings))
