# One image for TFX's components, training and Beam's workers.
#
#   docker build -t REGISTRY/layered-video:VERSION .
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

# TensorFlow's own 3-D convolutions are many times slower than oneDNN's on processors on which it
# is not the default.
ENV TF_ENABLE_ONEDNN_OPTS=1

WORKDIR /app
RUN pip install --no-cache-dir uv==0.13.9
COPY requirements.lock pyproject.toml setup.py README.md ./
# With bytecode, because a container would compile everything that it imports at each start.
RUN uv pip sync --system --no-cache --compile-bytecode requirements.lock \
    # The CUDA libraries that TensorFlow was built with, for training on GPUs.
    && uv pip install --system --no-cache --compile-bytecode "tensorflow[and-cuda]==2.16.2"
COPY data_prep data_prep
COPY models models
COPY components components
COPY pipeline pipeline
COPY serving serving
RUN uv pip install --system --no-cache --no-deps --no-build-isolation .

# Beam's workers start through Beam's own entry point. Kubeflow Pipelines and Vertex AI replace it
# with a command of their own.
COPY --from=apache/beam_python3.11_sdk:2.59.0 /opt/apache/beam /opt/apache/beam
ENTRYPOINT ["/opt/apache/beam/boot"]
