#!/bin/sh
# Makes sure that a Chromium is there for the browser tests, or fails and says so.
set -eu
cd "$(dirname "$0")/.."
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if .venv/bin/python - <<'PY'
import pathlib, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    sys.exit(0 if pathlib.Path(p.chromium.executable_path).exists() else 1)
PY
then exit 0; fi
echo "· Installing Chromium for the browser tests (once) …"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null 2>&1 && exit 0
fi
if .venv/bin/python -m playwright install chromium; then exit 0; fi
echo "The browser tests need Chromium, and neither Debian's package nor Playwright's could be installed." >&2
echo "Install one (for example: apt-get install chromium) and run this again." >&2
exit 1
