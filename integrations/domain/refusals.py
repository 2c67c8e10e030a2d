"""Why a sign-in did not lead to a connection, in a merchant's words."""

from collections.abc import Mapping

import msgspec


class Words(msgspec.Struct, frozen=True):
    """What happened, what it means, and what to do."""

    title: str
    message: str
    advice: str


AGAIN = "Start again from the connections page. Nothing has changed."
SUPPORT = "Please tell our support. Nothing has changed."

WORDS: Mapping[str, Words] = {
    "forged": Words(
        "This answer cannot be trusted",
        "It does not carry {platform}'s signature, or belongs to no sign-in we know of.",
        AGAIN,
    ),
    "other_browser": Words(
        "This sign-in began elsewhere",
        "It was begun in another browser, or by somebody else.",
        "Start and finish the sign-in in the same browser, as the same person.",
    ),
    "used": Words(
        "This sign-in has already been used",
        "An answer counts once. This page was probably loaded a second time.",
        "Look at the connections page: if the connection does not work, start again.",
    ),
    "expired": Words(
        "This sign-in took too long",
        "For your safety a sign-in is good for ten minutes. This one was left open for longer.",
        AGAIN,
    ),
    "denied": Words(
        "Nothing was connected",
        "{platform} says that the request was declined.",
        "If that was a mistake, start again and allow what is asked for.",
    ),
    "wrong_shop": Words(
        "That was another shop",
        "You asked for {wanted}, but the answer is for {found}.",
        "Sign out of Shopify, or sign in to the right shop, and start again.",
    ),
    "other_account": Words(
        "That was another Klaviyo account",
        "This connection belongs to {wanted}, but you signed in to {found}. Changing the account "
        "would mix two audiences.",
        "Sign out of Klaviyo, sign in to {wanted}, and start again.",
    ),
    "other_merchant": Words(
        "This is already connected elsewhere",
        "{found} is connected by another business here.",
        "If both are yours, please tell our support, who can move it.",
    ),
    "other_kind": Words(
        "This would change more than the login",
        "{found} is connected with {old}, and this would be {new}. Klaviyo keeps what an app sends "
        "and what a key sends as different metrics, even under the same name, so flows and "
        "reports that listen to the old ones would hear nothing.",
        "Connect it the way it was, or confirm that you want the other way.",
    ),
    "bad_shop_name": Words(
        "This is not the name of a shop",
        "A shop's name looks like alpine-outdoor or alpine-outdoor.myshopify.com.",
        "In Shopify, open Settings, then Domains, and copy the name that ends in myshopify.com.",
    ),
    "no_account": Words(
        "Connect Klaviyo first",
        "A shop needs a Klaviyo account that its news goes to.",
        "Connect your Klaviyo account, then come back here. With several, choose one.",
    ),
    "feeds_another": Words(
        "This shop feeds another account",
        "{wanted} is connected here already, and its news goes to {found}.",
        "To renew its login, reconnect the shop from its own page. To send its news elsewhere, ask "
        "our support: what was sent so far stays where it is.",
    ),
    "not_configured": Words(
        "This way to connect is not set up yet",
        "{detail}",
        "Please tell whoever runs this console; docs/settings.md says what is missing.",
    ),
    "code_refused": Words(
        "{platform} took its yes back",
        "The permission was given, but {platform} did not accept it a moment later ({detail}). "
        "That happens when a page is loaded twice, or after a long pause.",
        AGAIN,
    ),
    "platform_down": Words(
        "{platform} did not answer",
        "The sign-in could not be finished because {platform} could not be reached. {detail}",
        "Nothing has changed. Wait a few minutes and start again.",
    ),
    "not_let_in": Words(
        "{platform} does not let us in",
        "The sign-in came back, but a first look was refused. {detail}",
        "See in {platform} whether everything is open there, and start again.",
    ),
    "key_refused": Words(
        "Klaviyo does not accept this key",
        "A private key begins with pk_ and is shown only once, when it is made.",
        "In Klaviyo, open Settings, then API keys, make a private key with full access, and paste "
        "it whole.",
    ),
    "missing_scopes": Words(
        "Something was not allowed",
        "{detail}",
        "Start again and allow everything that is asked for.",
    ),
    "not_allowed": Words(
        "You may no longer do this",
        "While you were signing in, your access to this business was taken away.",
        "Ask its owner.",
    ),
    "no_state": Words(
        "This page belongs to a sign-in",
        "It can only be reached on the way back from {platform}.",
        AGAIN,
    ),
}


class Facts(msgspec.Struct, frozen=True):
    """What a refusal names."""

    platform: str = ""
    wanted: str = ""
    found: str = ""
    old: str = ""
    new: str = ""
    detail: str = ""


def words(code: str, facts: Facts) -> Words:
    """Put a refusal in words."""
    values = msgspec.structs.asdict(facts)
    chosen = WORDS[code]
    return Words(
        chosen.title.format(**values).strip(),
        chosen.message.format(**values).strip(),
        chosen.advice.format(**values).strip(),
    )
