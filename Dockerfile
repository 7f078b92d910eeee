# Images of three kinds; none runs as root. STACK is the version of TFX whose lock they hold, 1.16 or
# 1.21: that of .venv, because a pipeline must be compiled with the stack of its image.
#
#   export STACK=$(cat .venv/.stack)
#   docker build --build-arg STACK --target worker -t REGISTRY/layered-video-worker:VERSION .   # Beam's workers
#   docker build --build-arg STACK --target serve -t REGISTRY/layered-video-serve:VERSION .     # serving, on CPUs
#   docker build --build-arg STACK -t REGISTRY/layered-video:VERSION .   # everything, with CUDA: TFX, training

ARG STACK

# Debian, and Beam's boot program, of each stack.
FROM python:3.11-slim-bookworm AS python-1.16
FROM python:3.11-slim-trixie AS python-1.21
FROM apache/beam_python3.11_sdk:2.59.0 AS beam-1.16
FROM apache/beam_python3.11_sdk:2.77.0 AS beam-1.21
FROM beam-${STACK} AS beam

FROM python-${STACK} AS tools
ARG STACK
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1 VIRTUAL_ENV=/opt/venv
WORKDIR /app
RUN uv venv /opt/venv
COPY locks/tfx-${STACK}.lock stack.lock
COPY locks/tfx-${STACK}.overrides stack.overrides
COPY pyproject.toml setup.py README.md ./

# What workers import, at the locked versions.
FROM tools AS worker-packages
COPY data_prep data_prep
RUN uv pip compile --quiet --generate-hashes --constraint stack.lock --override stack.overrides \
      --output-file worker.lock data_prep/requirements.in \
    && uv pip sync worker.lock \
    && cp -r data_prep /opt/venv/lib/python3.11/site-packages/

# Everything but what developers need, at the locked versions.
FROM tools AS packages
RUN uv pip compile --quiet --generate-hashes --constraint stack.lock --override stack.overrides \
      --extra dask --extra gcs --extra s3 --output-file product.lock pyproject.toml \
    && uv pip sync product.lock
COPY data_prep data_prep
COPY models models
COPY components components
COPY pipeline pipeline
COPY serving serving
RUN uv pip install --no-deps --no-build-isolation .

FROM packages AS cuda-packages
# The CUDA libraries that TensorFlow was built with.
RUN uv pip install "tensorflow[and-cuda]==$(sed -n 's/^tensorflow==\([0-9.]*\).*/\1/p' stack.lock)"

FROM python-${STACK} AS base
# TensorFlow's own 3-D convolutions are many times slower than oneDNN's on processors on which it
# is not the default. Beam's boot program would install into a folder of root's otherwise.
ENV PATH=/opt/venv/bin:$PATH \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    TF_ENABLE_ONEDNN_OPTS=1
RUN useradd --create-home --uid 1000 layered
WORKDIR /home/layered
# Beam's workers start through Beam's own entry point. Kubeflow Pipelines and Vertex AI replace it
# with a command of their own.
COPY --from=beam /opt/apache/beam /opt/apache/beam
ENTRYPOINT ["/opt/apache/beam/boot"]
USER 1000

FROM base AS worker
COPY --from=worker-packages /opt/venv /opt/venv

FROM base AS serve
COPY --from=packages /opt/venv /opt/venv
EXPOSE 8500
ENTRYPOINT ["python", "-m", "serving", "serve", "--host", "0.0.0.0", "--port", "8500"]
CMD ["--model", "/models"]

FROM base AS gpu
COPY --from=cuda-packages /opt/venv /opt/venv
