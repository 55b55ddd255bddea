"""What a person reads when something known goes wrong: one sentence that says what to do, and never a secret."""

import errno
import sys

# Exceptions whose text is such a sentence already, by module: what was never imported was never raised.
_SENTENCES = {
    "cli.failures": ("Failure",),
    "rules.listening": ("NotPrivate",),
    "rules.refusals": ("Refusal",),
    "server.listening": ("PortTaken",),
    "server.settings": ("CertificateUnusable",),
    "storage.access.commands": ("NameTaken",),
    "storage.embedded": ("EmbeddedError",),
    "storage.engine.child": ("ChildError",),
    "storage.engine.keyring": ("KeyringError",),
    "storage.migrate": ("MigrationsPending", "MigrationBlocked", "ServersRunning", "ServerTooOld"),
    "storage.rights": ("NotTheOwner", "RightsMissing"),
    "wallet.failures": ("WalletError",),
    "wallet.web.process": ("AddressTaken",),
    "wallet.web.settings": ("CertificateUnusable",),
    "workers.embedded": ("EmbeddedBrokerError",),
    "workers.process": ("WorkerError",),
}


class Failure(Exception):
    """The command cannot do what it was asked; the text is one sentence that says what to do."""


def sentence(error: BaseException) -> str | None:
    """What to tell the person, or None where this is no known error."""
    said = _said(error)
    return None if said is None else _capitalized(" ".join(_without_secrets(said).split()))


def _said(error: BaseException) -> str | None:
    if _is(error, "storage.engine.database", "StorageUnavailable"):
        return _database_away(str(error))
    if _is(error, "workers.broker", "BrokerUnavailable"):
        return _broker_away(str(error))
    if _is(error, "workers.process", "WorkerError") and error.__cause__ and (said := _said(error.__cause__)):
        return said  # which also knows where the database and the broker are
    for module, names in _SENTENCES.items():
        kinds = tuple(getattr(sys.modules[module], name) for name in names) if module in sys.modules else ()
        if isinstance(error, kinds):
            return str(error)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in ("fealty", "buf"):
        return "the stubs of the contract are missing: `make stubs` generates them"
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"the address is in use ({error}): end what listens there, or choose another with FEALTY_PORT"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full ({error.filename or 'while writing'}): make room, then start again"
    return None


def _database_away(reason: str) -> str:
    from cli.settings import load

    settings = load()
    where = f"PostgreSQL at {settings.database_shown} cannot be used ({reason})"
    if settings.database_url is not None:
        return f"{where}: start it, or correct FEALTY_DATABASE_URL"
    return f"{where}: `fealty up` starts it, and FEALTY_DATABASE_URL names another"


def _broker_away(reason: str) -> str:
    from cli.settings import load

    settings = load()
    where = f"Redis or Valkey at {settings.redis_shown} cannot be used ({reason})"
    if settings.redis_url is not None:
        return f"{where}: start it, or correct FEALTY_REDIS_URL"
    return f"{where}: `fealty up` starts it, and FEALTY_REDIS_URL names another"


def _without_secrets(text: str) -> str:
    from cli.settings import SettingsInvalid, load

    try:
        secrets = load().secrets
    except SettingsInvalid:  # whose own text holds none
        return text
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _is(error: BaseException, module: str, name: str) -> bool:
    return module in sys.modules and isinstance(error, getattr(sys.modules[module], name))


def _capitalized(text: str) -> str:
    if text.partition(" ")[0].isalpha():  # not a path, nor a host: those are called as they are
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
