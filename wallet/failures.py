"""What is wrong with an account of a wallet, or with a card: each a type, whose docstring is the sentence for the
person who meets it and says what to do."""


class WalletError(Exception):
    """Nothing can be made for this wallet.

    The class docstring of each kind is its message, filled with `facts`: names of files, pass types and instants, never
    anything about a customer.
    """

    def __init__(self, **facts: object) -> None:
        self.facts = {name: str(value) for name, value in facts.items()}
        super().__init__(" ".join((type(self).__doc__ or "").format(**self.facts).split()))


class AccountInvalid(WalletError):
    """The files of an account cannot be used."""


class FolderUnreadable(WalletError):
    """The folder of accounts {folder} cannot be looked into ({reason}): let the user that runs Fealty read it."""


class AccountMissing(WalletError):
    """There is no account {name} of {wallet} here: put its files into the folder that FEALTY_WALLET_DIR names
    (docs/wallet.md), and start this again."""


class AccountAmbiguous(WalletError):
    """There are several accounts of {wallet} here ({names}), and the template does not say which it means: name one in
    its design."""
