"""Entry point of `python -m data_prep`; its commands are in `data_prep.commands`."""

from data_prep.loading import interruptible

with interruptible():
    from data_prep.commands import main

if __name__ == "__main__":
    main(prog_name="python -m data_prep")
