#!/bin/bash
# Prints a tar with the .deb files of packages and of all that they need beyond what is here for
# something else: run in a container of the hosts' own base, which is thrown away. What it takes is
# signed by the base's own keys, or refused.
# Usage: fetch.sh PACKAGE... > TAR
set -euo pipefail
exec 3>&1 >&2
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
# Hosts of the lab ask no name server; this one has to.
sed -i 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf
apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Languages=none update
# A package that is here already is fetched all the same, with what only it needs: a host may have
# lost it, or have been made when the base had it not. So it is taken away here first.
apt-get -q -y -o APT::AutoRemove::RecommendsImportant=false \
  -o APT::AutoRemove::SuggestsImportant=false autoremove --purge "$@"
# One that would take another's place is refused.
apt-get -q -y --no-install-recommends --no-remove --download-only install "$@"
cd /var/cache/apt/archives
sha256sum ./*.deb | sed 's, \./, ,' > @MANIFEST@
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=0644 \
    -cf - @MANIFEST@ ./*.deb --transform='s,^\./,,' >&3
