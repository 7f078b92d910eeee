"""What a folder holds, by names within it."""

from data_prep import storage


def relative(folder, **options):
    return [uri.removeprefix(folder + "/") for uri in storage.list_files(folder, **options)]
