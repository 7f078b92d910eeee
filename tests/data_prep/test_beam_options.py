"""Beam's options: what is passed on, what is refused, and which runners they find."""

import re
import shlex
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PortableOptions
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from apache_beam.runners.runner import create_runner

from data_prep import beam_options
from data_prep.beam_options import OptionError, beam_flags, check_options, pipeline_options
from data_prep.commands import main
from data_prep.engines.job_options import JobOptions
from data_prep.engines.limited import Limited
from data_prep.errors import UserError


@pytest.fixture
def job_server():
    """HOST:PORT of a job server that takes no further options."""
    server = LocalJobServicer()
    port = server.start_grpc_server()
    yield f"localhost:{port}"
    server.stop()


@pytest.mark.parametrize(
    "name", ["PortableRunner", "FlinkRunner", "SparkRunner", "DataflowRunner", "DaskRunner"]
)
def test_beam_finds_our_runners_by_their_names(name):
    runner = create_runner(name)
    assert isinstance(runner, Limited)
    assert type(runner).__name__ == name
    assert any(kind.__module__.startswith("apache_beam.") for kind in type(runner).__mro__)


def test_a_job_server_is_given_as_long_as_a_job_takes(job_server):
    portable = ["--runner=PortableRunner", f"--job_endpoint={job_server}"]
    assert pipeline_options(portable).view_as(PortableOptions).job_server_timeout > 30 * 86_400
    given = pipeline_options([*portable, "--job_server_timeout=7"])
    assert given.view_as(PortableOptions).job_server_timeout == 7


def test_options_that_only_the_runner_knows_are_passed_on():
    args = ["--runner=DataflowRunner", "--runner_option=speed=9", "--runner_option", "a=b=c"]
    assert beam_flags(args)[-2:] == ["--speed=9", "--a=b=c"]
    check_options(args)


def test_the_job_server_says_which_options_it_knows(job_server, monkeypatch):
    portable = ["--runner=PortableRunner", f"--job_endpoint={job_server}"]
    with pytest.raises(OptionError, match=f"--object_reuse: .* server at {job_server}"):
        pipeline_options([*portable, "--object_reuse"])
    known = ["object_reuse", "number_of_execution_retries", "runner"]
    monkeypatch.setattr(beam_options, "described_options", lambda endpoint: known)
    pipeline_options([*portable, "--object_reuse", "--number_of_execution_retries=3"])
    with pytest.raises(OptionError, match="--object_use:"):
        pipeline_options([*portable, "--object_use"])


def test_without_asking_an_option_of_a_job_server_passes():
    check_options(["--runner=FlinkRunner", "--job_endpoint=no-such-host:1", "--object_reuse"])
    with pytest.raises(OptionError, match="--object_reuse: must be an option"):
        check_options(["--object_reuse"])


def test_another_server_is_no_job_server(job_server):
    port = int(job_server.rpartition(":")[2])
    with pytest.raises(UserError, match="--job_endpoint: must be HOST:PORT of a job server"):
        pipeline_options(["--runner=PortableRunner", f"--job_endpoint=127.0.0.2:{port}"])


def test_a_time_limit_goes_with_an_engine(job_server):
    portable = ["--runner=PortableRunner", f"--job_endpoint={job_server}"]
    options = pipeline_options([*portable, "--job-timeout", "1.5"])
    assert options.view_as(JobOptions).job_timeout == 1.5
    with pytest.raises(OptionError, match="--job_timeout: must go with the runner of an engine"):
        pipeline_options(["--job-timeout", "1.5"])


def documented() -> list[list[str]]:
    """Return the words of the commands of docs/scale.md that name a runner."""
    text = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
    lines = re.sub(r" \\\n +", " ", text).splitlines()
    commands = [line.split("-m data_prep ")[1] for line in lines if "-m data_prep generate" in line]
    return [shlex.split(command) for command in commands if "--runner=" in command]


@pytest.mark.parametrize("words", documented(), ids=lambda words: words[-1])
def test_documented_options_are_known(words):
    # Google's store is asked at once whether it is there.
    verb, *arguments = [word.replace("gs://", "memory://") for word in words]
    context = main.commands[verb].make_context(verb, arguments)
    check_options(context.params["beam_options"])


def test_three_engines_are_documented():
    assert len(documented()) == 3
