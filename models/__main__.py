"""Entry point of `python -m models`; its commands are in `models.commands`."""

from data_prep.loading import interruptible

with interruptible():
    from models.commands import main

if __name__ == "__main__":
    main(prog_name="python -m models")
