#!/bin/sh
# Unpacks an artifact into the image. What follows from its recipe's own seed.sh (Kafka's records the
# classes that its services load) is appended to this, and then the line that seals it.
# Usage: seed.sh NAME SHA256 < NAME.tar, once, in the container without network that becomes the image.
set -eu
name=$1 sha256=$2
home=/usr/local/$name
work=$(mktemp -d)

tar -x -C /usr/local --no-same-owner
