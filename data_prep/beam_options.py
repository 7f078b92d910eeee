"""Beam's options, as both `index` and `generate` take them."""

from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from data_prep.errors import UserError


def pipeline_options(args: Sequence[str] = (), *, workers: int = 1) -> PipelineOptions:
    """Reads Beam's command-line options; the runner is always named.

    A pipeline without one looks for a runner on the network first in newer versions of Beam.

    Args:
        args: options as on a command line, for example `["--runner", "FlinkRunner"]`.
        workers: processes on this machine; more than one asks DirectRunner for them.

    Raises:
        UserError: an option that Beam does not know.
    """
    options = PipelineOptions(
        [
            "--runner=DirectRunner",
            f"--direct_num_workers={workers}",
            f"--direct_running_mode={'multi_processing' if workers > 1 else 'in_memory'}",
            *args,
        ]
    )
    known = options.get_all_options()
    unknown = options.get_all_options(retain_unknown_options=True).keys() - known.keys()
    if unknown:
        names = [arg.split("=")[0] for arg in args]
        wrong = [name for name in names if name.lstrip("-").replace("-", "_") in unknown]
        raise UserError(f"{', '.join(wrong)}: options must be this command's or Beam's")
    return options
