import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { ApiServer } from "../bed/api-server.ts";
import { startApiServer } from "../bed/api-server.ts";
import type { TestObject } from "../bed/kube-client.ts";

const run = promisify(execFile);
const contour = join(import.meta.dirname, "../../bin/contour");
const namespace = "projectcontour";

describe("contour certgen and a real API server", { timeout: 120_000 }, () => {
  let api: ApiServer;
  before(async () => {
    api = await startApiServer();
    await api.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }]);
  });
  after(async () => await api?.stop());

  /** Somebody with rights on Secrets; gives what certgen prints. */
  const as = async (name: string, verbs: readonly string[], ...args: readonly string[]): Promise<string> => {
    const { kubeconfigPath } = await api.addUser(name);
    const rights: readonly TestObject[] = [
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name, namespace }, rules: [{ apiGroups: [""], resources: ["secrets"], verbs }] },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: { name, namespace }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name }, subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name }] },
    ];
    await api.apply(rights);
    return (await run(contour, ["certgen", "--kube", "--kubeconfig", kubeconfigPath, "--secrets-format", "compact", ...args])).stdout;
  };
  const data = async (name: string): Promise<Readonly<Record<string, string>>> => (await api.get<{ readonly data: Readonly<Record<string, string>> }>(`/api/v1/namespaces/${namespace}/secrets/${name}`)).data;

  it("writes both Secrets, and keeps them unless it is told to replace them", async () => {
    assert.equal(await as("job", ["get", "create", "update"]), "secret/contourcert created\nsecret/envoycert created\n");
    const first = await data("contourcert");
    assert.match(await as("job", ["get", "create", "update"]), /secret\/contourcert already exists/);
    assert.deepEqual(await data("contourcert"), first);
    assert.equal(await as("job", ["get", "create", "update"], "--overwrite"), "secret/contourcert updated\nsecret/envoycert updated\n");
    const second = await data("contourcert");
    assert.notEqual(second["tls.crt"], first["tls.crt"]);
    assert.equal(second["ca.crt"], first["ca.crt"], "who has the certificates from before is known still");
    assert.equal((await data("envoycert"))["ca.crt"], first["ca.crt"]);
  });

  it("works with the rights that Go Contour's Job has: it may write, but not read", async () => {
    const before = await data("contourcert");
    assert.match(await as("old-job", ["create", "update"], "--overwrite"), /no Secret may be read here[^]*secret\/contourcert updated/);
    const after = await data("contourcert");
    assert.notEqual(after["ca.crt"], before["ca.crt"]);
    assert.equal((await data("envoycert"))["ca.crt"], after["ca.crt"]);
  });

  it("says what it may not do", async () => {
    await assert.rejects(as("nobody", ["get"]), ({ stderr }: { readonly stderr: string }) => /nobody.* cannot create resource "secrets"/.test(stderr));
  });
});
