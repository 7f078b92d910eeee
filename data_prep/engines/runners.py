"""Registration of our runners under the names of Beam's, for this process.

`apache_beam.runners.runner.create_runner` looks names up in a dict that is no part of Beam's API.
It was tested with Beam 2.59; tests/data_prep/test_beam_options.py fails if another version does
without it.
"""

from apache_beam.runners import runner

_PORTABLE = "data_prep.engines.portable_runners"
_RUNNERS = {
    "DaskRunner": "data_prep.engines.dask_runner.DaskRunner",
    "DataflowRunner": "data_prep.engines.dataflow_runner.DataflowRunner",
    "FlinkRunner": f"{_PORTABLE}.FlinkRunner",
    "PortableRunner": f"{_PORTABLE}.PortableRunner",
    "SparkRunner": f"{_PORTABLE}.SparkRunner",
}

NAMES = (*_RUNNERS, "DirectRunner")
"""Names that `--runner` takes. Beam's other ones and a class's whole path work as well."""


def register_runners() -> None:
    """Let Beam find our runners by name."""
    runner._RUNNER_MAP.update({name.lower(): path for name, path in _RUNNERS.items()})
