"""A `run_fn` whose chief writes a model, for which the workers wait."""

import json
import os
import time

from data_prep import storage


def run_fn(fn_args):
    task = json.loads(os.environ["TF_CONFIG"])["task"]
    model = storage.join(fn_args.serving_model_dir, "saved_model.pb")
    if task["type"] == "chief":
        storage.write_text(storage.join(fn_args.model_run_dir, "events"), "curves")
        storage.write_text(model, fn_args.custom_config["settings"])
    while not storage.exists(model):
        time.sleep(0.1)
