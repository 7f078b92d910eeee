"""Index: finds the videos that are there now, and names the manifest that lists them.

On a platform each run begins with it, so that a scheduled run takes what is new. A run on one
machine indexes before the pipeline starts.
"""

from functools import partial

import click
from tfx import v1 as tfx
from tfx.types.standard_artifacts import String

from components.index.index_settings import IndexSettings
from components.index.indexing import index
from components.mixture_gen.spans import reference_to
from data_prep import storage


@tfx.dsl.components.component
def Index(  # noqa: N802  (a component is named like a class)
    manifest: tfx.dsl.components.OutputArtifact[String],
    settings: tfx.dsl.components.Parameter[str],
) -> None:
    """Write the manifest of the videos as a new span, unless nothing has changed.

    Args:
        manifest: receives a reference to the manifest, see `components.mixture_gen.spans`. A stage
            that takes the text as a parameter is served from a platform's cache if it is the same
            as before.
        settings: JSON text of `IndexSettings`.

    Raises:
        UserError: the folder does not hold what mixtures need.
    """
    given = IndexSettings.model_validate_json(settings)
    # Two runs that begin together would both make the next span.
    with storage.waiting_lease(given.manifests):
        found = index(
            given.videos,
            given.annotations,
            given.manifests,
            given.data,
            beam_args=given.beam_args,
            decode=given.decode,
            report=partial(click.echo, err=True),
        )
    manifest.value = reference_to(found)
