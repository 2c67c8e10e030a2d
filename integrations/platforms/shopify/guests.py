"""Orders of people without an account in the shop."""

import msgspec


class _Order(msgspec.Struct):
    # Left out, where the question was not asked.
    customer: msgspec.Raw = msgspec.Raw(b"{}")


_decoder = msgspec.json.Decoder(_Order)


def is_guest(body: bytes) -> bool:
    """Whether an order node names no customer."""
    try:
        return bytes(_decoder.decode(body).customer) == b"null"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
