"""Beam's options, as `index` and `generate` take them."""

from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from data_prep.errors import UserError


def direct_runner_flags(workers: int) -> list[str]:
    """Return the options of Beam's DirectRunner with this many processes on this machine."""
    return [
        "--runner=DirectRunner",
        f"--direct_num_workers={workers}",
        f"--direct_running_mode={'multi_processing' if workers > 1 else 'in_memory'}",
    ]


def pipeline_options(args: Sequence[str] = (), *, workers: int = 1) -> PipelineOptions:
    """Read Beam's command-line options; the runner is always named.

    Newer versions of Beam look for a runner on the network first if none is named.

    Args:
        args: options as on a command line, for example `["--runner", "FlinkRunner"]`.
        workers: processes on this machine; with more than one, DirectRunner starts them.

    Raises:
        UserError: an option that Beam does not know.
    """
    options = PipelineOptions([*direct_runner_flags(workers), *args])
    known = options.get_all_options()
    unknown = options.get_all_options(retain_unknown_options=True).keys() - known.keys()
    if unknown:
        names = [arg.split("=")[0] for arg in args]
        wrong = [name for name in names if name.lstrip("-").replace("-", "_") in unknown]
        raise UserError(f"{', '.join(wrong)}: must be an option of this command or of Beam")
    return options
