#!/bin/bash
# Stops kubelet first, then every container of this cluster's containerd, unmounts what they left.
. "$(dirname "$0")/env.sh"
f=$RUN/pid/kubelet; if [ -f $f ]; then p=$(cat $f); kill $p 2>/dev/null; for _ in $(seq 50); do alive $p || break; sleep 0.1; done; rm -f $f; fi
NETNS=""
if [ -f $RUN/pid/containerd ] && kill -0 $(cat $RUN/pid/containerd) 2>/dev/null; then
  NETNS=$(for c in $(ctr containers ls -q); do ctr containers info $c; done | grep -o '/run/netns/cni-[0-9a-f-]*' | sort -u)
  for t in $(ctr task ls -q); do ctr task kill -s KILL $t 2>/dev/null; done
  for _ in 1 2 3 4 5 6; do sleep 0.5; [ "$(ctr task ls | grep -c RUNNING)" = 0 ] && break; done
  for t in $(ctr task ls -q); do ctr task delete -f $t >/dev/null 2>&1; done
  for c in $(ctr containers ls -q); do ctr containers delete $c >/dev/null 2>&1; done
fi
# mounts under our own directories only
awk -v r="$RUN/" -v s="$CTRD/" '{m=$2} index(m,r)==1||index(m,s)==1{print m}' /proc/mounts | sort -r | while read m; do umount "$m" 2>/dev/null || umount -l "$m"; done
for n in $NETNS; do ip netns del $(basename $n) 2>/dev/null; done
rm -rf $RUN/cni/state
true
