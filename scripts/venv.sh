#!/usr/bin/env bash
# venv.sh FOLDER: a virtual environment with exactly what requirements.lock names.
set -euo pipefail
folder=$1 python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "error: $python is not Python 3.11 or newer (name another with PYTHON=...)" >&2
  exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  # Debian keeps this part of Python in a package of its own.
  apt=(apt-get -qq)
  [ "$(id -u)" = 0 ] || apt=(sudo -n "${apt[@]}")
  if ! command -v apt-get >/dev/null || { [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; }; then
    echo "error: $python has no venv module (on Debian: sudo apt-get install python3-venv)" >&2
    exit 1
  fi
  echo "installing python3-venv from the distribution"
  "${apt[@]}" install -y --no-install-recommends python3-venv >/dev/null ||
    { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends python3-venv >/dev/null; }
fi
echo "installing the Python environment into $folder"
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
  -r requirements.lock
