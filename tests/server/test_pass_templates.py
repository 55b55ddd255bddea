"""Pass templates and their images, as their caller sees them."""

import asyncio
import hashlib
from typing import Any

import pytest

from fealty.v1 import pass_templates_pb2 as pb
from storage.engine.database import connection
from storage.passes.images import content
from tests.pictures import png
from tests.server import campaigning
from tests.server.club import NAME, WHY, Club
from tests.server.designing import field, icon, look, words
from tests.server.serving import activities, fresh, told

EVERYTHING: dict[str, Any] = {
    "kind": pb.PASS_KIND_COUPON,
    "card_id": "",
    "description": words("Coupon", de="Gutschein"),
    "logo_text": words("Club"),
    "foreground_color": "#FFFFFF",
    "label_color": "#d0b090",
    "campaign": campaigning.SPRING,
    "fields": [
        field("value", "COUPON_VALUE", "PRIMARY", change_message=words("Now worth %@")),
        field("hours", "TEXT", "BACK", text=words("9 to 5", de="9 bis 17 Uhr")),
    ],
    "sharing_prohibited": True,
    "apple_pass_type": "pass.com.example.club",
    "google_issuer": "3388000000012345678",
}


async def update(club: Club, mask: list[str], name: str = f"{NAME}/passTemplates/card", **given: Any) -> Any:
    """Changes a template; without a mask, by what is filled."""
    request = pb.UpdatePassTemplateRequest(
        pass_template=pb.PassTemplate(name=name, **given), update_mask={"paths": mask}, request_id=fresh()
    )
    if not mask:
        request.ClearField("update_mask")
    return await club.admin.pass_templates.UpdatePassTemplate(request)


async def test_a_template_is_read_as_it_was_made(club: Club) -> None:
    """Whatever a designer said is in it, and nothing else; a colour is a colour however it is written."""
    await campaigning.created(club)
    images = [icon(await club.image()), icon(await club.image(png(100, 40)), role=pb.PASS_IMAGE_ROLE_LOGO, scale=2)]
    made = await club.template(images=images, **EVERYTHING)
    found = await club.till.pass_templates.GetPassTemplate(pb.GetPassTemplateRequest(name=made.name))
    assert found.pass_template == made
    assert (made.state, made.version) == (pb.PASS_TEMPLATE_STATE_ACTIVE, 1)
    wanted = look(images=images, **{**EVERYTHING, "foreground_color": "#ffffff"})
    wanted.default_language = "en"
    wanted.images[0].scale = 1
    assert made.design == wanted


async def test_an_update_makes_the_next_version_and_one_that_changes_nothing_does_not(club: Club) -> None:
    """Each version sends every phone to fetch its card."""
    made = await club.template()
    changed = (await update(club, ["design.fields"], design=look(fields=[field("points")]))).pass_template
    assert (changed.version, changed.design.fields[0].key) == (2, "points")
    assert changed.design.images == made.design.images
    again = await update(club, [], design=changed.design, display_name="Club card")
    assert (again.pass_template, again.receipt.activity) == (changed, "")
    back = await update(club, ["display_name", "design"], display_name="Card", design=made.design)
    assert (back.pass_template.version, back.pass_template.display_name) == (3, "Card")
    kept = club.served.rows("SELECT version, display_name FROM pass_template_version ORDER BY version")
    assert kept == [(1, "Club card"), (2, "Club card"), (3, "Card")]


async def test_an_update_tells_what_it_changed(club: Club) -> None:
    """An auditor reads which word of which language was another; of a redesign, how much."""
    await club.template()
    await update(club, ["design.description"], design=look(description=words("Our card", de="Unsere Karte")))
    [said, *_] = await activities(club.admin)
    assert [(one.field, one.before.text, one.after.text) for one in said.changes] == [
        ("design.description.en", "Card of the coffee club", "Our card"),
        ("design.description.de", "", "Unsere Karte"),
    ]
    assert "description (de) of pass template Club card set to Unsere Karte" in said.description
    several = [field(key, slot="BACK") for key in ("one", "two", "three")]
    await update(club, ["design.fields"], design=look(fields=several))
    [said, *_] = await activities(club.admin)
    assert said.description.startswith("Pass template Club card updated: ")


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (["state"], "UPDATE_MASK_INVALID"),
        (["design.nothing"], "UPDATE_MASK_INVALID"),
        (["design.fields.key"], "UPDATE_MASK_INVALID"),
        (["design.kind"], "FIELD_FIXED"),
        (["design.card_id"], "FIELD_FIXED"),
        (["design.images"], "DESIGN_INVALID"),
        (["design.campaign"], "DESIGN_INVALID"),
    ],
)
async def test_what_no_update_can_change_is_refused(club: Club, mask: list[str], reason: str) -> None:
    """A card that is in phones stays what it is of, and every card has an icon."""
    await campaigning.created(club)
    made = await club.template()
    design = look(kind=pb.PASS_KIND_STAMPS, card_id="stamps", campaign=campaigning.SPRING)
    assert (await told(update(club, mask, design=design))).reason == reason
    found = await club.till.pass_templates.GetPassTemplate(pb.GetPassTemplateRequest(name=made.name))
    assert found.pass_template == made


