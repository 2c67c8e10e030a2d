"""Who may do what. docs/permissions.md is this table in words; a test keeps the two alike."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is to a merchant."""

    OWNER = "owner"
    MEMBER = "member"
    SUPPORT = "support"
    ADMINISTRATOR = "administrator"


class Capability(StrEnum):
    """One thing a person may be allowed to do; the value is its sentence in the docs."""

    SEE = "See shops, messages, failed records and Klaviyo accounts"
    RECONNECT = "Reconnect a login"
    SEND_TEST = "Send a test message"
    TRY_NOW = "Have a platform tried again at once that has trouble"
    PAUSE = "Pause a shop and let it go on"
    READ_HISTORY = "Read the history"
    SEE_TEAM = "See who is in the team"
    CONNECT = "Connect a shop or a Klaviyo account"
    DISCONNECT = "Disconnect a shop or a Klaviyo account"
    EXPORT_HISTORY = "Export the history"
    BACKFILL = "Plan, start, pause and stop fetching past data"
    BACKFILL_LOUD = "Let past data start flows, with a reason"
    SEND_AGAIN = "Send failed records again, up to the number below"
    REPAIR = "Change what would be sent of a failed record"
    BIN = "Put failed records into the bin and take them out again"
    REVEAL = "See personal data of a failed record, which is written down"
    EXPORT_FAILED = "Export failed records"
    REPLAY_LOUD = "Let what is sent again start flows, with a reason"
    IMPORT_FAILED = "Import failed records of another integration"
    TAKE_ALERTS = "Take care of an alert"
    MANAGE_ALERTS = "Say who is told of alerts, and from which numbers on"
    WORK_CAUSES = "Own, park, merge and split the reasons of failed records"
    APPROVE_REPLAY = "Be the second person for what is sent again in large numbers"
    INVITE = "Invite people, send an invitation again, withdraw it"
    REMOVE_PEOPLE = "Remove people from the team"
    CHANGE_ROLES = "Change somebody's role"
    SEE_EVERY_MERCHANT = "Open every merchant's pages, with the block for support"
    SEE_RAW_ROWS = "See raw rows in the administration"
    CHANGE_RAW_ROWS = "Change and delete raw rows in the administration"
    MANAGE_LOGINS = "Open a locked login, reset a second factor"
    MANAGE_STAFF = "Make somebody support or administrator"


_MEMBER = frozenset(
    {
        Capability.SEE,
        Capability.RECONNECT,
        Capability.SEND_TEST,
        Capability.TRY_NOW,
        Capability.PAUSE,
        Capability.READ_HISTORY,
        Capability.SEE_TEAM,
        Capability.BACKFILL,
        Capability.SEND_AGAIN,
        Capability.REPAIR,
        Capability.BIN,
        Capability.TAKE_ALERTS,
    }
)
_OWNER = _MEMBER | {
    Capability.MANAGE_ALERTS,
    Capability.CONNECT,
    Capability.DISCONNECT,
    Capability.EXPORT_HISTORY,
    Capability.BACKFILL_LOUD,
    Capability.REVEAL,
    Capability.EXPORT_FAILED,
    Capability.REPLAY_LOUD,
    Capability.INVITE,
    Capability.REMOVE_PEOPLE,
    Capability.CHANGE_ROLES,
}
_SUPPORT = _OWNER | {
    Capability.SEE_EVERY_MERCHANT,
    Capability.SEE_RAW_ROWS,
    Capability.IMPORT_FAILED,
    Capability.WORK_CAUSES,
    Capability.APPROVE_REPLAY,
}

CAPABILITIES = {
    Role.MEMBER: _MEMBER,
    Role.OWNER: _OWNER,
    Role.SUPPORT: _SUPPORT,
    Role.ADMINISTRATOR: frozenset(Capability),
}

# So many failed records each may have sent again, or put into the bin, in one go.
MOST_SENT_AGAIN = {
    Role.MEMBER: 100,
    Role.OWNER: 1_000,
    Role.SUPPORT: 100_000,
    Role.ADMINISTRATOR: 1_000_000,
}
# From here on a second person must agree, whoever asks.
SECOND_PERSON_FROM = 10_000


def allows(role: Role | None, capability: Capability) -> bool:
    """Say whether somebody in this role may do this; nobody may do anything without one."""
    return role is not None and capability in CAPABILITIES[role]
