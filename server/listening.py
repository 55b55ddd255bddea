"""Where a server listens: that the place is free, before gRPC is asked, which says it in lines of its own."""

import errno
import socket


class PortTaken(Exception):
    """The address cannot be listened on: another program has it, or this host does not."""


def family(host: str) -> socket.AddressFamily:
    """A host's own address family."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def check(host: str, port: int, setting: str, host_setting: str = "FEALTY_HOST") -> None:
    """Raises PortTaken, a sentence that names the setting. Also for processes that will share the port: with a stranger
    they would share it too."""
    with socket.socket(family(host)) as probe:
        # As gRPC itself does: connections that a server closed a moment ago do not hold the port, who listens does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise refused(error, host, port, setting, host_setting) from error
        except OverflowError as error:
            raise PortTaken(f"port {port} does not exist, 65535 is the last; lower {setting}") from error


def refused(error: OSError, host: str, port: int, setting: str, host_setting: str = "FEALTY_HOST") -> PortTaken:
    """What to tell a person of an address that the system refuses."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return PortTaken(f"{address} is taken; stop what listens there, or set {setting}")
    return PortTaken(f"{address} cannot be listened on ({error.strerror}); set {host_setting} or {setting}")
