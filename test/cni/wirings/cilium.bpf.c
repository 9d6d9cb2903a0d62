// What Cilium does for each pod, in little: local packets go from link to link past the node's stack, policies are decided by identities of senders,
// cluster IPs are replaced when a socket connects, and packets for the other node may go through a tunnel whose network number is the sender's identity.
// Unlike Cilium's, these programs remember no connections: policies look at the packet that opens one.
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#define SECTION(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name
#define NET16(x) __builtin_bswap16(x)

// Numbers of helpers are those of <linux/bpf.h>.
static void *(*lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static __u32 (*random_number)(void) = (void *)BPF_FUNC_get_prandom_u32;
static long (*load_bytes)(const void *skb, __u32 offset, void *to, __u32 size) = (void *)BPF_FUNC_skb_load_bytes;
static long (*store_bytes)(void *skb, __u32 offset, const void *from, __u32 size, __u64 flags) = (void *)BPF_FUNC_skb_store_bytes;
static long (*change_type)(void *skb, __u32 type) = (void *)BPF_FUNC_skb_change_type;
static long (*set_tunnel)(void *skb, struct bpf_tunnel_key *key, __u32 size, __u64 flags) = (void *)BPF_FUNC_skb_set_tunnel_key;
static long (*get_tunnel)(void *skb, struct bpf_tunnel_key *key, __u32 size, __u64 flags) = (void *)BPF_FUNC_skb_get_tunnel_key;
static long (*redirect)(__u32 link, __u64 flags) = (void *)BPF_FUNC_redirect;
static long (*redirect_peer)(__u32 link, __u64 flags) = (void *)BPF_FUNC_redirect_peer;

enum { ANY = 0, HOST = 1, WORLD = 2, REMOTE_NODE = 6, ENFORCED = 0xffffffff };

// IPv4 addresses are kept as ::ffff:a.b.c.d.
struct address { __u32 word[4]; };
struct endpoint { __u32 link; __u8 mac[6]; __u8 node_mac[6]; };
struct identity { __u32 number; __u32 tunnel; };  // tunnel: the node behind which it is, in host byte order; 0 without a tunnel
struct rule { struct address to; __u32 from; __u32 port; };
struct service { __u32 address; __u32 port; };
struct backends { __u32 count; __u32 address[8]; __u32 port; };

struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 256); __type(key, struct address); __type(value, struct endpoint); } endpoints SECTION(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1024); __type(key, struct address); __type(value, struct identity); } identities SECTION(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1024); __type(key, struct rule); __type(value, __u32); } policy SECTION(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, struct service); __type(value, struct backends); } services SECTION(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } overlay SECTION(".maps");  // the tunnel's link, or 0

struct packet { struct address from; struct address to; __u32 port; __u32 opens; };

static __attribute__((always_inline)) int parse(struct __sk_buff *skb, struct packet *p)
{
    struct tcphdr tcp;
    __u32 next, at;
    if (skb->protocol == NET16(ETH_P_IP)) {
        struct iphdr ip;
        if (load_bytes(skb, ETH_HLEN, &ip, sizeof(ip))) return 0;
        p->from = (struct address){ { 0, 0, 0xffff0000, ip.saddr } };
        p->to = (struct address){ { 0, 0, 0xffff0000, ip.daddr } };
        next = ip.protocol;
        at = ETH_HLEN + ip.ihl * 4;
    } else if (skb->protocol == NET16(ETH_P_IPV6)) {
        struct ipv6hdr ip;
        if (load_bytes(skb, ETH_HLEN, &ip, sizeof(ip))) return 0;
        __builtin_memcpy(&p->from, &ip.saddr, sizeof(p->from));
        __builtin_memcpy(&p->to, &ip.daddr, sizeof(p->to));
        next = ip.nexthdr;
        at = ETH_HLEN + sizeof(ip);
    } else return 0;
    p->opens = p->port = 0;
    if (next == IPPROTO_TCP && !load_bytes(skb, at, &tcp, sizeof(tcp))) {
        p->opens = tcp.syn && !tcp.ack;
        p->port = NET16(tcp.dest);
    }
    return 1;
}

