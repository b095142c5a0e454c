#!/usr/bin/env bash
# let-in.sh DURATION: lets this runner in to the lab's hosts for a while, and lays down the key.
#
# KEY is the private key that logs in, KAFKALAB_KEY names the file where `fab` looks for it. Prints
# `cidr=NETWORK` first, so that whoever takes the rule away knows it also when this fails.
set -euo pipefail
[ -n "$KEY" ] || { echo "::error::the environment has no secret KAFKALAB_SSH_KEY" >&2; exit 1; }
umask 077
printf '%s\n' "$KEY" > "$KAFKALAB_KEY"
address=$(curl --fail --silent --show-error --max-time 10 https://checkip.amazonaws.com)
[[ $address =~ ^[0-9.]+$ ]] || { echo "::error::no address of this runner: $address" >&2; exit 1; }
echo "cidr=$address/32"
.venv/bin/fab allow --for "$1" --cidr "$address/32" >&2
