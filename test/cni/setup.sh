#!/bin/bash
# Makes this machine ready for the CNI matrix: Debian packages (root). Safe to repeat; a second run takes a second.
# bird and Open vSwitch are only unpacked, into the cache: installed, they would start daemons of the machine.
set -euo pipefail
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
bash "$HERE/../bed/setup.sh" cluster
TOOLS=${CONTOUR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/contour/cni-tools
PATH=$PATH:/usr/sbin:/sbin
missing=""
command -v clang-14 >/dev/null || missing="$missing clang-14"
command -v bpftool >/dev/null || missing="$missing bpftool"
command -v ethtool >/dev/null || missing="$missing ethtool"
UNPACKED="bird2 libssh-gcrypt-4 openvswitch-switch openvswitch-common libxdp1 libunbound8 libevent-2.1-7 libnl-3-200 libnl-route-3-200 libcap-ng0"
if [ -n "$missing" ] || [ ! -x "$TOOLS/usr/sbin/bird" ] || [ ! -x "$TOOLS/usr/lib/openvswitch-switch/ovs-vswitchd" ]; then apt-get update -q >/dev/null; fi
# shellcheck disable=SC2086
[ -z "$missing" ] || DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $missing >/dev/null
if [ ! -x "$TOOLS/usr/sbin/bird" ] || [ ! -x "$TOOLS/usr/lib/openvswitch-switch/ovs-vswitchd" ]; then
  unpack=$(mktemp -d); cd "$unpack"; chmod 777 .
  # shellcheck disable=SC2086
  apt-get download -q $UNPACKED >/dev/null
  for package in *.deb; do dpkg -x "$package" "$TOOLS"; done
  cd /; rm -rf "$unpack"
fi
echo "ready: cni"
