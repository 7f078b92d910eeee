"""Package metadata lives in pyproject.toml; exact versions live in requirements.lock."""

from setuptools import setup

setup()
