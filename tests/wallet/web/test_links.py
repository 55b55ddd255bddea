"""Links to passes, their pages, images: what strangers, scanners of mail, phones and browsers get."""

import json
import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from rules.passes.designs import Colors, Design, Image, ImageRole
from storage.engine.database import Database
from storage.engine.ids import new_uuid, typeid
from storage.passes.sealing import link_hash
from tests.personal import WALLET
from tests.storage.passes.carrying import LOYALTY, issue, template
from tests.storage.scene import Scene
from tests.wallet.apple.service import leaf
from tests.wallet.web.pictures import code_in, code_of
from tests.wallet.web.serving import ANDROID, DESKTOP, IPHONE, Public, keep, pass_json, png, serving
from wallet.web.texts import TEXTS, language

ISSUER = "3388000000012345678"
BLUE = Colors("#10308a", "#fafafa", "#cccccc")


def link(scene: Scene, card: UUID, expires: str = "30 days", revoked: bool = False) -> str:
    """A link to a pass: its token."""
    made = new_uuid()
    scene.rows(
        """
        INSERT INTO pass_link (id, pass, token_hash, created_at, expires_at, revoked_at, activity)
        SELECT %s, %s, %s, now(), now() + %s::interval, CASE WHEN %s THEN now() END, activity FROM program
        RETURNING id
        """,
        [made, card, link_hash(WALLET.link_token(made)), expires, revoked],
    )
    return WALLET.link_token(made)


def open_link(public: Public, token: str, agent: str = DESKTOP, **headers: str) -> httpx.Response:
    """Opens a link."""
    return public.http.get(f"/p/{token}", headers={"User-Agent": agent, **headers})


def test_an_iphone_gets_the_card(public: Public, scene: Scene, card: UUID) -> None:
    """Shown at once and kept by nobody in between; with all by which it is kept up to date."""
    answer = open_link(public, link(scene, card), IPHONE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["cache-control"] == "no-store"
    assert "noindex" in answer.headers["x-robots-tag"]
    said = pass_json(answer.content)
    assert said["webServiceURL"] == public.url
    assert said["serialNumber"] == typeid("pass", card.int)


def test_a_desktop_gets_a_page_with_a_code_of_the_link(public: Public, scene: Scene, card: UUID) -> None:
    """No script and nothing from elsewhere; the code is drawn into the page."""
    token = link(scene, card)
    page = open_link(public, token)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy + page.text
    assert "unsafe" not in policy
    assert f'href="{public.url}/p/{token}/apple"' in page.text
    assert code_in(page.text) == code_of(f"{public.url}/p/{token}")
    assert code_in(page.text) != code_of(f"{public.url}/p/{token}x")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert public.http.get(f"/p/{token}/apple", headers={"User-Agent": DESKTOP}).content[:2] == b"PK"


@pytest.mark.parametrize("agent", [ANDROID, IPHONE, DESKTOP, ""])
def test_looking_changes_nothing(public: Public, scene: Scene, card: UUID, agent: str) -> None:
    """Scanners of mail open every link: an installation is what a phone registers, not what somebody looked at."""
    token = link(scene, card)
    before = scene.rows("SELECT count(*) FROM activity"), scene.rows("SELECT * FROM pass_link")
    for path in ("", "/apple", "/google"):
        public.http.get(f"/p/{token}{path}", headers={"User-Agent": agent})
        public.http.head(f"/p/{token}{path}", headers={"User-Agent": agent})
    public.settle()
    assert (scene.rows("SELECT count(*) FROM activity"), scene.rows("SELECT * FROM pass_link")) == before
    assert scene.rows("SELECT count(*) FROM pass_delivery") == [(0,)]


def test_android_is_led_to_google_where_the_card_is_there(
    database: Database, scene: Scene, card: UUID, tmp_path: Path
) -> None:
    """Before Google has it, its link would show an error of Google's: then the page says to come again."""
    folder = google_folder(tmp_path)
    token = link(scene, card)
    with serving(database, tmp_path, wallet_dir=folder) as public:
        early = open_link(public, token, ANDROID)
        assert early.status_code == 200
        assert TEXTS["en"].nothing in early.text
        at_google(scene, card)
        led = open_link(public, token, ANDROID)
        assert led.status_code == 302
        assert led.headers["location"].startswith("https://pay.google.com/gp/v/save/")
        assert len(led.headers["location"]) <= 1_800
        assert 'id="google"' in open_link(public, token).text


def test_a_phone_whose_wallet_has_no_account_is_told_so_and_not_led_in_a_circle(
    database: Database, scene: Scene, card: UUID, tmp_path: Path
) -> None:
    """Each works without the other: a code would lead the same phone to the same page, and so would a button."""
    token = link(scene, card)
    with serving(database, tmp_path, wallet_dir=google_folder(tmp_path)) as public:
        at_google(scene, card)
        pages = [open_link(public, token, IPHONE), public.http.get(f"/p/{token}/apple")]
    with serving(database, tmp_path) as public:
        told = {page.text for page in (open_link(public, token, ANDROID), public.http.get(f"/p/{token}/google"))}
    for page in pages:
        assert TEXTS["en"].no_apple in page.text
    [text] = told
    assert TEXTS["en"].no_google in text
    for shown in (*(page.text for page in pages), text):
        assert "<svg" not in shown
        assert "<a " not in shown


def test_links_that_lead_nowhere_cannot_be_told_apart(public: Public, scene: Scene, card: UUID) -> None:
    """Expired, revoked, of a voided or erased pass, never made, or nonsense: one friendly page."""
    other = issue(scene, template(scene, template_id="void"), voided_at="now()")
    tokens = [
        link(scene, card, "-1 second"),
        link(scene, card, revoked=True),
        link(scene, other),
        "A" * 22,
        "x",
        "%00",
        "a" * 600,
        "%ff",
    ]
    found = {
        (answer.status_code, answer.text, str(sorted(set(answer.headers.items()) - {("date", answer.headers["date"])})))
        for token in tokens
        for agent in (IPHONE, DESKTOP)
        for path in ("", "/apple", "/google")
        for answer in [public.http.get(f"/p/{token}{path}", headers={"User-Agent": agent})]
    }
    [(status, text, _)] = found
    assert status == 404
    assert TEXTS["en"].gone in text


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr,cs;q=0.3,es;q=0.8", "es"),
        ("cs", "cs"),
        ("fr-FR", "en"),
        ("de;q=0,es;q=0.1", "es"),
        ("de;q=x", "en"),
        (",;;q=,*", "en"),
        ("xx," * 5_000 + "de", "en"),
        ("DE", "de"),
    ],
)
def test_a_browser_is_answered_in_its_language(accepted: str, spoken: str) -> None:
    """As RFC 9110 has it, and English where nothing else is asked for."""
    assert language(accepted) == spoken


