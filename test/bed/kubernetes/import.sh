#!/bin/bash
# Imports image tars into a running cluster: those given, or all of the cache; each version of a tar only once.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib/env.sh"
mkdir -p $RUN/containerd/imported
[ $# -gt 0 ] || set -- $IMAGES/*.tar
for t in "$@"; do
  m=$RUN/containerd/imported/$(basename $t).$(stat -c %Y.%s $t); [ -f $m ] && continue
  ctr images import --snapshotter overlayfs $t >/dev/null && touch $m
done
