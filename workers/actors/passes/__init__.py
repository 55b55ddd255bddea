"""Brings passes to phones, and sees that they arrive."""

from datetime import UTC, datetime
from typing import Any

from wallet import accounts
from wallet.apple.apns import open_transport
from wallet.google.client import GoogleClient
from workers.actors.passes.apple import push_apple
from workers.actors.passes.certificates import say, watch_certificates
from workers.actors.passes.google import push_google
from workers.actors.passes.reconcile import RECONCILE
from workers.codes import WorkerSeals
from workers.external import ExternalActor
from workers.settings import WorkerSettings
from workers.tasks import Actor
from workers.wallet import WorkerWalletKeys


def build(settings: WorkerSettings) -> tuple[Actor | ExternalActor[Any, Any], ...]:
    """The actors of passes, with the operator's accounts as they are now; what is wrong with them is said in
    the log."""
    found = accounts.load(settings.wallet_dir, settings.key_password)
    say(found, datetime.now(UTC))
    transport = open_transport(found, settings.apns_url, settings.apns_push_type, settings.wallet_ca_file)
    apple = push_apple(found, transport, WorkerWalletKeys(settings.personal_key_file))
    watch = watch_certificates(lambda: accounts.load(settings.wallet_dir, settings.key_password))
    issuers = found.google_accounts
    clients = {one.issuer: GoogleClient(one, settings.google_wallet_url, settings.wallet_ca_file) for one in issuers}
    google = push_google(found, clients, settings.passes_url, WorkerSeals(settings.personal_key_file))
    return (apple, google, watch, RECONCILE)
