"""Tables, constraints and querysets: what must be true, and each state change as one UPDATE."""

from .accounts import KlaviyoAccount
from .budgets import Budget
from .calls import Attempt, Call
from .credentials import Credential
from .dead_letters import Cause, DeadLetter
from .deliveries import Delivery
from .events import Event
from .health import Heartbeat, RefusalCount
from .jobs import RemoteJob
from .lanes import StoreLane
from .people import Membership, Merchant, User
from .stores import Store
from .tallies import Tally

__all__ = [
    "Attempt",
    "Budget",
    "Call",
    "Cause",
    "Credential",
    "DeadLetter",
    "Delivery",
    "Event",
    "Heartbeat",
    "KlaviyoAccount",
    "Membership",
    "Merchant",
    "RefusalCount",
    "RemoteJob",
    "Store",
    "StoreLane",
    "Tally",
    "User",
]
