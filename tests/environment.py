"""The environment of the tests, set before the settings are read."""

import os

os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("HTTPS", "off")
os.environ["SHOPIFY_APP_SECRETS"] = "app-secret-for-tests"
