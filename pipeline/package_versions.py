"""Versions of the packages that decide results, which are part of what caches compare.

After an upgrade of the environment, what another version computed is computed again.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version

_DECISIVE = {
    "PIL": "pillow",
    "apache_beam": "apache-beam",
    "av": "av",
    "keras": "keras",
    "numpy": "numpy",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "tensorflow": "tensorflow",
    "tensorflow_data_validation": "tensorflow-data-validation",
    "tensorflow_io": "tensorflow-io",
    "tensorflow_metadata": "tensorflow-metadata",
    "tensorflow_model_analysis": "tensorflow-model-analysis",
    "tfx": "tfx",
    "tfx_bsl": "tfx-bsl",
}
"""Top-level module -> its package."""


def package_versions(names: Iterable[str] = _DECISIVE) -> Mapping[str, str]:
    """Return the installed versions of the decisive packages that modules belong to.

    Args:
        names: dotted names of modules; those of other packages are passed over. All decisive
            packages by default.

    Returns:
        Package to its version, sorted.

    Raises:
        PackageNotFoundError: one of them is not installed.
    """
    tops = {name.partition(".")[0] for name in names}
    packages = sorted(_DECISIVE[top] for top in tops & _DECISIVE.keys())
    return {package: _installed(package) for package in packages}


@cache
def _installed(package: str) -> str:
    return version(package)
