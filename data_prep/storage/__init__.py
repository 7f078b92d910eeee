"""Storage, on this machine or in an object store: the one layer through which all data goes.

A path is a URI: `s3://bucket/file`, `gs://bucket/file`, or simply a local path. Any scheme that
fsspec knows works, once its package is installed. Every failure is a `StorageError`.
"""

from data_prep.storage.children import Found
from data_prep.storage.files import (
    LEASE,
    exists,
    is_dir,
    is_empty,
    is_file,
    local_copy,
    make_dirs,
    read_bytes,
    read_text,
    remove,
    remove_drafts,
    remove_if_empty,
    remove_tree,
    replacing,
    size,
    write_bytes,
    write_text,
)
from data_prep.storage.lasting import is_lasting
from data_prep.storage.leases import lease, waiting_lease
from data_prep.storage.listing import (
    glob,
    list_files,
    require_present,
    survey,
    why_not_a_file,
)
from data_prep.storage.new_folders import (
    UNFINISHED,
    replacing_folder,
    require_new,
)
from data_prep.storage.retries import retrying
from data_prep.storage.transfers import (
    copy,
    copy_tree,
    link,
    move,
)
from data_prep.storage.uris import (
    absolute,
    is_local,
    join,
    name,
    parent,
)
from data_prep.storage.wildcards import (
    has_wildcards,
    without_wildcards,
)

__all__ = [
    "LEASE",
    "UNFINISHED",
    "Found",
    "absolute",
    "copy",
    "copy_tree",
    "exists",
    "glob",
    "has_wildcards",
    "is_dir",
    "is_empty",
    "is_file",
    "is_lasting",
    "is_local",
    "join",
    "lease",
    "link",
    "list_files",
    "local_copy",
    "make_dirs",
    "move",
    "name",
    "parent",
    "read_bytes",
    "read_text",
    "remove",
    "remove_drafts",
    "remove_if_empty",
    "remove_tree",
    "replacing",
    "replacing_folder",
    "require_new",
    "require_present",
    "retrying",
    "size",
    "survey",
    "waiting_lease",
    "why_not_a_file",
    "without_wildcards",
    "write_bytes",
    "write_text",
]
