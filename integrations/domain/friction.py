"""How much is asked of a person before records are sent again: it grows with the consequence."""

from enum import StrEnum

from .permissions import MOST_SENT_AGAIN, SECOND_PERSON_FROM, Role

# From here on the number is typed, so that nobody sends thousands by a slip of the hand.
TYPED_FROM = 1_000
# What one press of a button on another page may begin, where nothing can go wrong with it.
MOST_AT_ONCE = 100

_NAMES = {
    Role.MEMBER: "members",
    Role.OWNER: "owners",
    Role.SUPPORT: "support",
    Role.ADMINISTRATOR: "administrators",
}


class Friction(StrEnum):
    """What a person does to begin."""

    NONE = "none"
    COUNT = "count"  # the button names the number
    TYPED = "typed"  # the number is typed


def friction(number: int) -> Friction:
    """Say what is asked of whoever sends so many again."""
    if number >= TYPED_FROM:
        return Friction.TYPED
    return Friction.COUNT if number > 1 else Friction.NONE


def needs_second(number: int) -> bool:
    """Say whether a second person has to agree."""
    return number >= SECOND_PERSON_FROM


def within_cap(role: Role | None, number: int) -> bool:
    """Say whether somebody in this role may send so many again in one go."""
    return role is not None and number <= MOST_SENT_AGAIN[role]


def who_may(number: int) -> str:
    """Name those who may send so many again in one go; empty when nobody may."""
    names = [_NAMES[role] for role, most in MOST_SENT_AGAIN.items() if number <= most]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def most_of_anybody() -> int:
    """The largest number anybody may send again in one go."""
    return max(MOST_SENT_AGAIN.values())


def refusal(role: Role | None, number: int) -> str:
    """Why somebody may not send so many again, and who may; empty when they may."""
    if within_cap(role, number):
        return ""
    own = MOST_SENT_AGAIN[role] if role is not None else 0
    most = f"You may send up to {own:,} at once."
    if names := who_may(number):
        return f"{most} For {number:,}, ask {names.replace(' and ', ' or ')}."
    return f"{most} Nobody may send more than {most_of_anybody():,} at once."
