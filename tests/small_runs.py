"""Settings of a pipeline's run that takes as little as possible, and pushes what it trains."""

SMALL_RUN = {
    "train.steps": 4,
    "train.checkpoint_every": 4,
    "train.image_every": 4,
    "data.train_mixtures": 8,
    "data.eval_mixtures": 6,
    "data.shares": "{transparency: 0.5, occlusion: 0.5}",
    "model.system": "c3_internal",
    # An untrained model is to be pushed.
    "evaluation.relative_loss": 9,
    "evaluation.control_accuracy": 0,
}
BUCKET = {
    "cloud.image": "registry/image:1",
    "cloud.root": "gs://bucket/layered",
    "cloud.videos": "gs://bucket/videos",
    "cloud.stages.default.cpus": 1,
}
VERTEX = {"cloud.vertex.project": "a-project", "cloud.vertex.region": "us-central1"}
