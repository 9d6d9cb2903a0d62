#!/bin/bash
# Makes a CA, server/client certificates, service account key and kubeconfigs. Idempotent.
set -euo pipefail
. "$(dirname "$0")/env.sh"
mkdir -p $PKI; cd $PKI
[ -f done ] && exit 0
umask 077
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -days 365 -subj "/CN=bed-ca" -out ca.crt \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
openssl genrsa -out sa.key 2048 2>/dev/null; openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
cert() { # name subject eku san
  openssl ecparam -name prime256v1 -genkey -noout -out $1.key
  openssl req -new -key $1.key -subj "$2" -out $1.csr
  { echo "basicConstraints=CA:FALSE"; echo "keyUsage=critical,digitalSignature,keyEncipherment"; echo "extendedKeyUsage=$3"; [ -n "${4:-}" ] && echo "subjectAltName=$4"; } > $1.ext
  openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile $1.ext -out $1.crt 2>/dev/null
  rm -f $1.csr $1.ext
}
cert apiserver "/CN=kube-apiserver" serverAuth "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$NODE_IP,IP:10.96.0.1"
cert admin "/O=system:masters/CN=bed-admin" clientAuth
cert kcm "/CN=system:kube-controller-manager" clientAuth
cert scheduler "/CN=system:kube-scheduler" clientAuth
cert kube-proxy "/CN=system:kube-proxy" clientAuth
cert kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" clientAuth,serverAuth "DNS:$NODE_NAME,IP:$NODE_IP"
cert apiserver-kubelet "/O=system:masters/CN=kube-apiserver-kubelet-client" clientAuth
cert front-proxy "/CN=front-proxy-client" clientAuth
kc() { # file cert
cat > $1 <<K
apiVersion: v1
kind: Config
clusters: [{name: bed, cluster: {server: "https://$NODE_IP:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: u, user: {client-certificate-data: $(base64 -w0 $2.crt), client-key-data: $(base64 -w0 $2.key)}}]
contexts: [{name: bed, context: {cluster: bed, user: u}}]
current-context: bed
K
}
kc $RUN/admin.kubeconfig admin; kc $RUN/kcm.kubeconfig kcm; kc $RUN/scheduler.kubeconfig scheduler
kc $RUN/kube-proxy.kubeconfig kube-proxy; kc $RUN/kubelet.kubeconfig kubelet
touch done
