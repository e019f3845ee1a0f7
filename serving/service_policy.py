"""The recognition policy and the catalogue that the configuration names, read once in a process, and what follows under them."""

from functools import cache
from pathlib import Path

from configs.strict import HERE
from qc_models.exam_item import Catalogue, load_catalogue
from qc_models.policy import Policy, load_policy
from serving.deliver.receivers import deliveries_of
from serving.opened_service import OpenedService
from serving.outcome import Following
from serving.pool import person_key


@cache
def policy_at(path: str) -> Policy:
    """The policy of a file; the default one where none is named."""
    return load_policy(Path(path)) if path else load_policy()


@cache
def catalogue_at(folder: str) -> Catalogue:
    """The catalogue of a folder; the default one where none is named."""
    return load_catalogue(Path(folder) if folder else HERE / "exam_items")


def following_of(service: OpenedService) -> Following:
    """What follows from a person's decision; nobody draws lots about it."""
    deliveries = deliveries_of(service.config.receivers)
    return Following(policy_at(service.config.policy), person_key(service.secrets.key), deliveries)
