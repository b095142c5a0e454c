#!/usr/bin/env bash
# venv.sh FOLDER LOCK: a virtual environment with what LOCK names, each package with its digest.
set -euo pipefail
folder=$1 lock=$2 python=${PYTHON:-python3}

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
# The pip that Python brings along installs from its own archive: to put it into the folder first
# takes as long as what the lab needs. What is imported is compiled then; most is never.
pip=$("$python" -c '
import ensurepip, pathlib, sysconfig
bundled = pathlib.Path(ensurepip.__file__).with_name("_bundled")
folder = pathlib.Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or bundled)
print(*sorted(folder.glob("pip-*.whl"))[-1:])')
if [ -z "$pip" ]; then
  echo "error: $python brings no pip along (ensurepip has no pip-*.whl)" >&2
  exit 1
fi
compile=--no-compile
# Where nobody may write what an import has compiled, every command would compile all of it anew.
[ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || compile=--compile
began=$SECONDS
echo "Python environment from $lock into $folder ..."
"$python" -m venv --without-pip "$folder"
PYTHONPATH=$pip "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
  "$compile" --require-hashes -r "$lock"
echo "Python environment from $lock into $folder: $((SECONDS - began)) s"
