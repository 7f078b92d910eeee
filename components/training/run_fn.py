"""The function that TFX's Trainer calls: train, then export."""

from contextlib import nullcontext
from functools import partial

from tfx.components.trainer.fn_args_utils import FnArgs

from components.training.terminal_progress import training_progress
from components.training.training_settings import TrainingSettings, checkpoint_key, sole_training
from data_prep import storage
from models.export.saved_model import export
from models.training.devices import gather, is_chief, make_strategy
from models.training.inputs import find_files
from models.training.train import train


def run_fn(fn_args: FnArgs) -> None:
    """Train the system that `custom_config` describes, and export it.

    The checkpoints of an unfinished training run, and its TensorBoard logs, lie in a folder that
    outlives the execution. The next execution with the same settings and records resumes there.

    Several workers all call this with the same arguments. The chief alone writes, and nobody
    returns before the model is there: TFX looks for it in every process.

    Another execution that trains alike at the same time waits for this one, because both would
    write the same checkpoints.

    Args:
        fn_args: TFX's arguments; `custom_config` is `TrainingSettings.custom_config`.

    Raises:
        UserError: the settings, the records and the devices do not fit, the loss diverges, or
            another execution has taken over the checkpoints.
    """
    settings = TrainingSettings.of(fn_args.custom_config)
    # Only the same run, on the same records, may use its checkpoints.
    key = checkpoint_key(fn_args.custom_config, fn_args.train_files)
    checkpoints = storage.join(fn_args.custom_config["checkpoints"], key)
    # TFX gives each attempt its own folder, and empties it if the attempt fails.
    logs = storage.join(checkpoints, "logs")
    # Several workers need it before anything else of TensorFlow.
    strategy = make_strategy()
    chief = is_chief(strategy)
    alone = sole_training(fn_args.custom_config, key) if chief else nullcontext(lambda: None)
    with alone as require_alone:
        # All workers wait here for the chief, which may have to wait for another execution.
        started = settings.agreed_model(partial(gather, strategy))
        with training_progress() as report:
            model = train(
                started,
                settings.train,
                settings.clip,
                train_files=find_files(fn_args.train_files),
                eval_files=find_files(fn_args.eval_files),
                logs=logs,
                checkpoints=checkpoints,
                report=report,
                strategy=strategy,
            )
        if chief:
            export(model, settings.clip, fn_args.serving_model_dir)
            storage.copy_tree(logs, fn_args.model_run_dir)
        gather(strategy, settings.train.steps)
        if chief:
            require_alone()
            storage.remove_tree(checkpoints)
