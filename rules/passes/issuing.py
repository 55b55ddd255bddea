"""For what a pass of a template can be issued, and how many ways may lead to it."""

from rules.passes.designs import PassKind
from rules.passes.refusals import PassNotPossible, TooManyLinks

# Links of one pass that lead somewhere at once: for a mail, a text message, a printed letter, some attempts of each.
# Whoever needs more makes one for each page view, and should hand out the one that there is.
LINKS_MAX = 20
# How long a link leads somewhere where nobody says: for as long as people look for a mail.
LINK_DAYS = 30


def check_possible(kind: PassKind, design_campaign: str, campaign: str, has_claim: bool) -> None:
    """Raises PassNotPossible where a template of a kind, for coupons of `design_campaign` (empty: of any), cannot show
    what its pass is to be issued for: a coupon of `campaign` (empty: none), a claim, or neither."""
    if kind is not PassKind.COUPON:
        if campaign:
            raise PassNotPossible(what="a coupon is shown by a template of coupons, and this is none; choose another")
        if has_claim and kind is not PassKind.GENERIC:
            raise PassNotPossible(what="a card of points or stamps shows no claim; choose a template of another kind")
    elif not campaign:
        raise PassNotPossible(what="a template of coupons shows one, and there is none; name it, or choose another")
    elif design_campaign not in ("", campaign):
        raise PassNotPossible(what=f"this template is for coupons of campaign {design_campaign}; choose another")


def check_links(live: int) -> None:
    """Raises TooManyLinks where a pass has as many as it may have."""
    if live >= LINKS_MAX:
        raise TooManyLinks(links=str(live))
