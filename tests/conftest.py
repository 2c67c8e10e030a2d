"""The world of the tests: settings, a cast, and the embedded database."""

import os

os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("SHOPIFY_APP_SECRETS", "app-secret-for-tests")
os.environ.setdefault("HTTPS", "off")
