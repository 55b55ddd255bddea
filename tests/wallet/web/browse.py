"""The pages in a real browser: `make browser`. Not among the tests that `make test` finds, for it needs Chromium."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rules.passes.designs import Image, ImageRole
from tests.storage.passes.carrying import LOYALTY
from tests.storage.scene import Scene
from tests.wallet.web.chromium import MISSING, Page, chromium
from tests.wallet.web.pictures import code_of, code_seen
from tests.wallet.web.serving import DESKTOP, Public, keep, png
from tests.wallet.web.test_links import BLUE, card_of, link, unsubscribing
from wallet.web.texts import TEXTS

pytestmark = pytest.mark.process


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A tab of a browser."""
    try:
        with chromium(tmp_path / "chromium") as browser:
            yield browser.page()
    except LookupError:
        pytest.fail(MISSING)


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_the_page_of_a_link(public: Public, scene: Scene, page: Page, language: str) -> None:
    """Its code leads to the link as it is drawn, its colours are those of the design, and its policy lets all of it
    be."""
    design = replace(LOYALTY, colors=BLUE, images=(Image(ImageRole.LOGO, keep(scene, png()), 1, 1),))
    url = f"{public.url}/p/{link(scene, card_of(scene, design, 'blue'))}"
    page.open(url, language, DESKTOP)
    assert page.violations == []
    assert page.eval("document.documentElement.lang") == language
    assert TEXTS[language].scan_how in page.eval("document.body.innerText")
    assert page.eval("getComputedStyle(document.body).backgroundColor") == "rgb(16, 48, 138)"
    assert page.eval("getComputedStyle(document.body).color") == "rgb(250, 250, 250)"
    assert page.eval("document.querySelector('img').naturalWidth") == 1
    assert page.eval("document.querySelector('#apple').href") == f"{url}/apple"
    code = code_of(url)
    assert code_seen(page.picture("#code"), len(code)) == code


def test_mails_are_stopped_by_the_button(public: Public, scene: Scene, page: Page) -> None:
    """The form is sent, though the policy allows next to nothing."""
    card_of(scene, LOYALTY, "card")
    page.open(f"{public.url}/u/{unsubscribing(scene)}", "cs", DESKTOP)
    assert page.eval("document.querySelector('button').innerText") == TEXTS["cs"].stop_button
    page.press("button")
    done = TEXTS["cs"].stopped_how.format(organization=LOYALTY.organization_name)
    assert done in page.eval("document.body.innerText")
    assert page.violations == []
    assert scene.rows("SELECT count(*) FROM mail_stop") == [(1,)]


def test_a_policy_that_is_broken_is_seen(public: Public, page: Page) -> None:
    """So that none of the above is true for want of looking."""
    page.open(f"{public.url}/p/none", "en", DESKTOP)
    page.eval("document.body.append(Object.assign(document.createElement('img'), {src: 'https://else.example/a.png'}))")
    page.eval("new Promise(done => setTimeout(done, 300))")
    assert page.violations
