"""An account to sign with, and where to lay others."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from tests.wallet import signing
from wallet.apple.certificates import AppleAccount, load_account


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> AppleAccount:
    """One that is in order."""
    return load_account(signing.lay(tmp_path_factory.mktemp("wallet")), "", datetime.now(UTC))


@pytest.fixture(scope="session")
def root() -> x509.Certificate:
    """What phones trust."""
    return signing.authority().root.certificate
