"""Option of the commands that mix two videos."""

import click

from data_prep.mixing.mixture_types import MIXTURE_TYPES

mixture_type_option = click.option(
    "--type",
    "mixture_type",
    type=click.Choice(list(MIXTURE_TYPES)),
    default=next(iter(MIXTURE_TYPES)),
    show_default=True,
    help="How the second video is mixed with the first.",
)
