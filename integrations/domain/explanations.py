"""Why a record failed, in a sentence a shop owner understands, and what to do about it."""

from collections.abc import Mapping

import msgspec


class Explanation(msgspec.Struct, frozen=True):
    """What went wrong and how to put it right."""

    sentence: str
    suggestion: str
    known: bool = True
    # What a repair here would achieve, for whoever may make one.
    without: str = ""


UNKNOWN = Explanation(
    "Something was not accepted, and we have no plain words for it yet.",
    "You do not have to do anything now. Our support can see the details and will look into it.",
    known=False,
)

_UNREADABLE: Mapping[str, Explanation] = {
    "json": Explanation(
        "The message from the shop was damaged on its way and cannot be read.",
        "Change and save the same record in the shop; it then sends a new message.",
    ),
    "encoding": Explanation(
        "The message from the shop contains signs that are not valid text.",
        "Look for unusual signs in names or notes of this record, correct them and save it.",
    ),
    "nesting": Explanation(
        "The message from the shop is built in a way that cannot be read safely.",
        "Our support can see the details. An app in the shop may have produced it.",
    ),
    "type": Explanation(
        "One field of the message has a kind of content we do not expect there.",
        "If an app writes into your orders or products, check what it does to this field.",
    ),
    "id": Explanation(
        "The record has no usable number, so we cannot tell which one it is.",
        "Our support can see the details. An app in the shop may have produced it.",
    ),
    "date": Explanation(
        "A date in this record is not a believable one.",
        "Check the dates of this record in the shop and save it again.",
    ),
    "amount": Explanation(
        "An amount of money in this record is not a number.",
        "Check prices, discounts and totals of this record in the shop and save it again.",
    ),
    "currency": Explanation(
        "The currency of this record is not a known three-letter code.",
        "Check the currency settings of the shop and save the record again.",
    ),
    "quantity": Explanation(
        "A quantity in this record is not a whole number.",
        "Check the quantities of its items in the shop and save it again.",
    ),
}

_INVALID: dict[str, Explanation] = {
    "profile.email": Explanation(
        "Klaviyo does not accept the customer's e-mail address.",
        "Correct the e-mail address of the customer in the shop and save it.",
    ),
    "profile.phone_number": Explanation(
        "Klaviyo does not accept the customer's phone number.",
        "Correct the number in the shop. It needs the country code, like +49 30 1234567.",
        without="Sent without the phone, the record would pass, if it has an e-mail address.",
    ),
    "profile.location": Explanation(
        "Klaviyo does not accept a part of the customer's address.",
        "Check country, region and postcode of the customer in the shop and save it.",
        without="Sent without the address, the record would pass.",
    ),
    "profile": Explanation(
        "Klaviyo does not accept what the shop says about this customer.",
        "Check name, e-mail address and phone number of the customer in the shop.",
    ),
    "unique_id": Explanation(
        "Klaviyo does not accept the number by which we tell this record from others.",
        "You do not have to do anything. Our support can see the details.",
    ),
    "value_currency": Explanation(
        "Klaviyo does not accept the currency of this record.",
        "Check the currency settings of the shop.",
        without="Sent with a currency set by hand, the record would pass.",
    ),
    "value": Explanation(
        "Klaviyo does not accept the amount of this record.",
        "Check the total in the shop. It must be an ordinary amount of money.",
    ),
    "time": Explanation(
        "Klaviyo does not accept the date of this record.",
        "Check the date in the shop. It must not be far in the past or in the future.",
    ),
    "metric": Explanation(
        "Klaviyo does not accept the name under which this kind of record is kept.",
        "Our support can see the details and corrects the name in the settings.",
    ),
    "properties": Explanation(
        "Klaviyo does not accept one of the details of this record.",
        "Look for very long texts or unusual signs in this record and shorten them.",
        without="Sent without that detail, the record would pass.",
    ),
    "title": Explanation(
        "Klaviyo does not accept the title of this product.",
        "Check that the product has a title, and that it is not very long.",
    ),
    "description": Explanation(
        "Klaviyo does not accept the description of this product.",
        "Shorten the description in the shop and save the product.",
        without="Sent with a shorter description, the product would pass.",
    ),
    "image_full_url": Explanation(
        "Klaviyo does not accept the picture of this product.",
        "Upload the picture again in the shop and save the product.",
        without="Sent without the picture, the product would pass.",
    ),
    "url": Explanation(
        "Klaviyo does not accept the web address of this product.",
        "Check the address of your shop in the settings, and that of the product.",
    ),
    "price": Explanation(
        "Klaviyo does not accept the price of this product.",
        "Check the price in the shop and save the product.",
    ),
    "external_id": Explanation(
        "Klaviyo does not accept the number of this product.",
        "You do not have to do anything. Our support can see the details.",
    ),
}

