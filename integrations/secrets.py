"""Encryption of what must not be read from a stolen database."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class LostKey(Exception):
    """A secret cannot be read with any of the keys in FIELD_ENCRYPTION_KEYS."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(secret: str) -> bytes:
    """Encrypt with the first key; the others can still decrypt."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(secret.encode())


def decrypt(token: bytes) -> str:
    """Read a secret back. Raises LostKey."""
    try:
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(token).decode()
    except (InvalidToken, UnicodeDecodeError) as exc:
        raise LostKey("This secret was encrypted with a key that is no longer set.") from exc


def is_current(token: bytes) -> bool:
    """Whether a secret is encrypted with the first key, which alone is used for new ones."""
    try:
        Fernet(settings.FIELD_ENCRYPTION_KEYS[0]).decrypt(token)
    except InvalidToken:
        return False
    return True


def rotated(token: bytes) -> bytes:
    """The same secret, encrypted with the first key. Raises LostKey."""
    return encrypt(decrypt(token))
