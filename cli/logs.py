"""The log: one line an event, to stderr; for people, or as JSON. Libraries' own lines come in the same form."""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor

from cli.settings import LogFormat

# Of libraries, what is less than this is not written. Of each migration peewee tells, at INFO, that it runs: we tell
# which were applied. Clients of HTTP write the address of each request, which may be the push token of a phone; of what
# they try again they do so at WARNING.
_QUIET = {
    "peewee": logging.WARNING,
    "mail.log": logging.WARNING,  # of the demo's mail server: every word of each conversation
    **dict.fromkeys(("httpx", "httpcore", "h2", "hpack", "urllib3", "requests", "google"), logging.ERROR),
}


def configure(log_format: LogFormat, stream: TextIO = sys.stderr) -> None:
    """Sets up structlog and the standard logging of this process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
    ]
    if log_format is LogFormat.JSON:
        shared.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
        last: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # Whoever looks at a terminal knows the date; a file is read days later.
        form = "%H:%M:%S" if stream.isatty() else "%Y-%m-%d %H:%M:%S"
        shared.append(structlog.processors.TimeStamper(fmt=form, utc=False))
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), pad_event_to=24, exception_formatter=structlog.dev.plain_traceback
        )
        last = [renderer]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
