"""Where one may listen without TLS: where nobody else hears it, or where an operator said so in so many words."""

from ipaddress import ip_address

WORDS = "FEALTY_LISTEN_WITHOUT_TLS=yes"


class NotPrivate(Exception):
    """{setting} is {host}, which others reach, and there is no TLS: set {files}, or {words} where something else, such
    as a proxy that speaks TLS, keeps private what is said there."""

    def __init__(self, setting: str, host: str, files: str, words: str) -> None:
        said = (type(self).__doc__ or "").format(setting=setting, host=host, files=files, words=words)
        super().__init__(" ".join(said.split()))


def check(setting: str, host: str, files: str, *, has_tls: bool, is_told: bool, words: str = WORDS) -> None:
    """Whether `host`, which `setting` names, may be listened on. Raises NotPrivate, which says which `files` are
    missing, and by which `words` one may do without."""
    if not has_tls and not is_told and not is_loopback(host):
        raise NotPrivate(setting, host, files, words)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
