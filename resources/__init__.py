"""What can be declared, and the PowerShell module that enacts it."""

from .base import Host, Kind, Property, Reading, ResourceType, Rule
from .sync_service import SYNC_SERVICE, SyncService

#: Every resource type that mimc knows by itself, in reading order.
CATALOGUE: tuple[ResourceType, ...] = (SYNC_SERVICE,)

__all__ = [
    "CATALOGUE",
    "SYNC_SERVICE",
    "Host",
    "Kind",
    "Property",
    "Reading",
    "ResourceType",
    "Rule",
    "SyncService",
]
