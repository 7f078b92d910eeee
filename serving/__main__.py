"""Entry point of `python -m serving`; its commands are in `serving.commands`."""

from data_prep.loading import interruptible

with interruptible():
    from serving.commands import main

if __name__ == "__main__":
    main(prog_name="python -m serving")
