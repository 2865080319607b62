#!/usr/bin/env bash
# debian.sh SUITE ROOT PACKAGE...   unpacks Debian packages and all they need into ROOT.
# Nothing is installed into the system and no root is needed: the programs are run with ROOT's own loader and libraries.
. "$(dirname "$0")/env.sh"
suite=$1 root=$2
shift 2
[ -e "$root/.complete" ] && exit 0
command -v apt-get > /dev/null || die "this needs a Debian-like system (apt-get); set MYSQLD or MARIADBD to an installed server instead"
mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2> /dev/null | head -n 1)
work=$root.apt
rm -rf "$root" "$work"
mkdir -p "$root" "$work/lists/partial" "$work/archives/partial"
: > "$work/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -s "$keyring" ] || need debian-archive-keyring debian-archive-keyring
echo "deb [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} $suite main" > "$work/sources.list"
apt() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" \
        -o Dir::State::status="$work/status" -o Dir::Cache::Archives="$work/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}
apt update
apt -y --no-install-recommends --download-only install "$@"
for package in "$work"/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
rm -rf "$work"
touch "$root/.complete"
