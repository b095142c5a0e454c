#!/bin/sh
# Turns a fresh Debian 12 with packages.txt into a host of the lab. Run as root inside it, by both
# ways of making the image (Containerfile, mmdebstrap), so that both yield the same host.
# Usage: setup.sh DIRECTORY (the one this file lies in)
set -eu
here=$1

cp -R "$here/files/." /
find "$here/files" -type f | while read -r file; do
    chown root:root "${file#"$here/files"}"
    chmod 0644 "${file#"$here/files"}"
done
chmod 0755 /usr/local/lib/kafkalab/*
chmod 0440 /etc/sudoers.d/student

# A `*` for the password: no password ever fits, and yet sshd does not take the user for locked.
useradd --uid 1000 --create-home --shell /bin/bash --password '*' student
install -d -m 0755 /etc/ssh/authorized_keys

# A container may not open raw sockets, and a program that is given the right to is not even started.
# Without that right, ping takes the kernel's own echo sockets, which the engine allows to everybody.
setcap -r /usr/bin/ping 2> /dev/null || chmod u-s /usr/bin/ping
# In the old vi that Debian makes of it, an arrow key types a letter.
sed -i 's/^set compatible/set nocompatible backspace=2/' /etc/vim/vimrc.tiny

# Each host makes its own key at its first boot.
rm -f /etc/ssh/ssh_host_*
# No host of the lab asks a name server: names come from /etc/hosts alone.
sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf
: > /etc/machine-id

systemctl set-default multi-user.target
systemctl enable ssh.service kafkalab-hosts-restore.service kafkalab-hosts-keep.path

# What a container does not need at boot: fourteen hosts share the cores of one workstation.
for unit in \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer systemd-tmpfiles-clean.timer motd-news.timer \
    getty.target getty-static.service console-getty.service \
    systemd-ask-password-console.path systemd-ask-password-wall.path \
    systemd-logind.service systemd-user-sessions.service systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service systemd-initctl.socket \
    systemd-sysusers.service systemd-sysctl.service systemd-modules-load.service \
    systemd-remount-fs.service systemd-random-seed.service systemd-pstore.service \
    systemd-binfmt.service systemd-update-done.service systemd-machine-id-commit.service \
    systemd-journal-catalog-update.service systemd-journal-flush.service \
    systemd-firstboot.service ldconfig.service systemd-hwdb-update.service \
    systemd-network-generator.service systemd-tmpfiles-setup-dev.service \
    proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount \
    sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
# dbus starts when somebody asks for it (root's systemctl does not).
rm -f /lib/systemd/system/multi-user.target.wants/dbus.service
# Without PAM and user sessions nothing would take this file away again.
ln -sf /dev/null /etc/tmpfiles.d/systemd-nologin.conf
# The generators translate fstab, SysV scripts and the kernel command line: none is used here, and
# all would run again at each daemon-reload.
mkdir -p /etc/systemd/system-generators
for generator in /lib/systemd/system-generators/*; do
    ln -sf /dev/null "/etc/systemd/system-generators/${generator##*/}"
done
