"""The web service of Apple Wallet, rule by rule (docs/decisions/0047): what a phone asks, and what it is answered."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import UUID

import pytest

from storage.engine.database import Database
from storage.engine.ids import new_uuid, typeid
from storage.passes.crowds import PHONES_MAX
from tests.databases import by_owner
from tests.personal import WALLET
from tests.storage.passes.carrying import LOYALTY, issue, template
from tests.storage.scene import Scene
from tests.wallet.web.serving import DEVICE, PUSH_TOKEN, TOPIC, Public, apple_folder, pass_json, registration, serving
from wallet.web import limits


def test_w1_a_phone_registers_once_and_is_told_whether_it_is_new(public: Public, scene: Scene, card: UUID) -> None:
    """201 the first time, 200 again, 401 without the token: phones go by it."""
    assert public.register(card).status_code == 201
    assert public.register(card).status_code == 200
    assert public.register(card, headers={}).status_code == 401
    assert public.register(card, headers={"Authorization": "ApplePass wrong"}).status_code == 401
    assert scene.rows("SELECT count(*) FROM pass_registration") == [(1,)]


def test_w2_a_new_push_token_replaces_the_one_of_the_phone(public: Public, scene: Scene, card: UUID) -> None:
    """A phone has one token for all its passes: pushes to the old one would reach nobody."""
    other = issue(scene, template(scene, template_id="other"))
    public.register(card)
    public.register(other)
    assert public.register(card, push_token="0a" * 40).status_code == 200
    [(sealed,)] = scene.rows("SELECT push_token FROM pass_device")
    assert WALLET.open_push_token(sealed) == "0a" * 40


def test_w3_a_phone_that_leaves_is_forgotten_with_its_last_pass(public: Public, scene: Scene, card: UUID) -> None:
    """200 also where nothing was registered; 401 without the token."""
    other = issue(scene, template(scene, template_id="other"))
    public.register(card)
    public.register(other)
    assert public.unregister(card).status_code == 200
    assert scene.rows("SELECT count(*) FROM pass_device") == [(1,)]
    assert public.unregister(other).status_code == 200
    assert scene.rows("SELECT count(*) FROM pass_device") == [(0,)]
    assert public.unregister(other).status_code == 200
    assert public.http.delete(registration(card)).status_code == 401


def test_w4_the_id_of_a_phone_is_all_it_shows_and_an_unknown_one_learns_nothing(public: Public, card: UUID) -> None:
    """Nobody can find out which phones there are: what is not known is answered like what has nothing new."""
    assert public.changed().status_code == 204
    public.register(card)
    assert public.changed().status_code == 200
    unknown, nothing_new = public.changed(device="0" * 32), public.changed(tag="0")
    assert unknown.status_code == nothing_new.status_code == 204
    assert not unknown.content
    assert unknown.headers.keys() == nothing_new.headers.keys()


def test_w5_w6_the_tag_is_a_text_and_every_pass_that_changed_after_it_is_named(
    public: Public, scene: Scene, card: UUID
) -> None:
    """A number is silently ignored by iOS; and a phone that hears of the newest change only never hears of the rest."""
    cards = [card, *(issue(scene, template(scene, template_id=f"more-{n}")) for n in range(2))]
    for one in cards:
        public.register(one)
    revise(scene, cards[0], 5)
    revise(scene, cards[1], 7)
    revise(scene, cards[2], 9)
    told = public.changed().json()
    assert told["lastUpdated"] == "9"
    assert sorted(told["serialNumbers"]) == sorted(typeid("pass", one.int) for one in cards)
    later = public.changed("5").json()
    assert sorted(later["serialNumbers"]) == sorted(typeid("pass", one.int) for one in cards[1:])
    assert later["lastUpdated"] == "9"
    assert public.changed("9").status_code == 204


@pytest.mark.parametrize(
    "tag", ["", "x", "-1", "1e9", "9" * 40, "5%00", "٣", "2026-11-30T00:00:00Z", "5;drop", "%F0%9F"]
)
def test_w7_a_tag_that_is_none_of_ours_is_no_tag(public: Public, scene: Scene, card: UUID, tag: str) -> None:
    """All passes, never none: a phone that has too many keeps what it has, of too few it shows old points for ever."""
    public.register(card)
    revise(scene, card, 5)
    answer = public.http.get(f"/v1/devices/{DEVICE}/registrations/{TOPIC}?passesUpdatedSince={tag}")
    assert answer.status_code == 200
    assert answer.json() == {"serialNumbers": [typeid("pass", card.int)], "lastUpdated": "5"}


def test_w8_an_answer_never_repeats_the_tag_that_came(public: Public, scene: Scene, card: UUID) -> None:
    """iOS complains of it, and asks for nothing."""
    public.register(card)
    for revision in (1, 2, 3):
        revise(scene, card, revision)
        assert public.changed(str(revision - 1)).json()["lastUpdated"] == str(revision)
        assert public.changed(str(revision)).status_code == 204


def test_w9_w10_a_pass_comes_with_a_date_and_only_where_it_is_newer(public: Public, scene: Scene, card: UUID) -> None:
    """304 with nothing in it, where the phone has it; a date that is none says nothing."""
    scene.earn(500)
    revise(scene, card, 3)
    answer = public.fetch(card)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].startswith("inline")
    assert pass_json(answer.content)["storeCard"]["headerFields"][0]["value"] == 500
    modified = answer.headers["last-modified"]
    same = public.fetch(card, modified)
    assert (same.status_code, same.content, same.headers["last-modified"]) == (304, b"", modified)
    earlier = parsedate_to_datetime(modified) - timedelta(seconds=1)
    assert public.fetch(card, earlier.strftime("%a, %d %b %Y %H:%M:%S GMT")).status_code == 200
    for nonsense in ("yesterday", "0", "Mon, 99 Nov 2026 25:00:00 GMT", "\xff"):
        assert (
            public.http.get(
                f"/v1/passes/{TOPIC}/{typeid('pass', card.int)}",
                headers=[*public.auth(card).items(), ("If-Modified-Since", nonsense.encode("latin-1"))],  # type: ignore[arg-type]
            ).status_code
            == 200
        )


def test_w11_what_phones_report_is_kept_without_what_opens_anything(public: Public, scene: Scene, card: UUID) -> None:
    """Support reads it: with the pass that it is about, and no token, device or letter that moves a cursor."""
    serial = typeid("pass", card.int)
    token = WALLET.authentication_token(serial)
    lines = [
        f"[2026-11-30] Get pass task (pass type {TOPIC}, serial number {serial}) encountered error: \x1b[2Jbad\nnews",
        f"Register task (for device {DEVICE}, push token {PUSH_TOKEN}; ApplePass {token})",
        "x" * 5_000,
        "\x00\x07",
    ]
    assert public.http.post("/v1/log", json={"logs": lines}).status_code == 200
    public.settle()
    kept = scene.rows("SELECT pass, line FROM pass_device_log ORDER BY id")
    assert kept[0] == (
        card,
        f"[2026-11-30] Get pass task (pass type {TOPIC}, serial number {serial}) encountered error: [2Jbad news",
    )
    assert not [line for _, line in kept if token in line or DEVICE in line or PUSH_TOKEN in line or len(line) > 1_000]


@pytest.mark.parametrize(
    "sent", [b"", b"{", b"[]", b'{"logs": 5}', b'{"logs": [1]}', b"\xff\xfe", b'{"logs": ["\\ud800"]}']
)
def test_w11_what_is_no_report_is_refused(public: Public, sent: bytes) -> None:
    """Never a fault of ours."""
    assert public.http.post("/v1/log", content=sent).status_code == 400


def test_w12_a_pass_that_never_was_is_answered_like_a_wrong_token(public: Public, card: UUID) -> None:
    """Serials must not be found out by asking: status, headers and body are the same for whoever has no token, and for
    one who somehow has the token of a pass that is not there."""
    nobody, wrong = new_uuid(), {"Authorization": "ApplePass " + "x" * 32}
    path = f"/v1/passes/{TOPIC}/"
    answers = [
        public.http.get(path + typeid("pass", card.int), headers=wrong),
        public.http.get(path + typeid("pass", nobody.int), headers=wrong),
        public.http.get(path + typeid("pass", nobody.int), headers=public.auth(nobody)),
        public.http.get(path + "no-serial", headers=wrong),
    ]
    told = [(one.status_code, one.content, sorted(set(one.headers) - {"date"})) for one in answers]
    assert len(set(map(str, told))) == 1
    assert answers[0].status_code == 401
    assert public.register(nobody).status_code == 401
    assert public.unregister(nobody).status_code == 401


@pytest.mark.parametrize(
    "form",
    [
        "{}", "ApplePass{}", "ApplePass  {}", "applepass {}", "Bearer {}", "Basic {}", " ApplePass {} x",
        "ApplePass {}x", "ApplePass {}, ApplePass {}", "ApplePass", "ApplePass ", "ApplePass žluť", "ApplePass {}=",
        "ApplePass\t{}",
    ],
)  # fmt: skip
def test_w13_the_scheme_is_exact_and_whatever_else_comes_is_refused(public: Public, card: UUID, form: str) -> None:
    """401, never a fault: django-walletpass and edutap fail on some of these."""
    given = form.replace("{}", WALLET.authentication_token(typeid("pass", card.int)))
    headers = [(b"authorization", given.strip(" ").encode())]
    assert public.http.get(f"/v1/passes/{TOPIC}/{typeid('pass', card.int)}", headers=headers).status_code == 401


def test_w13_two_tokens_are_none(public: Public, card: UUID) -> None:
    """Which of them would a proxy have looked at?"""
    headers = [*public.auth(card).items()] * 2
    assert public.http.get(f"/v1/passes/{TOPIC}/{typeid('pass', card.int)}", headers=headers).status_code == 401


def test_w14_each_pass_has_a_token_of_its_own(public: Public, scene: Scene, card: UUID) -> None:
    """Who has one card has not all of them; and 192 bits are not guessed."""
    other = issue(scene, template(scene, template_id="other"))
    assert (
        public.http.get(f"/v1/passes/{TOPIC}/{typeid('pass', other.int)}", headers=public.auth(card)).status_code == 401
    )
    token = pass_json(public.fetch(card).content)["authenticationToken"]
    assert len(token) == 32
    tables = scene.rows("SELECT string_agg(t::text, '') FROM pass AS t")[0][0]
    assert token not in tables


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/passes/{type}/{serial}", 200),
        ("/v1/passes/{type}/%70ass{rest}", 200),
        ("/v1/passes/{type}/%2570ass{rest}", 401),
        ("/v1/passes/{type}/{serial}%00", 401),
        ("/v1/passes/{type}/{serial}%2F", 401),
        ("/v1/passes/{type}%2F{serial}", 404),
        ("/v1/passes/{type}/{serial}/", 404),
        ("/v1/passes//{serial}", 401),
        ("/v1/passes/{type}/%FF%FE", 404),
        ("/v1/passes/{type}/..%2F..%2Fetc%2Fpasswd", 401),
        ("/v1/../v1/passes/{type}/{serial}", 404),
    ],
)
def test_w15_parts_of_a_path_are_decoded_once(public: Public, card: UUID, path: str, status: int) -> None:
    """Twice would let one pass for another; a slash inside of a part is no slash between two."""
    serial = typeid("pass", card.int)
    filled = path.format(type=TOPIC, serial=serial, rest=serial.removeprefix("pass"))
    assert raw(public, "GET", filled, public.auth(card)).startswith(f"HTTP/1.1 {status} ".encode())


def test_w16_what_is_not_ours_is_not_there(public: Public, card: UUID) -> None:
    """Another pass type: 401 and 204 as for strangers; another version of the protocol: 404."""
    public.register(card)
    serial, other = typeid("pass", card.int), "pass.com.example.other"
    assert public.http.get(f"/v1/passes/{other}/{serial}", headers=public.auth(card)).status_code == 401
    assert public.changed(pass_type=other).status_code == 204
    assert public.http.get(f"/v2/passes/{TOPIC}/{serial}", headers=public.auth(card)).status_code == 404
    assert public.http.get(f"/v1/devices/{DEVICE}/registrations", headers=public.auth(card)).status_code == 404


def test_w17_nothing_that_opens_anything_is_logged(
    public: Public, scene: Scene, card: UUID, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads logs must not be able to fetch cards, nor to tell phones apart: also where something fails."""
    token = WALLET.authentication_token(typeid("pass", card.int))
    public.register(card)
    public.fetch(card)
    public.changed()
    public.register(card, json={"pushToken": 7})
    by_owner(scene.database.database, "ALTER TABLE pass_device RENAME TO gone")
    failed = public.register(card)
    assert failed.status_code == 500
    public.unregister(card)
    public.settle()
    said = "".join(capfd.readouterr()) + caplog.text
    assert failed.text.split()[1] in said, "what the phone was told is found in the log"
    recorded = "".join(str(row) for row in scene.rows("SELECT body::text FROM activity"))
    for secret in (token, PUSH_TOKEN, DEVICE):
        assert secret not in said
        assert secret not in recorded


