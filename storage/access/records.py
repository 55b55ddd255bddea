"""Callers, what they hold, and by what they are known. A credential's secret is never stored, only its SHA-256."""

from storage.engine.records import Record

# Services that may call. `rates` are limits of their own on calls a minute, by class.
CALLERS: Record[None] = Record(
    "caller",
    None,
    key={"id": "text"},
    changes=["rates"],
    beside={
        "type": "text",
        "name": "text",
        "created_at": "timestamptz",
        "activity": "uuid",
        "rates": "jsonb",
    },
)

# People that may call. `returns_to` is the state to which one comes back that is locked or archived.
USERS: Record[None] = Record(
    "app_user",
    None,
    key={"id": "text"},
    changes=["email", "display_name", "language_code", "state", "version", "updated_at", "activity", "returns_to"],
    beside={
        "email": "text",
        "display_name": "text",
        "language_code": "text",
        "state": "text",
        "version": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "activity": "uuid",
        "returns_to": "text?",
    },
)

# Roles that an installation made of permissions; those that each has are in rules/access.py.
ROLES: Record[None] = Record(
    "role",
    None,
    key={"id": "text"},
    changes=["display_name", "permissions", "version", "updated_at", "deleted_at", "activity"],
    beside={
        "display_name": "text",
        "permissions": "jsonb",
        "version": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "deleted_at": "timestamptz?",
        "activity": "uuid",
    },
)

ROLE_VERSIONS: Record[None] = Record(
    "role_version",
    None,
    key={"role": "text", "version": "integer"},
    beside={"permissions": "jsonb", "activity": "uuid"},
    recorded=True,
)

# Who holds which role where, and since when. `scope` is the internal id of a network, partner or program.
ASSIGNMENTS: Record[None] = Record(
    "role_assignment",
    None,
    key={"id": "uuid"},
    changes=["until_at", "end_activity"],
    beside={
        "holder": "text",
        "role": "text",
        "scope_kind": "text",
        "scope": "integer?",
        "from_at": "timestamptz",
        "until_at": "timestamptz?",
        "activity": "uuid",
        "end_activity": "uuid?",
    },
)

# `permissions`: no more than these of what its service's roles permit; null: all. `made_for`: the user it belongs to.
# `made_until`: when it was to end as it was made; `expires_at` is earlier where another took its place.
API_KEYS: Record[None] = Record(
    "api_key",
    None,
    key={"id": "text"},
    changes=["expires_at", "revoked_at"],
    beside={
        "caller": "text",
        "secret_hash": "bytea",
        "created_at": "timestamptz",
        "expires_at": "timestamptz?",
        "revoked_at": "timestamptz?",
        "activity": "uuid",
        "permissions": "jsonb?",
        "may_act_for": "jsonb",
        "made_for": "text?",
        "made_until": "timestamptz?",
    },
)

# Client certificates, by the name in them: renewed under the same name, they stay the same.
CERTIFICATES: Record[None] = Record(
    "certificate",
    None,
    key={"id": "text"},
    changes=["revoked_at"],
    beside={
        "caller": "text",
        "name": "text",
        "permissions": "jsonb?",
        "may_act_for": "jsonb",
        "created_at": "timestamptz",
        "revoked_at": "timestamptz?",
        "activity": "uuid",
    },
)

# When keys, certificates and logins were last used, to the minute.
CREDENTIAL_USES: Record[None] = Record(
    "credential_use", None, key={"credential": "text"}, changes=["used_at"], beside={"used_at": "timestamptz"}
)

# Users that are in. A restricted one may change the password, and next to nothing else.
LOGINS: Record[None] = Record(
    "login",
    None,
    key={"id": "text"},
    changes=["ended_at"],
    beside={
        "person": "text",
        "secret_hash": "bytea",
        "restricted": "boolean",
        "ip_address": "text",
        "user_agent": "text",
        "created_at": "timestamptz",
        "ends_at": "timestamptz",
        "ended_at": "timestamptz?",
        "activity": "uuid",
    },
)

# Whose programs are. What is deleted holds nothing any more; its row stays for the log's sake.
NETWORKS: Record[None] = Record(
    "network",
    None,
    key={"id": "integer"},
    changes=["display_name", "version", "updated_at", "deleted_at", "activity"],
    beside={
        "network_id": "text",
        "display_name": "text",
        "version": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "deleted_at": "timestamptz?",
        "activity": "uuid",
    },
)

PARTNERS: Record[None] = Record(
    "partner",
    None,
    key={"id": "integer"},
    changes=["network", "display_name", "version", "updated_at", "deleted_at", "activity"],
    beside={
        "partner_id": "text",
        "network": "integer?",
        "display_name": "text",
        "version": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "deleted_at": "timestamptz?",
        "activity": "uuid",
    },
)

# Random values that all server processes share.
SERVER_SECRETS: Record[None] = Record("server_secret", None, key={"name": "text"}, beside={"value": "bytea"})

CallerRow = CALLERS.model
UserRow = USERS.model
RoleRow = ROLES.model
RoleVersionRow = ROLE_VERSIONS.model
AssignmentRow = ASSIGNMENTS.model
ApiKeyRow = API_KEYS.model
CertificateRow = CERTIFICATES.model
CredentialUseRow = CREDENTIAL_USES.model
LoginRow = LOGINS.model
NetworkRow = NETWORKS.model
PartnerRow = PARTNERS.model
ServerSecretRow = SERVER_SECRETS.model
