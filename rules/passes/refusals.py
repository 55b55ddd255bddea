"""Every refusal of the rules of passes."""

from rules.refusals import Refusal


class DesignInvalid(Refusal):
    """The design contradicts itself, the program or what wallets can show: {what}."""


class PassImageInvalid(Refusal):
    """The image cannot be used: {what}."""


class PassNotPossible(Refusal):
    """No pass of this template can be issued for that: {what}."""


class PassTemplateNotFound(Refusal):
    """There is no such pass template in {program}."""


class PassImageNotFound(Refusal):
    """There is no image {image}; upload it first."""


class PassNotFound(Refusal):
    """The customer has no such pass."""


class LinkNotFound(Refusal):
    """The pass has no such link."""


class PassTemplateExists(Refusal):
    """There is a pass template {pass_template} already; choose another pass_template_id."""


class PassExists(Refusal):
    """The customer has such a pass: {pass_name}. Use that one, or void it first."""


class PassTemplateArchived(Refusal):
    """The pass template {pass_template} is archived; unarchive it first."""


class PassTemplateStateWrong(Refusal):
    """The pass template {pass_template} is {state} already."""


class PassVoided(Refusal):
    """The pass {pass_name} is voided; issue another one."""


class PassesUrlUnset(Refusal):
    """This server was not told where phones reach passes; ask its operator to set FEALTY_PASSES_URL."""


class NoAddress(Refusal):
    """The customer has no mail address; set one first."""


class AddressRefused(Refusal):
    """Mail servers refused the address of the customer for good, on {since}; set another one first."""


class CustomerUnsubscribed(Refusal):
    """The customer wants no mails, since {since}; hand out a link in another way."""


class TooManyLinks(Refusal):
    """The pass has {links} links that still lead somewhere; revoke some first."""