def test_w18_a_voided_or_erased_pass_is_fetched_as_such_and_says_nothing(
    public: Public, scene: Scene, card: UUID
) -> None:
    """The last update is how a card in a phone is emptied."""
    public.register(card)
    scene.rows("UPDATE pass SET voided_at = now() WHERE id = %s RETURNING id", [card])
    ended = pass_json(public.fetch(card).content)
    assert ended["voided"] is True
    assert "500" not in json.dumps(ended)
    scene.rows("UPDATE pass SET erased_at = now() WHERE id = %s RETURNING id", [card])
    emptied = pass_json(public.fetch(card).content)
    assert emptied["voided"] is True
    assert "500" not in json.dumps(emptied)
    assert "barcodes" not in emptied


def test_w19_an_erased_pass_goes_on_answering_after_all_of_it_was_forgotten(
    public: Public, scene: Scene, card: UUID
) -> None:
    """A phone that was off for a year still learns that its card is void."""
    scene.rows("UPDATE pass SET voided_at = now(), erased_at = now() WHERE id = %s RETURNING id", [card])
    for table in ("pass_delivery", "pass_registration", "pass_link"):
        scene.rows(f"WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone")
    assert pass_json(public.fetch(card).content)["voided"] is True


def test_w20_installing_and_removing_are_events_of_the_customer(public: Public, scene: Scene, card: UUID) -> None:
    """Programs give points for it: one event where a card comes to a phone, one where the last of them is gone."""
    phones = ["a" * 32, "b" * 32]
    for device in (*phones, *phones):
        public.register(card, device)
    public.unregister(card, phones[0])
    public.unregister(card, phones[0])
    public.unregister(card, phones[1])
    found = scene.rows("SELECT event, details FROM activity WHERE action LIKE 'pass.%%' ORDER BY id")
    assert found == [
        ("pass.installed", {"devices": 1, "platform": "APPLE"}),
        ("pass.removed", {"devices": 0, "platform": "APPLE"}),
    ]


