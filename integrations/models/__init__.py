"""Tables, constraints and querysets: what must be true, and each state change as one UPDATE."""

from .accounts import KlaviyoAccount
from .alerts import Alert, AlertChannel, AlertLimit, AlertTelling
from .audit import AuditEntry
from .authorizations import Authorization
from .bins import Binning, BinningItem
from .breakers import Breaker, Opening
from .budgets import Budget, ShopBudget
from .bulk_lines import BulkLine
from .calls import Attempt, Call
from .credentials import Credential
from .dead_letters import Cause, CauseCount, CauseDay, DeadLetter, DeadLetterTry
from .deliveries import Delivery
from .erasures import Erasure
from .events import Event
from .failed_imports import FailedImport, FailedImportPart
from .group_repairs import GroupRepair, GroupRepairItem
from .health import Heartbeat, RefusalCount
from .invitations import Invitation
from .jobs import RemoteJob
from .lanes import StoreLane
from .measures import (
    CallFigures,
    DepthFigures,
    FigureMark,
    LagFigures,
    ScheduleRun,
    UnfinishedMinute,
)
from .notices import Notice
from .people import Membership, Merchant, User
from .reconnections import Gap, Reconnection
from .repairs import Repair
from .replays import Replay, ReplayItem
from .stores import Store
from .subscriptions import PathTest, Subscription
from .sync_jobs import SyncJob, SyncWindow
from .tallies import Tally
from .undo import Before, Undo, UndoItem

__all__ = [
    "Alert",
    "AlertChannel",
    "AlertLimit",
    "AlertTelling",
    "Attempt",
    "AuditEntry",
    "Authorization",
    "Before",
    "Binning",
    "BinningItem",
    "Breaker",
    "Budget",
    "BulkLine",
    "Call",
    "CallFigures",
    "Cause",
    "CauseCount",
    "CauseDay",
    "Credential",
    "DeadLetter",
    "DeadLetterTry",
    "Delivery",
    "DepthFigures",
    "Erasure",
    "Event",
    "FailedImport",
    "FailedImportPart",
    "FigureMark",
    "Gap",
    "GroupRepair",
    "GroupRepairItem",
    "Heartbeat",
    "Invitation",
    "KlaviyoAccount",
    "LagFigures",
    "Membership",
    "Merchant",
    "Notice",
    "Opening",
    "PathTest",
    "Reconnection",
    "RefusalCount",
    "RemoteJob",
    "Repair",
    "Replay",
    "ReplayItem",
    "ScheduleRun",
    "ShopBudget",
    "Store",
    "StoreLane",
    "Subscription",
    "SyncJob",
    "SyncWindow",
    "Tally",
    "Undo",
    "UndoItem",
    "UnfinishedMinute",
    "User",
]
