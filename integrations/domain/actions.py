"""What the history calls each action. A new action gets its sentence here; a test asks for it."""

from enum import StrEnum
from typing import Any

SENTENCES = {
    "session.signed_in": "{subject} signed in",
    "session.signed_out": "{subject} signed out",
    "session.refused": "A wrong password was tried{for_subject}",
    "session.locked": "Too many wrong passwords{for_subject}: locked for 15 minutes",
    "session.unlocked": "{subject} may try to sign in again at once",
    "password.asked": "A link to a new password was asked for{for_subject}",
    "password.reset": "{subject} chose a new password by e-mail",
    "password.changed": "{subject} changed their password",
    "second_step.switched_on": "{subject} set up the second step",
    "second_step.switched_off": "{subject} switched the second step off",
    "second_step.reset": "The second step of {subject} was reset",
    "second_step.codes_renewed": "{subject} made new codes for the second step",
    "second_step.code_used": "{subject} signed in with a code they had written down",
    "second_step.refused": "A wrong code was tried{for_subject}",
    "team.invited": "{subject} was invited to the team",
    "team.invited_again": "{subject} was sent a new invitation",
    "team.invitation_withdrawn": "The invitation of {subject} was withdrawn",
    "team.joined": "{subject} joined the team",
    "team.role_changed": "{subject} got another role",
    "team.removed": "{subject} was removed from the team",
    "credential.connected": "{subject} was connected",
    "credential.reconnected": "{subject} was connected anew",
    "credential.broken": "The login of {subject} stopped working",
    "credential.healed": "The login of {subject} works again",
    "credential.disconnected": "{subject} was disconnected",
    "credential.scopes_changed": "The permissions of {subject} changed",
    "subscription.refused": "{subject}: the shop would not send these messages",
    "subscriptions.made": "The shop was asked for its messages",
    "subscriptions.restored": "Messages the shop had stopped sending were asked for again",
    "subscriptions.corrected": "Messages that went to a wrong address were led here again",
    "subscriptions.removed": "Messages nobody needs were called off",
    "path_test.sent": "A test message was sent",
    "gap.noticed": "Hours were noticed in which messages may be missing",
    "gap.asked": "Missing hours were asked for",
    "gap.closed": "Missing hours were dealt with",
    "reconnect.begun": "A reconnect was begun",
    "reconnect.joined": "Somebody else joined in the reconnect",
    "reconnect.paused": "The shop was paused for the reconnect",
    "reconnect.let_go": "The old login was let go",
    "reconnect.signed_in": "A new login was made",
    "reconnect.verified": "The new login was tried and works",
    "reconnect.subscribed": "The shop was asked for its messages again",
    "reconnect.released": "What had been waiting was let go on",
    "reconnect.given_up": "The reconnect was given up",
    "job.started": "Fetching past data was started: {subject}",
    "job.paused": "Fetching past data was paused: {subject}",
    "job.stopped": "Fetching past data was stopped: {subject}",
    "window.run_again": "A period is fetched once more: {subject}",
    "undo.confirmed": "Fetching past data is taken back: {subject}",
    "undo.finished": "Taking past data back came to its end: {subject}",
    "undo.stopped": "Taking past data back was stopped: {subject}",
    "undo.exported": "The list of what Klaviyo recorded was exported: {subject}",
    "alert.taken": "Somebody takes care of an alert: {subject}",
    "alert.limited": "The numbers of an alert were changed: {subject}",
    "alert_channel.made": "A way to be told of alerts was added: {subject}",
    "alert_channel.tested": "A test was sent to {subject}",
    "alert_channel.removed": "A way to be told of alerts was removed: {subject}",
    "replay.changed": "How failed records are sent again was changed: {subject}",
    "replay.asked": "Sending many failed records again was asked for: {subject}",
    "replay.approved": "A second person agreed to sending again: {subject}",
    "replay.started": "Sending failed records again was started: {subject}",
    "replay.paused": "Sending failed records again was paused: {subject}",
    "replay.went_on": "Sending failed records again went on: {subject}",
    "replay.stopped": "Sending failed records again stopped by itself: {subject}",
    "replay.cancelled": "Sending failed records again was cancelled: {subject}",
    "replay.finished": "Sending failed records again came to its end: {subject}",
    "breaker.opened": "{subject}: held back, because its platform has trouble",
    "breaker.closed": "{subject}: let go on, because its platform answers again",
    "breaker.tried": "{subject}: somebody had its platform tried again",
    "cause.taken": "A reason of failed records was taken on: {subject}",
    "cause.let_go": "A reason of failed records is nobody's any more: {subject}",
    "cause.noted": "A note was written about a reason of failed records: {subject}",
    "cause.parked": "A reason of failed records was parked: {subject}",
    "cause.brought_back": "A parked reason of failed records was taken up again: {subject}",
    "cause.came_back": "A reason of failed records came back: {subject}",
    "cause.merged": "A reason of failed records was put together with another: {subject}",
    "cause.taken_apart": "A reason of failed records stands for itself again: {subject}",
    "cause.split": "A reason of failed records was split: {subject}",
    "record.repaired": "What would be sent of a failed record was changed: {subject}",
    "record.repair_taken_back": "A change of a failed record was taken back: {subject}",
    "record.revealed": "Personal data of a failed record was shown: {subject}",
    "record.fetched": "A failed record was fetched from the shop once more: {subject}",
    "records.repaired": "Failed records were changed by a rule: {subject}",
    "bin.put": "{subject} went into the bin",
    "bin.taken_out": "{subject} came out of the bin",
    "failed.exported": "Failed records were exported",
    "failed.imported": "Failed records of another integration were imported: {subject}",
    "erasure.asked": "The shop asked to erase what is kept: {subject}",
    "erasure.data_asked": (
        "A customer asked the shop what is kept of them; it has to be answered within 30 days"
    ),
    "erasure.finished": "What was kept was erased, as the shop had asked: {subject}",
    "support.viewed": "Support opened the pages of {subject}",
    "history.exported": "The history was exported",
    "raw.added": "{subject} was added in the administration",
    "raw.changed": "{subject} was changed in the administration",
    "raw.deleted": "{subject} was deleted in the administration",
}


