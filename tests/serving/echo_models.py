"""Models that answer with their inputs, under every version policy of `models.config`."""

import shutil

import tensorflow as tf

DTYPES = {
    "float": tf.float32,
    "double": tf.float64,
    "int32": tf.int32,
    "uint8": tf.uint8,
    "int64": tf.int64,
    "bool": tf.bool,
    "string": tf.string,
}
POLICIES = {
    "labeled": """
        model_version_policy { specific { versions: [1, 2] } }
        version_labels { key: "stable" value: 1 }
        version_labels { key: "canary" value: 2 }
        version_labels { key: "next" value: 9 }
    """,
    "every": "model_version_policy { all { } }",
    "newest": "model_version_policy { latest { num_versions: 2 } }",
    "absent": "model_version_policy { specific { versions: [9] } }",
    "default": "",
}


def entry(name, path, rest=""):
    """Return a model of `models.config`."""
    return f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" {rest} }}'


def save_models(folder):
    """Save `separator` and the models of `POLICIES` with their `models.config`; return the folder.

    Version 3 of `separator` has a signature per dtype; 4 is no SavedModel, and 5 is an empty one.
    The other models share the versions 1, 2 and 3, which have two inputs and two outputs.
    """
    signatures = {}
    for name, dtype in DTYPES.items():
        spec = tf.TensorSpec([None, 3], dtype, "x")
        signatures[name] = tf.function(lambda x: {"y": tf.identity(x)}, input_signature=[spec])

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, "x")])
    def double(x):
        return {"double": 2 * x, "failed": tf.reshape(x, [tf.size(x) + 1])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "x")])
    def text(x):
        return {"text": tf.identity(x), "raw_bytes": tf.identity(x)}

    echo = tf.function(
        lambda x: {"y": tf.identity(x)}, input_signature=[tf.TensorSpec([None, 3], tf.float32, "x")]
    )
    pair = tf.function(
        lambda a, b: {"sum": a + b, "total": tf.reduce_sum(a)},
        input_signature=[tf.TensorSpec([None, 2], tf.float32, name) for name in ("a", "b")],
    )
    signatures |= {"serving_default": double, "text": text}
    tf.saved_model.save(tf.Module(), str(folder / "separator" / "3"), signatures)
    for version, content in (("4", b"not a model"), ("5", b"")):
        (folder / "separator" / version).mkdir()
        (folder / "separator" / version / "saved_model.pb").write_bytes(content)
    versions = folder / "versions"
    tf.saved_model.save(tf.Module(), str(versions / "1"), {"serving_default": echo, "pair": pair})
    for version in ("2", "3"):
        shutil.copytree(versions / "1", versions / version)
    models = [entry("separator", folder / "separator")]
    models += [entry(name, versions, policy) for name, policy in POLICIES.items()]
    (folder / "models.config").write_text(f"model_config_list {{ {' '.join(models)} }}")
    return folder