@pytest.mark.parametrize("spoken", sorted(TEXTS))
def test_every_page_is_in_every_language(public: Public, scene: Scene, card: UUID, spoken: str) -> None:
    """The link, the link that leads nowhere, and the page against mails."""
    headers = {"Accept-Language": spoken}
    token, stop = link(scene, card), unsubscribing(scene)
    for path, text in (
        (f"/p/{token}", TEXTS[spoken].scan_how),
        ("/p/none", TEXTS[spoken].gone),
        (f"/u/{stop}", TEXTS[spoken].stop_button),
    ):
        page = public.http.get(path, headers=headers)
        assert text in page.text
        assert page.headers["content-language"] == spoken
        assert f'<html lang="{spoken}">' in page.text
    assert len(set(map(tuple, TEXTS.values()))) == len(TEXTS)


def test_a_page_has_the_colours_of_the_design_and_letters_that_can_be_read(public: Public, scene: Scene) -> None:
    """A dark background without a colour for letters gets light ones."""
    blue = card_of(scene, replace(LOYALTY, colors=BLUE), "blue")
    dark = card_of(scene, replace(LOYALTY, colors=Colors("#111111")), "dark")
    styled = re.search(r"<style>(.*?)</style>", open_link(public, link(scene, blue)).text, re.DOTALL)
    assert styled
    assert "background:#10308a" in styled[1]
    assert "color:#fafafa" in styled[1]
    assert "color:#ffffff" in open_link(public, link(scene, dark)).text


@pytest.mark.parametrize(
    ("colors", "letters", "button"),
    [
        (Colors("#000000", "#000000"), "#ffffff", "#ffffff"),
        (Colors("#18181b"), "#ffffff", "#ffffff"),
        (Colors("#ffffff", "#eeeeee"), "#18181b", "#18181b"),
    ],
)
def test_no_colours_of_a_design_hide_letters_or_buttons(
    public: Public, scene: Scene, colors: Colors, letters: str, button: str
) -> None:
    """Black on black is accepted; whoever opens the link must see what to press."""
    page = open_link(public, link(scene, card_of(scene, replace(LOYALTY, colors=colors), "hidden"))).text
    assert f"background:{colors.background};\ncolor:{letters};" in page
    assert f"border-radius:10px;background:{button};" in page


def test_words_of_a_design_are_words_on_the_page(public: Public, scene: Scene) -> None:
    """Whoever writes a template writes no page of ours; nor does a colour write a style sheet."""
    words = (("en", "<script>alert(1)</script>\"'&"),)
    evil = Design(LOYALTY.kind, "<b>Club</b>", words, card_id="plain", colors=Colors("red}body{display:none"))
    page = open_link(public, link(scene, card_of(scene, evil, "evil")))
    assert "<script" not in page.text
    assert "<b>" not in page.text
    assert "display:none" not in page.text
    assert "&lt;script&gt;" in page.text


