#!/bin/bash
# Puts a program into a folder, with the libraries that this machine lacks: from Debian or Ubuntu packages, unpacked, not installed.
# Usage: unpack.sh PACKAGE FOLDER
set -euo pipefail
PACKAGE=$1 FOLDER=$2
[ -d "$FOLDER/usr" ] && exit 0
fetch() {
  apt-get install -q --yes --download-only --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::Cache::archives="$1" "$PACKAGE" >/dev/null
}
archives=$(mktemp -d); trap 'rm -rf "$archives"' EXIT
mkdir "$archives/partial"
fetch "$archives" || { apt-get update -q >/dev/null; fetch "$archives"; }
rm -rf "$FOLDER.new"; mkdir -p "$FOLDER.new"
for package in "$archives"/*.deb; do dpkg -x "$package" "$FOLDER.new"; done
rm -rf "$FOLDER"; mv "$FOLDER.new" "$FOLDER"