static __attribute__((always_inline)) __u32 identity_of(struct address *address)
{
    struct identity *found = lookup(&identities, address);
    return found ? found->number : WORLD;
}

static __attribute__((always_inline)) int allowed(struct packet *p, __u32 from)
{
    struct rule rule = { .to = p->to, .from = ENFORCED, .port = 0 };
    if (!p->opens || !lookup(&policy, &rule)) return 1;
    rule.from = from;
    if (lookup(&policy, &rule)) return 1;
    rule.port = p->port;
    if (lookup(&policy, &rule)) return 1;
    rule.from = ANY;
    return lookup(&policy, &rule) != 0;
}

static __attribute__((always_inline)) void address_link(struct __sk_buff *skb, struct endpoint *e)
{
    store_bytes(skb, 0, e->mac, 6, 0);
    store_bytes(skb, 6, e->node_mac, 6, 0);
}

static __attribute__((always_inline)) int into_tunnel(struct __sk_buff *skb, struct packet *p)
{
    __u32 zero = 0, *link = lookup(&overlay, &zero);
    struct identity *to = lookup(&identities, &p->to);
    if (!link || !*link || !to || !to->tunnel) return TC_ACT_OK;
    struct bpf_tunnel_key key = { .tunnel_id = identity_of(&p->from), .remote_ipv4 = to->tunnel, .tunnel_ttl = 64 };
    if (set_tunnel(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX)) return TC_ACT_SHOT;
    return redirect(*link, 0);
}

// Leaves a pod.
SECTION("tc") int from_container(struct __sk_buff *skb)
{
    struct packet p;
    if (!parse(skb, &p)) return TC_ACT_OK;
    struct endpoint *e = lookup(&endpoints, &p.to);
    if (!e) return into_tunnel(skb, &p);
    if (!allowed(&p, identity_of(&p.from))) return TC_ACT_SHOT;
    address_link(skb, e);
    return redirect_peer(e->link, 0);
}

// Comes from the node's stack to a pod.
SECTION("tc") int to_container(struct __sk_buff *skb)
{
    struct packet p;
    if (!parse(skb, &p)) return TC_ACT_OK;
    return allowed(&p, identity_of(&p.from)) ? TC_ACT_OK : TC_ACT_SHOT;
}

// Leaves the node's stack towards pods, by cilium_host.
SECTION("tc") int from_host(struct __sk_buff *skb)
{
    struct packet p;
    if (!parse(skb, &p)) return TC_ACT_OK;
    struct endpoint *e = lookup(&endpoints, &p.to);
    if (!e) return into_tunnel(skb, &p);
    address_link(skb, e);
    return redirect(e->link, 0);
}

// Comes out of the tunnel.
SECTION("tc") int from_overlay(struct __sk_buff *skb)
{
    struct packet p;
    struct bpf_tunnel_key key = {};
    if (!parse(skb, &p) || get_tunnel(skb, &key, sizeof(key), 0)) return TC_ACT_OK;
    struct endpoint *e = lookup(&endpoints, &p.to);
    if (!e) {
        change_type(skb, PACKET_HOST);
        return TC_ACT_OK;
    }
    if (!allowed(&p, key.tunnel_id == HOST ? REMOTE_NODE : key.tunnel_id)) return TC_ACT_SHOT;
    address_link(skb, e);
    return redirect_peer(e->link, 0);
}

// A socket connects: no packet ever has the cluster IP.
SECTION("cgroup/connect4") int connect4(struct bpf_sock_addr *socket)
{
    struct service wanted = { .address = socket->user_ip4, .port = socket->user_port };
    struct backends *b = lookup(&services, &wanted);
    if (!b || !b->count) return 1;
    __u32 chosen = random_number() % b->count;
    if (chosen < 8) socket->user_ip4 = b->address[chosen];
    socket->user_port = b->port;
    return 1;
}

char _license[] SECTION("license") = "Apache-2.0";
