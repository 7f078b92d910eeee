import shutil
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from data_set_contents import contents
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.held_out_files import held_out_files
from components.mixture_gen import executor
from components.mixture_gen.attempts import list_attempts
from components.mixture_gen.component import MixtureGen
from components.mixture_gen.spans import (
    find_manifest,
    list_manifests,
    reference_to,
    referred_manifest,
    span_folder,
    span_of,
)
from data_prep import storage
from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.media.decoding import MediaError
from data_prep.records import making, writer
from data_prep.records.info import DatasetInfo
from data_prep.records.outcomes import Outcome
from data_prep.records.validation import validate
from data_prep.sources import manifest
from data_prep.storage import leases


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture
def attempt(held_out, clip, tmp_path):
    """Gives a function that makes mixtures as TFX does, in the folder of an execution."""
    config = DataConfig(
        clip=clip,
        train_mixtures=5,
        eval_mixtures=2,
        eval_fraction=0.4,
        segments=4,
        records_per_shard=2,
    )
    path = tmp_path / "manifests" / "span-1" / "manifest.csv"
    manifest.write(str(path), [replace(video, split="") for video in held_out.videos])

    def run(execution: str, **changes) -> Path:
        component = MixtureGen(
            manifest=reference_to(str(path)),
            config=config.model_copy(update=changes),
            code="1",
            unfinished=str(tmp_path / "unfinished"),
        )
        examples = standard_artifacts.Examples()
        examples.uri = str(tmp_path / execution)
        Path(examples.uri).mkdir(parents=True)
        context = BaseBeamExecutor.Context(
            beam_pipeline_args=["--runner=DirectRunner"], tmp_dir=str(tmp_path), unique_id="1"
        )
        executor.Executor(context).Do({}, {"examples": [examples]}, component.exec_properties)
        return Path(examples.uri)

    return run


def stop(*_):
    raise StoppedError