async def test_the_account_of_cards_that_were_issued_is_refused_another(club: Club) -> None:
    """Phones ask for their cards by the pass type that they came with: of another they would never hear again."""
    await club.template(apple_pass_type="pass.com.example.club")
    other = look(apple_pass_type="pass.com.example.other")
    await update(club, ["design.apple_pass_type"], design=other)
    await club.issue()
    back = look(apple_pass_type="pass.com.example.club")
    assert (await told(update(club, ["design.apple_pass_type"], design=back))).reason == "FIELD_FIXED"


async def test_a_template_that_was_read_may_be_sent_back(club: Club) -> None:
    """A back office shows a form of all of it; what it did not change is no reason to refuse it, an old etag is."""
    made = await club.template()
    state, version = made.state, made.version
    await update(club, [], display_name="Card", design=made.design, etag=made.etag, state=state, version=version)
    answer = await told(update(club, [], display_name="Other", etag=made.etag))
    assert answer.reason == "STALE_ETAG"
    assert (await told(update(club, [], display_name="Other", version=9))).reason == "FIELD_FIXED"


async def test_templates_are_listed_by_state_and_kind(club: Club) -> None:
    """Whoever issues a coupon's card looks for its templates only."""
    for name, design in (("a", {}), ("b", {"kind": pb.PASS_KIND_GENERIC, "card_id": "", "fields": []}), ("c", {})):
        await club.template(name, **design)
    request = pb.ArchivePassTemplateRequest(name=f"{NAME}/passTemplates/c", reason=WHY, request_id=fresh())
    await club.admin.pass_templates.ArchivePassTemplate(request)

    async def listed(**how: Any) -> list[str]:
        asked = pb.ListPassTemplatesRequest(parent=NAME, **how)
        found = (await club.till.pass_templates.ListPassTemplates(asked)).pass_templates
        return [one.name.rpartition("/")[2] for one in found]

    assert await listed() == ["a", "b", "c"]
    assert await listed(state=pb.PASS_TEMPLATE_STATE_ACTIVE) == ["a", "b"]
    assert await listed(kind=pb.PASS_KIND_LOYALTY) == ["a", "c"]
    assert await listed(kind=pb.PASS_KIND_LOYALTY, state=pb.PASS_TEMPLATE_STATE_ARCHIVED) == ["c"]


async def test_an_image_is_kept_once_by_what_it_is(club: Club) -> None:
    """A wallet caches it by its address for ever; a back office that uploads the logo again gets the same one."""
    picture = png(40, 30)
    request = pb.UploadPassImageRequest(parent=NAME, content=picture, request_id=fresh())
    first = await club.admin.pass_templates.UploadPassImage(request)
    request.request_id = fresh()
    again = await club.admin.pass_templates.UploadPassImage(request)
    sha256 = hashlib.sha256(picture).hexdigest()
    assert first.name == again.name == f"{NAME}/passImages/{sha256}"
    assert (first.width, first.height) == (40, 30)
    assert (bool(first.receipt.activity), again.receipt.activity) == (True, "")
    assert club.served.rows("SELECT count(*) FROM pass_image") == [(1,)]
    with connection(club.served.database) as books:
        assert content(books, sha256) == picture
        assert content(books, "0" * 64) is None


async def test_an_image_that_several_bring_at_once_is_kept_once(club: Club) -> None:
    """Two designers upload the new logo: each gets its name, and the log has one record of it."""
    names = await asyncio.gather(*(club.image(png(50, 50)) for _ in range(8)))
    assert len(set(names)) == 1
    assert club.served.rows("SELECT count(*) FROM pass_image") == [(1,)]
    assert club.served.rows("SELECT count(*) FROM activity WHERE action = 'pass_image.uploaded'") == [(1,)]


@pytest.mark.parametrize("field", ["images[0].image", "campaign", "kind"])
async def test_a_design_names_what_is_in_its_program(club: Club, field: str) -> None:
    """A name of another program is a mistake, and is told where it stands."""
    given: dict[str, dict[str, Any]] = {
        "images[0].image": {"images": [icon(f"programs/other/passImages/{'0' * 64}")]},
        "campaign": {"kind": pb.PASS_KIND_COUPON, "campaign": "programs/other/couponCampaigns/spring"},
        "kind": {"kind": pb.PASS_KIND_UNSPECIFIED},
    }
    answer = await told(club.template(**{"images": [], **given[field]}))
    assert answer.fields == [f"pass_template.design.{field}"]


async def test_a_campaign_that_there_is_not_is_not_found(club: Club) -> None:
    """A template of its coupons would issue nothing."""
    answer = await told(club.template(**EVERYTHING))
    assert answer.reason == "CAMPAIGN_NOT_FOUND"
