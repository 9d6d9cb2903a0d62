#!/bin/sh
# Makes the odd certificates of testdata/certificates/odd once, good for a hundred years: faketime "2020-01-01 00:00:00" sh tools/certificates/odd.sh (OpenSSL 3).
set -eu
cd "$(dirname "$0")/../../testdata/certificates/odd"
self() { name=$1; shift; openssl req -x509 -nodes -subj "/CN=$name" -addext "subjectAltName=DNS:odd.example.com" -days 36500 -keyout "$name.key" -out "$name.crt" "$@"; }
curve() { name=$1; shift; self "$name" -newkey ec -pkeyopt "ec_paramgen_curve:$@"; }
issue() { # name, authority, extensions, options
  name=$1 by=$2 extensions=$3; shift 3
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" -keyout "$name.key" -out request.csr
  printf '%b' "$extensions" > extensions.txt
  openssl x509 -req -in request.csr -CA "$by.crt" -CAkey "$by.key" -extfile extensions.txt -out "$name.crt" "$@"
  rm request.csr extensions.txt
}

self rsa-1024 -newkey rsa:1024
self rsa-2047 -newkey rsa:2047
self rsa-2048 -newkey rsa:2048
self rsa-exponent-3 -newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:3
self rsa-exponent-33-bits -newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:4294967297
self rsa-exponent-34-bits -newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:8589934593
self rsa-pss -newkey rsa-pss -pkeyopt rsa_keygen_bits:2048
self rsa-without-signatures -newkey rsa:2048 -addext keyUsage=critical,keyEncipherment
curve p-224 secp224r1
curve p-256 prime256v1
curve p-256-spelled-out prime256v1 -pkeyopt ec_param_enc:explicit
curve p-384 secp384r1
curve p-521 secp521r1
curve secp256k1 secp256k1
curve brainpool brainpoolP256r1
curve authority-use-only prime256v1 -addext keyUsage=critical,keyCertSign
curve unusual-use prime256v1 -addext keyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment
curve client-use prime256v1 -addext extendedKeyUsage=clientAuth
curve negative-serial prime256v1 -set_serial -5
curve must-staple prime256v1 -addext tlsfeature=status_request
self ed25519 -newkey ed25519
self ed448 -newkey ed448
openssl dsaparam -out dsa.params 2048
self dsa -newkey dsa:dsa.params
rm dsa.params
openssl req -x509 -nodes -subj "/" -days 36500 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout no-name.key -out no-name.crt
openssl req -x509 -nodes -subj "/CN=odd.example.com" -days 36500 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout common-name.key -out common-name.crt

# Points can be written in one coordinate, too.
openssl ec -in p-256.key -conv_form compressed -out p-256-compressed.key
openssl req -x509 -key p-256-compressed.key -subj /CN=p-256-compressed -addext "subjectAltName=DNS:odd.example.com" -days 36500 -out p-256-compressed.crt

curve root prime256v1 -addext keyUsage=critical,keyCertSign,cRLSign
issue intermediate root 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' -days 36500
issue leaf intermediate 'subjectAltName=DNS:odd.example.com,DNS:*.odd.example.com\n' -days 36500
issue leaf-sha1 intermediate 'subjectAltName=DNS:odd.example.com,DNS:*.odd.example.com\n' -days 36500 -sha1
rm -f ./*.srl

# What begins later or has ended.
timed() { # name, subject, from, to, extensions
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$2" -keyout "$1.key" -out request.csr
  mkdir -p work && : > work/index.txt && printf '[ca]\ndefault_ca=d\n[d]\ndatabase=work/index.txt\nnew_certs_dir=work\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n[e]\n%b' "$5" > work/ca.cnf
  openssl ca -config work/ca.cnf -batch -selfsign -keyfile "$1.key" -in request.csr -startdate "$3" -enddate "$4" -extensions e -notext -out "$1.crt"
  rm -r work request.csr
}
timed begins-later /CN=begins-later 21000101000000Z 21260101000000Z 'subjectAltName=DNS:odd.example.com\n'
timed ended /CN=ended 20200101000000Z 20210101000000Z 'subjectAltName=DNS:odd.example.com\n'
timed ended-authority /CN=ended-authority 20200101000000Z 20210101000000Z 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n'

# Revocation lists: of a time that is over, and of an authority that nobody trusts.
revocations() { # name, certificate, key, from, to
  mkdir -p work && : > work/index.txt && printf '[ca]\ndefault_ca=d\n[d]\ndatabase=work/index.txt\ndefault_md=sha256\n' > work/ca.cnf
  openssl ca -config work/ca.cnf -gencrl -keyfile "$3" -cert "$2" -crl_lastupdate "$4" -crl_nextupdate "$5" -out "$1.crl"
  rm -r work
}
revocations ended ../authority.pem ../authority.key 20200101000000Z 20210101000000Z
revocations of-root root.crt root.key 20200101000000Z 21200101000000Z
