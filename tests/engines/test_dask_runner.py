"""Beam's DaskRunner with its faults fixed; the cluster is in this process."""

import apache_beam as beam
import pytest
from dask import distributed

from data_prep.beam_options import pipeline_options
from data_prep.beam_run import running
from data_prep.errors import StorageError, UserError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def options():
    """Options of a scheduler with one worker."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        yield ["--runner=DaskRunner", f"--dask_client_address={address}"]


def run(options, *steps):
    with running(beam.Pipeline(options=pipeline_options(options))) as pipeline:
        made = pipeline
        for step in steps:
            made = made | step
    return pipeline.result


class Noted(beam.DoFn):
    """Notes which of its methods are called, and returns nothing, as a DoFn may."""

    calls: list[str] = []  # noqa: RUF012

    def setup(self):
        self.calls.append("setup")

    def start_bundle(self):
        self.calls.append("start")

    def process(self, element):
        self.calls.append(f"process {element}")

    def finish_bundle(self):
        self.calls.append("finish")

    def teardown(self):
        self.calls.append("teardown")


def test_the_whole_life_of_a_step(options, monkeypatch):
    calls = []
    monkeypatch.setattr(Noted, "calls", calls)
    result = run(options, beam.Create([1]), beam.Reshuffle(), beam.ParDo(Noted()))
    assert result.state == "DONE"
    assert list(result.metrics().query()) == ["counters", "distributions", "gauges", "stringsets"]
    assert calls == ["setup", "start", "process 1", "finish", "teardown"]


def test_steps_with_arguments_and_keys(options, tmp_path):
    def write(item, folder, suffix):
        key, values = item
        (folder / f"{key}{suffix}").write_text(str(sorted(values)))

    run(
        options,
        beam.Create(range(5)),
        beam.FlatMap(lambda number: [(number % 2, number)] * 2),
        beam.GroupByKey(),
        beam.Map(write, tmp_path, suffix=".txt"),
    )
    assert (tmp_path / "0.txt").read_text() == "[0, 0, 2, 2, 4, 4]"
    assert (tmp_path / "1.txt").read_text() == "[1, 1, 3, 3]"


@pytest.mark.parametrize("error", [StorageError("s3://a", "lost"), UserError("a: must be b")])
def test_the_error_of_a_step_is_raised_as_it_is(options, error):
    def fail(_):
        raise error

    with pytest.raises(type(error)) as caught:
        run(options, beam.Create([1]), beam.Map(fail))
    assert str(caught.value) == str(error)


def test_a_bug_is_no_fault_of_the_cluster(options):
    def fail(_):
        raise OSError("a bug")

    with pytest.raises(OSError, match="a bug") as caught:
        run(options, beam.Create([1]), beam.Map(fail))
    assert not isinstance(caught.value, UserError)


def test_what_would_lose_data_is_refused(options, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(UserError, match="--runner DaskRunner: must be another one for steps such"):
        run(options, beam.io.ReadFromText(str(tmp_path / "a.txt")), beam.Map(str))


def test_side_inputs_are_refused(options):
    with (
        pytest.raises(UserError, match="must be another one for steps such"),
        running(beam.Pipeline(options=pipeline_options(options))) as pipeline,
    ):
        side = pipeline | "Side" >> beam.Create([1])
        _ = pipeline | beam.Create([1]) | beam.Map(max, beam.pvalue.AsSingleton(side))