class Kind(StrEnum):
    """What the history can be narrowed to."""

    LOGINS = "logins"
    RECONNECTS = "reconnects"
    MESSAGES = "messages"
    PAST_DATA = "past-data"
    FAILED_RECORDS = "failed-records"
    TROUBLE = "trouble"
    PEOPLE = "people"
    SIGNING_IN = "signing-in"
    SUPPORT = "support"


KINDS = {
    Kind.LOGINS: ("Logins of shops and accounts", ("credential",)),
    Kind.RECONNECTS: ("Reconnects", ("reconnect",)),
    Kind.MESSAGES: (
        "Messages of shops",
        ("subscription", "subscriptions", "path_test", "gap"),
    ),
    Kind.PAST_DATA: ("Fetching past data", ("job", "window", "undo")),
    Kind.FAILED_RECORDS: (
        "Failed records",
        ("cause", "record", "records", "replay", "bin", "failed", "erasure"),
    ),
    Kind.TROUBLE: ("Trouble of platforms, and alerts", ("breaker", "alert", "alert_channel")),
    Kind.PEOPLE: ("People of the team", ("team",)),
    Kind.SIGNING_IN: ("Signing in", ("session", "password", "second_step")),
    Kind.SUPPORT: ("Support, administration, exports", ("support", "raw", "history")),
}
ROLES = {
    "owner": "owner",
    "member": "member",
    "support": "support",
    "administrator": "administrator",
    "automatic": "by itself",
    "unknown": "not signed in",
}
_NAMES = {
    "scopes": "Permissions",
    "topics": "Messages",
    "until": "Until",
    "code": "Reason code",
    "fields": "Fields",
    "rest_until": "Rests until",
}


def sentence(action: str, subject: str) -> str:
    """Say what was done; an action without a sentence is written as it is, which still tells."""
    words = SENTENCES.get(action)
    if words is None:
        part, _, did = action.partition(".")
        plain = f"{part}: {did}".replace("_", " ").strip(": ").capitalize()
        return f"{plain} ({subject})" if subject else plain
    whom = f" for {subject}" if subject else ""
    return words.format(subject=subject or "Somebody", for_subject=whom)


def name_of(part: str) -> str:
    """What a part of `before` or `after` is called."""
    return _NAMES.get(part, part.replace("_", " ").capitalize())


def written(value: Any) -> str:
    """A value of `before` or `after` as people read it."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(written(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name_of(str(key))}: {written(one)}" for key, one in value.items())
    return str(value).replace("_", " ") if _is_code(value) else str(value)


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and value.islower() and value.replace("_", "").isalpha()