def test_images_are_public_by_what_they_are_and_kept_for_ever(public: Public, scene: Scene, card: UUID) -> None:
    """Google fetches each once. The card has them too."""
    sha256 = keep(scene, png())
    answer = public.http.get(f"/images/{sha256}.png")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, png(), "image/png")
    assert "immutable" in answer.headers["cache-control"]
    again = public.http.get(f"/images/{sha256}.png", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("0" * 64, sha256.upper(), sha256[:-1], "..%2f..%2fetc%2fpasswd", "%00"):
        assert public.http.get(f"/images/{name}.png").status_code == 404
    design = replace(LOYALTY, images=(Image(ImageRole.LOGO, sha256, 1, 1),))
    with_logo = card_of(scene, design, "logo")
    assert f"/images/{sha256}.png" in open_link(public, link(scene, with_logo)).text
    assert png() in public.fetch(with_logo).content


def test_mails_are_stopped_by_a_button_and_not_by_a_look(public: Public, scene: Scene) -> None:
    """Scanners look; programs of mail send the POST without the page (RFC 8058)."""
    token = unsubscribing(scene)
    page = public.http.get(f"/u/{token}")
    assert page.status_code == 200
    assert "<form" in page.text
    assert scene.rows("SELECT count(*) FROM mail_stop") == [(0,)]
    for _ in range(2):
        done = public.http.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
    assert scene.rows("SELECT unsubscribed_at IS NOT NULL FROM mail_stop") == [(True,)]
    stopped = scene.rows("SELECT count(*) FROM activity WHERE action = 'customer.unsubscribed'")
    assert stopped == [(1,)], "said twice, it is done once"


def test_who_stops_mails_reads_whose_and_later_that_it_is_done(public: Public, scene: Scene) -> None:
    """Of a program at first, then of whoever gave the card, as the mail says it; and the link does not ask again."""
    token = unsubscribing(scene)
    scene.rows('UPDATE program SET settings = settings || \'{"display_name": "Coffee club"}\' RETURNING id')
    assert "Coffee club will send you no more" in public.http.get(f"/u/{token}").text
    card_of(scene, replace(LOYALTY, organization_name="Café & <Co>"), "named")
    assert "Café &amp; &lt;Co&gt; will send you no more" in public.http.get(f"/u/{token}").text
    for answer in (public.http.post(f"/u/{token}"), public.http.get(f"/u/{token}")):
        assert "Café &amp; &lt;Co&gt; sends you no more" in answer.text
        assert "<form" not in answer.text
    assert TEXTS["en"].stop_gone_how in public.http.get(f"/u/{token[:-1]}").text


@pytest.mark.parametrize("token", ["1", "1.x", "x.y", "1." + "A" * 22, "-1.x", "9" * 40 + ".x", "%00", "٣.x"])
def test_nobody_stops_the_mails_of_others(public: Public, scene: Scene, token: str) -> None:
    """The token is a proof; whatever else comes finds the page of links that lead nowhere."""
    assert public.http.get(f"/u/{token}").status_code == 404
    assert public.http.post(f"/u/{token}").status_code == 404
    assert scene.rows("SELECT count(*) FROM mail_stop") == [(0,)]


def test_robots_are_let_in_where_google_calls(public: Public) -> None:
    """Googlebot brings the callbacks; nothing is to be found by whoever searches."""
    said = public.http.get("/robots.txt").text
    assert "Allow: /google/callback" in said
    assert said.rstrip().endswith("User-agent: *\nDisallow: /")


def unsubscribing(scene: Scene, name: str = "ada") -> str:
    """What ada's mails have in them."""
    [(customer,)] = scene.rows("SELECT id FROM customer WHERE customer_id = %s", [name])
    return WALLET.unsubscribe_token(customer)


def card_of(scene: Scene, design: Design, template_id: str) -> UUID:
    """A card of ada's of a design of its own."""
    return issue(scene, template(scene, design, template_id))


def at_google(scene: Scene, card: UUID) -> None:
    """Google has a card."""
    scene.rows(
        """
        INSERT INTO pass_google (pass, issuer, revision, changed_at, sent_at, answer, digest)
        VALUES (%s, %s, 1, now(), now(), 'TAKEN', 'x') RETURNING pass
        """,
        [card, ISSUER],
    )


def google_folder(folder: Path) -> Path:
    """Accounts (FEALTY_WALLET_DIR): one of Google's, none of Apple's."""
    place = folder / "accounts" / "google"
    place.mkdir(parents=True)
    (place / f"{ISSUER}.json").write_text(service_account())
    return folder / "accounts"


def service_account() -> str:
    """As Google hands it out."""
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "wallet@example.iam.gserviceaccount.com",
            "private_key": leaf().key_pem().decode(),
            "token_uri": "https://localhost/token",
        }
    )