@pytest.mark.slow
def test_finished_shards_outlive_an_interruption(attempt, monkeypatch, tmp_path):
    whole = contents(attempt("Whole/examples/1"))
    assert sum(name.startswith("Split-train") for name in whole) == 3
    assert sum(name.startswith("Split-eval") for name in whole) == 1

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(writer, "find_reports", stop)
        attempt("MixtureGen/examples/1")
    monkeypatch.setattr(writer, "make_record", stop)
    assert contents(attempt("MixtureGen/examples/2")) == whole
    assert not list((tmp_path / "unfinished").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("step", ["link", "remove_tree"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_kill_while_finished_shards_are_taken_over_loses_none(
    attempt, monkeypatch, tmp_path, step, number
):
    whole = contents(attempt("Whole/examples/1"))
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(writer, "find_reports", stop)
        attempt("MixtureGen/examples/1")
    assert list_attempts(str(next((tmp_path / "unfinished").iterdir()))) == [
        str(tmp_path / "MixtureGen/examples/1")
    ]
    steps = []

    def die(*places):
        if len(steps) == number:
            stop()
        steps.append(places)
        original(*places)

    original = getattr(storage, step)
    with (
        monkeypatch.context() as patch,
        pytest.raises((StoppedError, RuntimeError), match=r"StoppedError|^$"),  # Beam wraps it
    ):
        patch.setattr(storage, step, die)
        attempt("MixtureGen/examples/2")
    monkeypatch.setattr(writer, "make_record", stop)
    assert contents(attempt("MixtureGen/examples/3")) == whole
    assert not list((tmp_path / "unfinished").iterdir())
    assert not (tmp_path / "MixtureGen/examples/1").exists()


@pytest.mark.slow
def test_a_job_that_was_not_canceled_takes_nothing_from_a_later_attempt(
    attempt, monkeypatch, tmp_path
):
    """A worker of the first attempt goes on while the second one is about to finish."""
    whole = contents(attempt("Whole/examples/1"))
    jobs = []

    def die(planned, shards, layout, report):
        jobs.append((writer.Job(layout, planned.config, planned.fingerprint), shards))
        planned.videos.write(layout.videos(planned.fingerprint))
        stop()

    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(writer, "_report_resumption", die)
        attempt("MixtureGen/examples/1")
    [(job, shards)] = jobs
    find = writer.find_reports

    def find_late(*arguments):
        job_of_the_first = writer.WriteShard(job)
        for shard in shards:
            job_of_the_first.process(shard)
        return find(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(writer, "find_reports", find_late)
        made = attempt("MixtureGen/examples/2")
    assert contents(made) == whole
    assert not (tmp_path / "MixtureGen/examples/1").exists()


@pytest.mark.slow
def test_an_output_that_was_moved_takes_nothing_from_another_one(attempt, monkeypatch, tmp_path):
    """The reports of an interrupted attempt name places that belong to another output now."""
    whole = contents(attempt("Whole/examples/1"))
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(writer, "find_reports", stop)
        attempt("MixtureGen/examples/1")
    [unfinished] = (tmp_path / "unfinished").iterdir()
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    shutil.copytree(tmp_path / "MixtureGen", elsewhere)
    for path in (*unfinished.glob("reports/*"), *unfinished.glob("attempts/*")):
        text = path.read_text().replace(str(tmp_path / "MixtureGen"), str(elsewhere))
        path.write_text(text)
    before = contents(elsewhere)
    assert contents(attempt("MixtureGen/examples/2")) == whole
    assert contents(elsewhere) == before


@pytest.mark.slow
def test_of_two_attempts_at_once_one_waits(attempt, monkeypatch, tmp_path):
    whole = contents(attempt("Whole/examples/1"))
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(writer, "find_reports", stop)
        attempt("MixtureGen/examples/1")
    [unfinished] = (tmp_path / "unfinished").iterdir()
    monkeypatch.setattr(leases, "_WAIT", 0.05)
    seen = []
    with ExitStack() as other:
        other.enter_context(storage.lease(str(unfinished)))
        before = contents(unfinished)

        def end():
            seen.append(contents(unfinished))
            other.close()

        threading.Timer(1, end).start()
        assert contents(attempt("MixtureGen/examples/2")) == whole
    assert seen == [before]


@pytest.mark.slow
def test_what_could_not_be_read_is_read_again(attempt, monkeypatch):
    def damaged(window, clip, reader):
        raise MediaError(window.video.path, "the data is damaged")

    with monkeypatch.context() as patch:
        patch.setattr(making, "read_window", damaged)
        with pytest.raises(UserError, match=r"no mixture could be made: .*the data is damaged"):
            attempt("MixtureGen/examples/1")
    assert (attempt("MixtureGen/examples/2") / "info.json").is_file()


@pytest.mark.slow
def test_a_higher_limit_of_losses_reuses_all_shards(attempt, monkeypatch):
    def first_damaged(pairing, config, meter=None):
        if pairing.mixture_id == "train-00000000":
            outcome = Outcome(
                split="train",
                mixture_id=pairing.mixture_id,
                mixture_type=pairing.mixture_type,
                path=pairing.v1.video.path,
                reason="the data is damaged",
            )
            return None, outcome
        return make_record(pairing, config, meter)

    make_record = writer.make_record
    monkeypatch.setattr(writer, "make_record", first_damaged)
    with pytest.raises(UserError, match=r"train split: must lose at most 0\.05 .* \(1 of 5\)"):
        attempt("MixtureGen/examples/1")
    monkeypatch.setattr(writer, "_make", stop)
    made = attempt("MixtureGen/examples/2", max_dropped_share=0.5)
    assert DatasetInfo.read(str(made / "info.json")).splits["train"].mixtures == 4


def test_manifests_are_found_by_span_whatever_the_path(tmp_path):
    folder = tmp_path / "run [v1]" / "manifests"
    for span in (2, 10, 9):
        path = Path(span_folder(str(folder), span)) / "manifest.csv"
        path.parent.mkdir(parents=True)
        path.touch()
    for other in (".draft", "span-x", "span-3/older"):
        (folder / other).mkdir(parents=True)
        (folder / other / "manifest.csv").touch()
    found = list_manifests(str(folder))
    assert list(found) == [2, 9, 10]
    assert find_manifest(str(folder), 0) == found[10] == f"{folder}/span-10/manifest.csv"
    assert list_manifests(str(tmp_path / "missing")) == {}
    assert [span_of(path) for path in found.values()] == [2, 9, 10]
    assert span_of("manifest.csv") == span_of("gs://bucket/span-3/other.csv") == 0


def test_a_reference_holds_for_one_content(tmp_path):
    path = tmp_path / "span-1 @sha256:0" / "manifest.csv"
    path.parent.mkdir()
    path.write_text("one")
    reference = reference_to(str(path))
    assert referred_manifest(reference) == str(path)
    path.write_text("two")
    assert reference_to(str(path)) != reference
    with pytest.raises(UserError, match="must be the manifest that was indexed, got another"):
        referred_manifest(reference)
    with pytest.raises(UserError, match="manifest: must be URI@sha256:DIGEST, got 'x'"):
        referred_manifest("x")


def test_held_out_records_are_found_whatever_the_path(tmp_path):
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "run [v1]" / "examples")
    examples.split_names = '["train", "eval"]'
    folder = Path(examples.uri) / "Split-eval"
    with pytest.raises(UserError, match="must hold the held-out records, got no files"):
        held_out_files(examples)
    folder.mkdir(parents=True)
    for name in ("b.tfrecord", "a.tfrecord", ".c.tmp"):
        (folder / name).touch()
    assert held_out_files(examples) == [str(folder / "a.tfrecord"), str(folder / "b.tfrecord")]


@pytest.mark.slow
def test_its_examples_are_a_valid_data_set(attempt):
    examples = attempt("MixtureGen/examples/1")
    assert validate(str(examples)).problems == []
    lost = next(examples.glob("Split-train/*.tfrecord"))
    lost.unlink()
    assert validate(str(examples)).problems == [f"train/{lost.name}: is missing"]
