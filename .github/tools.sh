#!/usr/bin/env bash
# tools.sh FOLDER: actionlint and zizmor, in these versions, for the test of the workflows.
# What cannot be had is said, and is no failure here: the test decides.
set -uo pipefail
folder=$1
actionlint=v1.7.12 zizmor=1.32.0

mkdir -p "$folder"
if [ ! -x "$folder/actionlint-$actionlint" ]; then
  GOBIN=$folder go install "github.com/rhysd/actionlint/cmd/actionlint@$actionlint" &&
    mv "$folder/actionlint" "$folder/actionlint-$actionlint" ||
    echo "no actionlint $actionlint: it takes Go and its module proxy" >&2
fi
if [ ! -x "$folder/zizmor-$zizmor/bin/zizmor" ]; then
  "${PYTHON:-python3}" -m venv "$folder/zizmor-$zizmor" &&
    "$folder/zizmor-$zizmor/bin/pip" -q --disable-pip-version-check install "zizmor==$zizmor" ||
    echo "no zizmor $zizmor: it takes pip and the package index" >&2
fi
ln -sf "actionlint-$actionlint" "$folder/actionlint"
ln -sf "zizmor-$zizmor/bin/zizmor" "$folder/zizmor"
