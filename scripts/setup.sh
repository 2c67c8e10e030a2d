#!/bin/sh
# Makes .venv with everything a developer, the demo and the tests need. Safe to run again.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-}
if [ -z "$PYTHON" ]; then
  for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      PYTHON=$candidate
      break
    fi
  done
fi
if [ -z "$PYTHON" ]; then
  echo "Python 3.11 or newer is needed, and none was found." >&2
  exit 1
fi
wanted=$(cat requirements.txt requirements-dev.txt scripts/setup.sh | cksum)
if [ -x .venv/bin/python ] && [ "$(cat .venv/ready 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi
echo "· Installing into .venv (once) …"
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  rm -rf .venv
  if ! "$PYTHON" -m venv .venv >/dev/null 2>&1; then
    # Debian keeps venv in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
      apt-get update -qq
      apt-get install -y -qq python3-venv >/dev/null
    fi
    rm -rf .venv
    "$PYTHON" -m venv .venv || {
      echo "Python's venv module is missing: install python3-venv and try again." >&2
      exit 1
    }
  fi
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
printf '%s' "$wanted" >.venv/ready
