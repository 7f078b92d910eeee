"""Options of all commands that read a configuration."""

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting; repeatable."
)


def config_option(default: str) -> Decorator:
    """Return the option that names a configuration."""
    return click.option(
        "--config", "config_name", default=default, show_default=True, help="A name or a YAML file."
    )
