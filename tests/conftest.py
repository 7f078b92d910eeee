def pytest_collection_modifyitems(items):
    """Put the pipeline's tests first: the longest ones, one process would wait for them alone."""
    items.sort(key=lambda item: item.path.parent.name != "pipeline")
