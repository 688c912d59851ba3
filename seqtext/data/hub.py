"""The Hugging Face hub: asked once, not for minutes, and from its cache where it does not answer."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator
from typing import Any


@functools.cache  # the digest of a corpus and its rows both need it
def load(name: str, config: str | None, split: str, streamed: bool) -> tuple[Any, str]:
    """The ``datasets.Dataset`` of a split and its fingerprint; raises whatever the hub's client does.

    Streamed, it is a ``datasets.IterableDataset``: nothing is kept on disk.
    """
    import datasets

    with _answering_hub() as unreachable:
        try:
            download = datasets.DownloadConfig(max_retries=1)
            if streamed:
                builder = datasets.load_dataset_builder(name, config, download_config=download)
                return builder.as_streaming_dataset(split), f"{builder.hash} {builder.config_id}"
            dataset = datasets.load_dataset(name, config, split=split, download_config=download)
            return dataset, dataset._fingerprint
        except datasets.exceptions.DatasetGenerationError as error:
            raise error.__cause__ or error from None
        except ConnectionError as error:
            raise unreachable or error from None


@contextlib.contextmanager
def _answering_hub() -> Iterator[Exception | None]:
    """Ask the hub once for an answer; without one, yield why, and have only what lies in its cache.

    Left alone, its client asks for minutes, and warns each time.
    """
    import datasets
    import huggingface_hub
    from huggingface_hub.utils import logging as hub_logging

    offline, verbosity = datasets.config.HF_HUB_OFFLINE, hub_logging.get_verbosity()
    endpoint, unreachable = datasets.config.HF_ENDPOINT, None
    if not offline:
        try:
            huggingface_hub.get_session().head(endpoint, timeout=10)
        except Exception as error:
            unreachable = ConnectionError(f"{endpoint}: {error}")
    datasets.config.HF_HUB_OFFLINE = offline or unreachable is not None
    hub_logging.set_verbosity(logging.ERROR)
    try:
        yield unreachable
    finally:
        datasets.config.HF_HUB_OFFLINE = offline
        hub_logging.set_verbosity(verbosity)
