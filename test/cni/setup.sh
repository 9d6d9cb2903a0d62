#!/bin/bash
# Makes this machine ready for the CNI matrix: Debian packages (root). Safe to repeat; a second run takes a second.
# bird, Open vSwitch, clang, bpftool and ethtool are only unpacked, into the cache: installed, some would start daemons of the machine.
set -euo pipefail
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
bash "$HERE/../bed/setup.sh" cluster
TOOLS=${CONTOUR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/contour/cni-tools
PATH=$PATH:/usr/sbin:/sbin
PROGRAMS="bird2 openvswitch-switch openvswitch-common clang-19 bpftool ethtool linux-libc-dev"
LIBRARIES="libssh-gcrypt-4 libxdp1 libunbound8 libevent-2.1-7 libnl-3-200 libnl-route-3-200 libcap-ng0 libnuma1 libbpf1 libllvm19 libclang-cpp19"

unpack() {
  folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
  mkdir "$folder/partial"; cd "$folder"
  # Libraries with those that they need in turn, as far as this machine lacks them; of programs nothing else.
  # shellcheck disable=SC2086
  apt-get install -q --yes --download-only --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::Cache::archives="$folder" $LIBRARIES >/dev/null
  # shellcheck disable=SC2086
  apt-get download -q -o APT::Sandbox::User=root $PROGRAMS >/dev/null
  rm -rf "$TOOLS" "$TOOLS.new"; mkdir -p "$TOOLS.new"
  for package in *.deb; do dpkg -x "$package" "$TOOLS.new"; done
  echo "$PROGRAMS $LIBRARIES" > "$TOOLS.new/packages"
  mv "$TOOLS.new" "$TOOLS"
}

# A small system has no sysctl.
command -v sysctl >/dev/null || { apt-get update -q >/dev/null; DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends procps >/dev/null; }
if [ "$(cat "$TOOLS/packages" 2>/dev/null)" != "$PROGRAMS $LIBRARIES" ]; then
  apt-get update -q >/dev/null
  unpack
fi
echo "ready: cni"