# The same fields where a record is about a person alone.
_INVALID = {
    **_INVALID,
    "email": _INVALID["profile.email"],
    "phone_number": _INVALID["profile.phone_number"],
    "location": _INVALID["profile.location"],
    "first_name": _INVALID["profile"],
    "last_name": _INVALID["profile"],
    "inventory_quantity": Explanation(
        "Klaviyo does not accept the stock of this product.",
        "Check the stock of the product in the shop. It must be a whole number.",
    ),
}

_TOO_LARGE = Explanation(
    "This record is larger than Klaviyo accepts.",
    "Look for very long descriptions or notes in the record and shorten them.",
)

# Klaviyo's published rules, which we check before we send.
_RULES: Mapping[str, Explanation] = {
    "size": _TOO_LARGE,
    "text": Explanation(
        "A text in this record is longer than Klaviyo accepts.",
        "Find the long text in the record, often a note or description, and shorten it.",
        without="Sent with that text shortened, the record would pass.",
    ),
    "list": Explanation(
        "This record has more entries of one kind than Klaviyo accepts.",
        "You do not have to do anything. Our support can see the details.",
    ),
    "depth": Explanation(
        "The details of this record are built in a way Klaviyo does not accept.",
        "Our support can see the details. An app in the shop may have produced it.",
    ),
    "properties": Explanation(
        "This record has more details than Klaviyo accepts.",
        "Our support can see the details. An app in the shop may have added them.",
    ),
}

_BY_CODE: Mapping[tuple[str, str], Explanation] = {
    ("shopify", "unreadable"): Explanation(
        "The message from the shop cannot be read.",
        "Change and save the same record in the shop; it then sends a new message.",
    ),
    ("shopify", "order_unknown"): Explanation(
        "This belongs to an order that never arrived here, so we do not know whose it is.",
        "Open the order in the shop and save it once, for example with a note.",
    ),
    ("shopify", "gave_up"): Explanation(
        "This belongs to an order we do not know, and the shop did not answer when we asked.",
        "Open the order in the shop and save it once, for example with a note.",
    ),
    ("console", "worker_died"): Explanation(
        "Working on this record stopped our own program several times, so we set it aside.",
        "You do not have to do anything. All other records go on. Our support looks into it.",
    ),
    ("import", "imported"): Explanation(
        "Another program could not deliver this record, and it was handed in here as a file.",
        "Send it again. What Klaviyo has already is left out.",
    ),
    ("klaviyo", "invalid"): Explanation(
        "Klaviyo does not accept one field of this record.",
        "Compare the field named below with the record in the shop and correct it there.",
    ),
    ("klaviyo", "duplicate_profile"): Explanation(
        "Klaviyo knows this customer twice and cannot tell which one is meant.",
        "In Klaviyo, search for the customer and merge the two profiles.",
    ),
    ("klaviyo", "rejected"): Explanation(
        "Klaviyo does not accept this record.",
        "Klaviyo's own answer is below. Our support can help you read it.",
    ),
    ("klaviyo", "too_large"): _TOO_LARGE,
    ("klaviyo", "413"): _TOO_LARGE,
    ("klaviyo", "gave_up"): Explanation(
        "This record did not reach Klaviyo in many tries over half a day.",
        "Nothing is wrong with the record itself. Our support can see what was in the way.",
    ),
}


def explain(platform: str, code: str, *, field: str = "", rule: str = "") -> Explanation:
    """Find the words for a cause; a fallback says that support can see the details."""
    if code == "worker_died":
        return _BY_CODE["console", code]
    if (platform, code) == ("shopify", "unreadable") and rule in _UNREADABLE:
        return _UNREADABLE[rule]
    if platform == "klaviyo" and rule in _RULES:
        return _RULES[rule]
    known = _BY_CODE.get((platform, code))
    if platform == "klaviyo" and (known is None or code == "invalid"):
        # A field we have words for says more than a code, known or not.
        return _INVALID.get(_place(field)) or known or _refused(code)
    return known or UNKNOWN


def _refused(code: str) -> Explanation:
    """A bare status in place of a code says only that Klaviyo refused."""
    return _BY_CODE["klaviyo", "rejected"] if code.isdigit() else UNKNOWN


def _place(field: str) -> str:
    """The longest known part of a field's path, `profile.location.zip` being in `profile`."""
    parts = field.split(".")
    for length in range(len(parts), 0, -1):
        for start in range(len(parts) - length + 1):
            place = ".".join(parts[start : start + length])
            if place in _INVALID:
                return place
    return ""
