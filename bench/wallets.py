"""What rows of passes stand on: an operator's account that Apple's stand-in knows, cards of the customers, and phones
that have them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from bench.bare import bare
from bench.requests import PROGRAM
from bench.stage import Stage, personal_keys
from cli.wallet import example
from fealty import connect
from fealty.v1 import pass_templates_pb2 as pb
from storage.engine import keyring
from storage.passes.keys import wallet_keys
from storage.passes.sealing import WalletKeys
from wallet.apple.certificates import CERTIFICATE_FILE, KEY_FILE, WWDR_FILE
from walletkit.authority import AppleAuthority, Authority

PASS_TYPE, TEAM = "pass.com.example.bench", "ABCDE12345"
# The field of a card that shows what can be spent.
POINTS_FIELD = "points"
TABLES = ("pass", "pass_content", "pass_device", "pass_registration")


class Operator(NamedTuple):
    """The files of an operator's account and of this host; `root` is whose cards phones believe."""

    folder: Path
    root: x509.Certificate

    @property
    def accounts(self) -> Path:
        """The folder of accounts (FEALTY_WALLET_DIR)."""
        return self.folder / "wallet"

    @property
    def server(self) -> tuple[Path, Path]:
        """Certificate and key of whoever listens on this host."""
        return self.folder / "server.pem", self.folder / "server.key"

    @property
    def trust(self) -> Path:
        """Who issued that certificate."""
        return self.folder / "trust.pem"

    @property
    def clients(self) -> Path:
        """Who issued that of the account."""
        return self.folder / "clients.pem"


def operator(folder: Path) -> Operator:
    """One with an account of PASS_TYPE, whose files are in `folder`."""
    apple, servers = AppleAuthority(), Authority.root()
    found = Operator(folder, apple.root.certificate)
    account = found.accounts / "apple" / PASS_TYPE
    account.mkdir(parents=True)
    apple.pass_type(PASS_TYPE, TEAM).write(account / CERTIFICATE_FILE, account / KEY_FILE)
    (account / WWDR_FILE).write_bytes(apple.wwdr.pem)
    servers.server().write(*found.server)
    found.trust.write_bytes(servers.pem)
    found.clients.write_bytes(apple.wwdr.pem + apple.root.pem)
    return found


def keys(here: Stage) -> WalletKeys:
    """By what phones are known there."""
    return wallet_keys(here.database, keyring.load(personal_keys(here.postgres)))


def template(here: Stage, name: str) -> None:
    """A template of cards that show the points, with the pictures of `fealty wallet issue-demo`."""
    parent = f"programs/{PROGRAM}"
    pictures = example.images()
    with connect(here.target, here.token) as fealty:

        def image(role: str, scale: int, content: bytes) -> pb.PassImage:
            request = pb.UploadPassImageRequest(parent=parent, content=content, request_id=f"{name}-{role}-{scale}")
            made = fealty.pass_templates.UploadPassImage(request)
            return pb.PassImage(role=f"PASS_IMAGE_ROLE_{role}", image=made.name, scale=scale)

        design = pb.PassDesign(
            kind=pb.PASS_KIND_LOYALTY,
            organization_name="Bench",
            description=[pb.LocalizedText(language_code="en", text="Points")],
            card_id="points",
            images=[image(one.role, one.scale, pictures[one.sha256]) for one in example.card().images],
            fields=[
                pb.PassField(
                    key=POINTS_FIELD,
                    slot="PASS_FIELD_SLOT_HEADER",
                    source="PASS_FIELD_SOURCE_BALANCE",
                    label=[pb.LocalizedText(language_code="en", text="Points")],
                )
            ],
            apple_pass_type=PASS_TYPE,
        )
        request = pb.CreatePassTemplateRequest(
            parent=parent,
            pass_template_id=name,
            pass_template=pb.PassTemplate(display_name=name, design=design),
            request_id=name,
        )
        fealty.pass_templates.CreatePassTemplate(request)


def cards(here: Stage, customers: int, *names: str) -> None:
    """Gives each of the first so many customers a card of each of these templates, and a phone that has them. Each card
    has a revision of its own: those of the first template come first, in the order of the customers."""
    known, now = keys(here), datetime.now(UTC)
    # Nobody is woken by it: a stand-in takes whatever looks like a token.
    token = known.seal_push_token("ab" * 32)
    with here.patiently() as books:
        with bare(books, TABLES), books.transaction():
            for number, name in enumerate(names):
                books.execute(_CARDS, {"name": name, "customers": customers})
                books.execute(_CONTENTS, {"name": name, "last": number * customers})
            with books.cursor().copy(_DEVICES) as rows:
                for number in range(customers):
                    rows.write_row((known.device_hash(library_id(number)), token, now, now))
            books.execute(_REGISTRATIONS)
            books.execute("UPDATE pass_counter SET revision = %s", (len(names) * customers,))
        books.execute("VACUUM ANALYZE")


def library_id(number: int) -> str:
    """By what the phone of a customer is known."""
    return f"{number:032x}"


_CARDS = """
INSERT INTO pass (id, program, customer, template, created_at, activity)
SELECT gen_random_uuid(), c.program, c.id, t.id, now(), t.activity
FROM (SELECT * FROM customer ORDER BY id LIMIT %(customers)s) AS c, pass_template AS t WHERE t.template_id = %(name)s
"""

_CONTENTS = """
INSERT INTO pass_content (pass, revision, modified_at, digest, changed_at, built_at)
SELECT p.id, %(last)s + row_number() OVER (ORDER BY p.customer), now(), '', now(), now()
FROM pass AS p JOIN pass_template AS t ON t.id = p.template WHERE t.template_id = %(name)s
"""

_DEVICES = "COPY pass_device (library_hash, push_token, token_at, created_at) FROM STDIN"

# The nth phone is that of the nth customer.
_REGISTRATIONS = """
INSERT INTO pass_registration (pass, device, registered_at)
SELECT p.id, d.id, now()
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM pass_device) AS d
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS number FROM customer) AS c USING (number)
JOIN pass AS p ON p.customer = c.id
"""
