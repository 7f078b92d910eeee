"""HOST:PORT as text."""


def joined(host: str, port: int) -> str:
    """Return HOST:PORT; an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
