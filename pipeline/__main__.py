"""Entry point of `python -m pipeline`; its commands are in `pipeline.commands`."""

from data_prep.loading import interruptible

with interruptible():
    from pipeline.commands import main

if __name__ == "__main__":
    main(prog_name="python -m pipeline")
