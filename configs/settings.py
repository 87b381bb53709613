"""Every setting of the registry, typed, with its default and its unit."""

import json
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    field_validator,
    model_validator,
)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


SigningAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""Algorithms of public keys; one with a shared secret could be signed by whoever checks it."""


def _from_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


class DatabaseSettings(_Section):
    """The system of record; without `url` an embedded Postgres runs under the home directory.

    A process keeps `pool_min` to `pool_max` connections for writing, and as many for reading what
    callers may see. `owner_url` is how migrations connect, where the user of `url` owns nothing and
    merely is a member of the application's roles.
    """

    url: SecretStr | None = None
    owner_url: SecretStr | None = None
    pool_min: int = Field(default=2, ge=1)
    pool_max: int = Field(default=50, ge=2, le=200)


class EmbeddingSettings(_Section):
    """The model that turns texts into vectors: `packaged`, or a model directory.

    `placement` says where the models run: inside each API replica, or in deployments of their own
    that scale by themselves.
    """

    model: str = "packaged"
    placement: Literal["in_process", "deployment"] = "in_process"
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = Field(default=1, ge=1)
    query_cache_entries: int = Field(default=10_000, ge=0)


class LimitSettings(_Section):
    """Sizes above which input is refused: characters, counts and bytes."""

    title_characters: int = Field(default=500, ge=1)
    description_characters: int = Field(default=100_000, ge=0)
    owner_characters: int = Field(default=200, ge=1)
    tag_characters: int = Field(default=100, ge=1)
    tags: int = Field(default=100, ge=0)
    readers: int = Field(default=1_000, ge=0)
    metadata_bytes: int = Field(default=262_144, ge=2)
    body_bytes: int = Field(default=16_777_216, ge=1_024)
    import_bytes: int = Field(default=4_294_967_296, ge=1_024)
    bulk_rows: int = Field(default=1_000, ge=1)
    query_characters: int = Field(default=2_000, ge=1)
    embed_texts: int = Field(default=256, ge=1)


class IssuerSettings(_Section):
    """An OpenID Connect issuer whose tokens are accepted in place of API keys.

    Its keys are read from `jwks_url` or, without one, from where its discovery document says:
    every `refresh_s`, and once in `refetch_s` at most when a token names an unknown key.

    The caller's name, groups and role are read from the claims named here, nested ones by dotted
    paths. `roles` maps values of the role's claim to roles of the registry, the first that matches
    counts; who has none gets `default_role` or, without one, is refused. A name is a grant, so
    give issuers that do not share their names with API keys a prefix each.
    """

    issuer: str
    audience: str = Field(min_length=1)
    jwks_url: str | None = None
    algorithms: tuple[SigningAlgorithm, ...] = Field(default=("RS256", "ES256"), min_length=1)
    leeway_s: float = Field(default=30.0, ge=0, le=300)
    name_claim: str = "sub"
    name_prefix: str = ""
    groups_claim: str = "groups"
    group_prefix: str = ""
    role_claim: str = "roles"
    roles: dict[str, str] = {}
    default_role: str | None = None
    refresh_s: float = Field(default=3_600.0, gt=0)
    refetch_s: float = Field(default=30.0, gt=0)
    timeout_s: float = Field(default=5.0, gt=0)

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _private_on_its_way(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme == "https" and parts.hostname:
            return value
        if parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}:
            return value
        msg = "is no https URL (http is for this machine alone)"
        raise ValueError(msg)


class SecuritySettings(_Section):
    """Verified API keys that a process holds, how long each at most, and issuers of tokens.

    A revocation drops a key at once; the time is for one that is not heard of. With none held,
    every request asks Postgres. As a variable, `issuers` is a JSON list.
    """

    held_keys: int = Field(default=10_000, ge=0)
    held_key_s: float = Field(default=30.0, gt=0)
    issuers: Annotated[tuple[IssuerSettings, ...], BeforeValidator(_from_json)] = ()


class RequestSettings(_Section):
    """How requests are carried out.

    What has not begun to answer at its deadline is cancelled; a body has `body_s` to arrive.

    Answers to POSTs that carry an Idempotency-Key are kept for a time, up to a size; whoever
    carries such a request out holds a lease, after which a repetition may take it over.
    `proxies` is how many of our own stand in front and append to X-Forwarded-For.
    """

    deadline_s: float = Field(default=75.0, gt=0)
    body_s: float = Field(default=60.0, gt=0)
    proxies: int = Field(default=0, ge=0)
    idempotency_kept_s: float = Field(default=86_400.0, gt=0)
    idempotency_lease_s: float = Field(default=90.0, gt=0)
    idempotency_answer_bytes: int = Field(default=1_048_576, ge=0)


class RateLimitSettings(_Section):
    """Requests in a minute and caller by class of routes; null lifts a limit.

    `failed_attempts` is by client address. The defaults stop runaway clients, not busy ones: a key
    may read ten thousand times a second.
    """

    read: int | None = Field(default=600_000, ge=1)
    search: int | None = Field(default=600_000, ge=1)
    write: int | None = Field(default=600_000, ge=1)
    bulk: int | None = Field(default=60_000, ge=1)
    ai: int | None = Field(default=600_000, ge=1)
    manage: int | None = Field(default=6_000, ge=1)
    failed_attempts: int = Field(default=3_000, ge=1)


class AccessSettings(_Section):
    """Whether reads of entries are recorded, and how often what was gathered is written."""

    recorded: bool = True
    flush_interval_s: float = Field(default=1.0, gt=0)


class AuditSettings(_Section):
    """How the audit log is sealed, what it holds beyond writes, and for how long.

    With `key`, which the database's owner must not have, seals are HMACs that only its holder can
    make; `keyed_from` is the number of the first such seal. `reads` records reads of entries and
    searches, too. `refusals_per_minute` bounds what each process records of refused requests.
    """

    key: SecretStr | None = None
    keyed_from: int = Field(default=1, ge=1)
    seal_interval_s: float = Field(default=1.0, gt=0)
    keep_days: float | None = Field(default=None, gt=0)
    reads: bool = False
    refusals_per_minute: int = Field(default=600, ge=0)


class EventSettings(_Section):
    """The change feed: waits in seconds.

    `poll_interval_s` is how late a change is told at most where no notification came through, and
    `stream_s` how long one stream of server-sent events lasts before its reader connects again.
    """

    poll_interval_s: float = Field(default=1.0, gt=0)
    heartbeat_s: float = Field(default=15.0, gt=0)
    stream_s: float = Field(default=900.0, gt=0)


class WebhookSettings(_Section):
    """Where webhooks may be sent, and how often: seconds, counts and days.

    Private, local and metadata addresses are refused unless they are in `allowed_networks`.
    """

    allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    allow_http: bool = False
    timeout_s: float = Field(default=10.0, gt=0)
    attempts: int = Field(default=12, ge=1)
    first_pause_s: float = Field(default=5.0, ge=0)
    longest_pause_s: float = Field(default=21_600.0, ge=0)
    lease_s: float = Field(default=60.0, gt=0)
    parallel: int = Field(default=32, ge=1)
    per_webhook: int = Field(default=4, ge=1)
    keep_days: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _outlasting_lease(self) -> "WebhookSettings":
        if self.lease_s <= self.timeout_s:
            msg = f"lease_s={self.lease_s:g} is not above timeout_s={self.timeout_s:g}"
            raise ValueError(msg)
        return self


class SearchSettings(_Section):
    """How the parts of search become one ranking.

    The weights, and the least similarity of a hit that meaning alone proposes, are those of
    `weighted`; `adaptive` weighs each query by its evidence. A query of several sentences is also
    searched by up to `sentences` parts; 0 leaves it whole.
    """

    vector_weight: float = Field(default=0.5, ge=0, le=1)
    text_weight: float = Field(default=0.3, ge=0, le=1)
    filter_weight: float = Field(default=0.2, ge=0, le=1)
    fusion: Literal["adaptive", "weighted", "rrf"] = "adaptive"
    vector_threshold: float = Field(default=0.5, ge=-1, le=1)
    candidates: int = Field(default=100, ge=10, le=1_000)
    sentences: int = Field(default=4, ge=0, le=16)


class JobSettings(_Section):
    """How batch jobs divide their work: CPUs that a worker reserves, and rows."""

    worker_cpus: float = Field(default=0.5, gt=0)
    page_rows: int = Field(default=8_192, ge=1)
    batch_rows: int = Field(default=256, ge=1)


class RetentionSettings(_Section):
    """How long deleted entries can be brought back before they are purged, in days.

    The API looks for such entries each `purge_interval_s`; 0 leaves them to the job. `batch_rows`
    of them are removed in one transaction.
    """

    deleted_days: int = Field(default=30, ge=0)
    batch_rows: int = Field(default=500, ge=1)
    purge_interval_s: float = Field(default=3_600, ge=0)


class IndexSettings(_Section):
    """Snapshots of the vector index; without `directory` they lie under the home directory."""

    directory: Path | None = None
    shard_rows: int = Field(default=500_000, ge=1)
    keep_versions: int = Field(default=3, ge=2)
    refresh_interval_s: float = Field(default=1.0, gt=0)


class EncryptionKey(_Section):
    """A key that seals sensitive metadata: 32 random bytes in base64, under a name."""

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    material: SecretStr


class EncryptionSettings(_Section):
    """Keys of sensitive metadata; the first one seals, all of them open.

    Without any, an embedded registry keeps a file of its own under the home directory; on another
    Postgres nothing can be sealed. In a variable they are a JSON list.
    """

    keys: tuple[EncryptionKey, ...] = ()

    @field_validator("keys", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value


class TypeSettings(_Section):
    """Whether relationships need a type that was described; otherwise any name is one."""

    strict_relationship_types: bool = False


class Settings(_Section):
    """All settings of one deployment."""

    home: Path = Path.home() / ".local" / "state" / "hyper-registry"
    database: DatabaseSettings = DatabaseSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    limits: LimitSettings = LimitSettings()
    search: SearchSettings = SearchSettings()
    security: SecuritySettings = SecuritySettings()
    requests: RequestSettings = RequestSettings()
    rate_limits: RateLimitSettings = RateLimitSettings()
    access: AccessSettings = AccessSettings()
    audit: AuditSettings = AuditSettings()
    events: EventSettings = EventSettings()
    webhooks: WebhookSettings = WebhookSettings()
    jobs: JobSettings = JobSettings()
    index: IndexSettings = IndexSettings()
    types: TypeSettings = TypeSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    retention: RetentionSettings = RetentionSettings()

    @property
    def index_directory(self) -> Path:
        """Where snapshots of the vector index lie, one directory a version."""
        return self.index.directory or self.home / "index"
