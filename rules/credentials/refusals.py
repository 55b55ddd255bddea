"""Every refusal of roles, of what services call with, and of acting for others."""

from rules.refusals import Refusal


class GrantExceeded(Refusal):
    """You do not hold {permissions} in {scope} yourself, and nobody gives more than he holds."""


class RoleNotFound(Refusal):
    """There is no role {role}."""


class RoleExists(Refusal):
    """There is, or was, a role {role} already; choose another role_id."""


class RoleHeld(Refusal):
    """{holders} still hold {role}; end that first."""


class ScopeNotFound(Refusal):
    """There is no {scope} that this caller may see."""


class ServiceNotFound(Refusal):
    """There is no such service that this caller may see."""


class ServiceExists(Refusal):
    """A service called {service} exists already; name it to make another key for it, or choose another name."""


class CredentialNotFound(Refusal):
    """The service has no such key or certificate."""


class CredentialEnded(Refusal):
    """It ended at {ended_at} already."""


class CertificateNameTaken(Refusal):
    """A certificate with the name {certificate} is registered already; revoke that one first."""


class ActingDenied(Refusal):
    """The caller may not act like this for whom x-on-behalf-of names."""
