"""States of the served models, as lines for an operator."""

from serving.server.model_folder import Status
from serving.server.served_models import ServedModels
from serving.versions import State


def state_lines(models: ServedModels, address: str) -> list[str]:
    """Return a line about every version that is served, has ended or cannot be loaded.

    Args:
        models: the models.
        address: where they are served.
    """
    lines = []
    for name, folder in models.folders.items():
        statuses = folder.statuses()
        if not statuses:
            lines.append(f"waiting at {address} for a version of {name} in {folder.folder}")
        lines += [_line(name, *item, address) for item in sorted(statuses.items())]
    return lines


def _line(name: str, version: int, status: Status, address: str) -> str:
    if status.state is State.AVAILABLE:
        return f"serving {name} version {version} at {address}"
    if status.error:
        return f"error: {name} version {version} cannot be loaded: {status.error}"
    return f"{name} version {version}: {status.state.name.lower()}"
