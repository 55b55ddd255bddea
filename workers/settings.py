"""What an operator decides about workers and clocks."""

from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from workers.limits import THREADS_DEFAULT, THREADS_MAX


class WorkerSettings(BaseSettings):
    """Read once in an entry point, from FEALTY_REDIS_URL, FEALTY_QUEUES and FEALTY_THREADS, and passed on."""

    model_config = SettingsConfigDict(
        env_prefix="FEALTY_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # the input may be a URL with a password
    )

    # redis://:password@host:port/0, rediss://… or unix:///path?db=0
    redis_url: SecretStr
    # The queues to work on, separated by commas; none: all there are.
    queues: Annotated[tuple[str, ...], NoDecode] = ()
    # Tasks that one worker works on at a time, each with a connection to the database.
    threads: int = Field(default=THREADS_DEFAULT, ge=1, le=THREADS_MAX)

    @field_validator("queues", mode="before")
    @classmethod
    def _split(cls, queues: Any) -> Any:
        return [part for name in queues.split(",") if (part := name.strip())] if isinstance(queues, str) else queues