def test_a_card_is_in_so_many_phones_at_most_and_the_oldest_leave(
    database: Database, scene: Scene, card: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a card can make up phones without end: each would be pushed to, and kept, for ever."""
    monkeypatch.setattr(limits, "PASS_BURST", 1_000.0)
    other = issue(scene, template(scene, template_id="other"))
    phones = [f"{number:032x}" for number in range(PHONES_MAX + 3)]
    with serving(database, tmp_path) as public:
        public.register(other, phones[0])
        for phone in phones:
            assert public.register(card, phone).status_code == 201
    query = "SELECT library_hash FROM pass_registration JOIN pass_device d ON d.id = device WHERE pass = %s"
    assert {found for (found,) in scene.rows(query, [card])} == {WALLET.device_hash(phone) for phone in phones[3:]}
    assert scene.rows("SELECT count(*) FROM pass_device") == [(PHONES_MAX + 1,)]
    assert scene.rows("SELECT count(*) FROM activity WHERE action = 'pass.installed'") == [(2,)]


def test_who_registers_and_leaves_again_and_again_is_told_to_wait(public: Public, scene: Scene, card: UUID) -> None:
    """Each time is an entry in the log, which stays for ever, and an event that points may be given for."""
    other = issue(scene, template(scene, template_id="other"))
    for number in range(int(limits.PASS_BURST) // 2):
        assert public.register(card, f"{number:032x}").status_code == 201
        assert public.unregister(card, f"{number:032x}").status_code == 200
    assert public.register(card).status_code == 503
    assert public.register(other).status_code == 201


@pytest.mark.parametrize("push_token", ["../../3/device/x", "a b", "5e%2f", "", "5e" * 400])
def test_a_push_token_is_of_hexadecimal_digits(public: Public, scene: Scene, card: UUID, push_token: str) -> None:
    """It becomes part of an address at Apple's, whose answer to another one would look like a fault of ours."""
    assert public.register(card, push_token=push_token).status_code == 400
    assert scene.rows("SELECT count(*) FROM pass_device") == [(0,)]


def test_registrations_of_others_do_not_wait_for_a_pass_that_somebody_holds(
    public: Public, scene: Scene, card: UUID
) -> None:
    """A merge or a slow mail holds one card; phones that register others at the time are served."""
    others = [issue(scene, template(scene, template_id=f"t{number}")) for number in range(5)]
    with ThreadPoolExecutor(6) as pool, scene.another_connection() as held:
        held.autocommit = False
        held.execute("SELECT FROM pass WHERE id = %s FOR UPDATE", [card])
        waits = pool.submit(public.register, card, "a" * 32)
        served = [pool.submit(public.register, other, f"{other.hex}").result().status_code for other in others]
        assert served == [201] * 5
        held.rollback()
        assert waits.result().status_code == 201


def test_w22_personalization_is_not_there(public: Public, card: UUID) -> None:
    """404 until it is built."""
    path = f"/v1/passes/{TOPIC}/{typeid('pass', card.int)}/personalize"
    assert public.http.post(path, json={}, headers=public.auth(card)).status_code == 404


def test_a_phone_that_is_new_is_told_at_the_next_refresh(public: Public, scene: Scene, card: UUID) -> None:
    """The card came by a link that was opened who knows when: what it says may have changed before the phone could be
    told, and nobody would tell it later."""
    public.register(card)
    assert scene.rows("SELECT pass FROM pass_mark") == [(card,)]


def test_a_card_that_is_ahead_of_its_revision_is_marked_before_it_is_sent(
    public: Public, scene: Scene, card: UUID
) -> None:
    """What it says now may be taken back before a refresh looks: the phone would show it for ever."""
    revise(scene, card, 1)
    public.fetch(card)
    assert scene.rows("SELECT pass FROM pass_mark") == [(card,)]


def test_a_phone_cannot_use_a_pass_of_another_type(scene: Scene, card: UUID, public: Public) -> None:
    """A template that names a pass type means it, also where only another one has an account here."""
    scene.rows(
        'UPDATE pass_template SET design = design || \'{"apple_pass_type": "pass.com.example.else"}\' RETURNING id'
    )
    assert public.fetch(card).status_code == 401
    assert public.register(card).status_code == 401
    assert public.changed().status_code == 204


def test_of_several_accounts_a_template_says_which_it_means(
    database: Database, scene: Scene, card: UUID, tmp_path: Path
) -> None:
    """One that does not say is of none of them: its card would be signed by whichever comes first."""
    other = "pass.com.example.other"
    named = issue(scene, template(scene, replace(LOYALTY, apple_pass_type=other), "named"))
    with serving(database, tmp_path, wallet_dir=apple_folder(tmp_path, TOPIC, other)) as public:
        serial = typeid("pass", named.int)
        path = registration(named, pass_type=other)
        headers = public.auth(named)
        assert public.http.post(path, headers=headers, json={"pushToken": PUSH_TOKEN}).status_code == 201
        assert public.changed(pass_type=other).json()["serialNumbers"] == [serial]
        assert public.changed().status_code == 204
        fetched = public.http.get(f"/v1/passes/{other}/{serial}", headers=headers)
        assert pass_json(fetched.content)["passTypeIdentifier"] == other
        assert public.register(named).status_code == 401
        for pass_type in (TOPIC, other):
            unsaid = registration(card, pass_type=pass_type)
            sent = public.http.post(unsaid, headers=public.auth(card), json={"pushToken": PUSH_TOKEN})
            assert sent.status_code == 401
        assert public.fetch(card).status_code == 401


def revise(scene: Scene, card: UUID, revision: int) -> None:
    """Gives a pass a revision, as a refresh does."""
    scene.rows(
        """
        INSERT INTO pass_content (pass, revision, modified_at, digest, changed_at, built_at)
        VALUES (%s, %s, date_trunc('second', now()), '', now(), now())
        ON CONFLICT (pass) DO UPDATE SET revision = excluded.revision, modified_at = excluded.modified_at RETURNING pass
        """,
        [card, revision],
    )
    scene.execute("UPDATE pass_counter SET revision = greatest(revision, %s)", [revision])


def raw(public: Public, method: str, path: str, headers: dict[str, str]) -> bytes:
    """The answer to a request whose path is sent as it is."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with public.connect() as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode())
        found = b""
        while piece := line.recv(65_536):
            found += piece
    return found
