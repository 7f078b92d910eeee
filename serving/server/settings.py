"""Settings of the embedded server, which the options of `serve` are made of."""

from pathlib import Path

from pydantic import Field

from data_prep.settings import DAY, Settings

MIB = 2**20


class ServerSettings(Settings):
    """What the server listens on and how much it takes on.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 for any free one.
        rest_port: port of the REST interface, on the same address; 0 for any free one, None for no
            REST.
        poll_seconds: seconds between two checks for other versions and another configuration.
        workers: predictions, or batches of joined ones, that run at the same time.
        queue: predictions that wait for those; more are refused.
        join: clips of waiting requests that are computed as one batch, at most; 1 to join none.
        max_batch: largest first axis of an input.
        max_mib: largest request, and largest input once decoded, in MiB.
        grace: seconds that running predictions get to finish when the server ends.
        metrics_port: port of the metrics, on the same address, without TLS and tokens; 0 for any
            free one, None for no metrics.
        tls_cert: PEM file of the server's certificate and its chain; None without TLS.
        tls_key: PEM file of its private key.
        tls_client_ca: PEM file of the authorities that sign clients' certificates; with it, every
            client must have one.
        token_file: file with the token that clients send as `authorization: Bearer TOKEN`; None
            for no tokens.
    """

    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    rest_port: int | None = Field(None, ge=0, le=65535)
    poll_seconds: float = Field(1.0, ge=0.01, le=DAY)
    workers: int = Field(2, ge=1, le=1_000)
    queue: int = Field(64, ge=0, le=10_000)
    join: int = Field(4, ge=1, le=1_000)
    max_batch: int = Field(32, ge=1, le=2**31)
    max_mib: int = Field(64, ge=1, le=2_047)
    grace: float = Field(30.0, ge=0, le=DAY)
    metrics_port: int | None = Field(None, ge=0, le=65535)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    token_file: Path | None = None

    @property
    def max_bytes(self) -> int:
        """Largest request, and largest input once decoded, in bytes."""
        return self.max_mib * MIB

    @property
    def max_json_bytes(self) -> int:
        """Largest body over REST, in bytes; parsed, it takes up to 30 times as much."""
        return self.max_bytes // 4
