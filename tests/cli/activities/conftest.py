"""A terminal beside a server that runs, in whose log something stands."""

import pytest

from fealty import connect
from tests.cli.conftest import connected
from tests.cli.terminal import KEY, Terminal, eventually
from tests.server.conftest import database_url, founded, pytest_pyfunc_call, runner, server, there
from tests.server.serving import customer, program, purchase

__all__ = ["at_work", "connected", "database_url", "founded", "pytest_pyfunc_call", "runner", "server", "there"]


@pytest.fixture
def at_work(connected: Terminal) -> Terminal:
    """The key of an auditor is in its environment; the program `coffee` has a customer with two purchases."""
    from cli import health

    connected.start("serve")
    eventually(lambda: health.serving(connected.address))
    [administrator] = KEY.findall(connected.run("keys", "create", "boss", "--role", "administrator").out)
    [auditor] = KEY.findall(connected.run("keys", "create", "auditor", "--role", "auditor").out)
    connected.environment["FEALTY_API_KEY"] = auditor
    with connect(connected.address, administrator) as fealty:
        fealty.programs.CreateProgram(program("coffee"))
        fealty.customers.CreateCustomer(customer("ada"))
        for name in ("till-71", "till-72"):
            fealty.transactions.RecordTransaction(purchase(1250, transaction_id=name))
    return connected
