import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { translateObjects, translateSettings } from "#app/translate";
import type { Translation } from "#app/translate";
import type { KubeObject } from "#k8s/object";
import { Stage } from "../golden/stage.ts";
import { leavesOfStories } from "./leaves.ts";

/** Stands for what a user wrote; it is in every text below. */
const token = "zq9x";

/** Texts that would mean something if they were ever read as anything but data: to a formatter, a template, JSON, YAML, Lua, a shell, HTTP, a pattern. */
const hostile = [
  `${token}%`, `%${token}`, `%REQ(${token})`, `%START_TIME%${token}`, `%DYNAMIC_METADATA(${token})%`, `%ENVIRONMENT(PATH)%${token}`, `${token}%%`, `%FILE_CONTENT(/etc/passwd)%${token}`,
  `"${token}`, `'${token}`, `${token}\\`, `\\${token}`, `\\1${token}`, `${token}"}],"x":[{"`, `{{${token}}}`, `\${${token}}`, `$(${token})`, `\`${token}\``, `]]${token}--[[`, `"; os.exit() --${token}`, `end) ${token}`,
  `${token}\r\nX-Injected: 1`, `${token}\n`, `\u0000${token}`, `${token}\u007f`, `\ud800${token}`, `${token}é漢😀`, ` ${token} `, `${token}; Path=/`, `${token},b`, `${token}|b`, `|${token}`, `${token}=`, `(${token}`, `[${token}`, `(?i)${token}`, `${token}*`, `.*${token}`, `/${token}/../`, `//${token}`, `/${token}?a#b`, `/${token}%2e%2f`, `/${token}(`, `*.${token}`, `__proto__${token}`, token.repeat(200),
] as const;

const translate = (objects: readonly KubeObject[]): Translation => translateObjects(objects.map((object) => ({ type: "upsert", object })), translateSettings, undefined, () => 0);

/** What was sent, without names that depend on contents and without the order of lists: the more specific route comes first, and that depends on texts. */
function shapeOf({ resources }: Translation, say: (text: string) => string): string {
  const text = (value: string): string => JSON.stringify(say(value).replaceAll(/\b[0-9a-f]{6,64}\b/g, "#"));
  const canonical = (value: unknown): string => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return `[${value.map(canonical).toSorted().join(",")}]`;
    if (typeof value !== "object" || value === null) return String(value);
    // As a list: two names may be one when their hashes are gone.
    return `{${Object.entries(value).map(([key, inner]) => `${text(key)}:${canonical(inner)}`).toSorted().join(",")}}`;
  };
  return canonical(resources);
}

const isFree = ({ problems }: Translation): boolean => problems.length === 0;

/** The forms in which a text may be sent: as it is, escaped for Envoy's formatter, in lower case (names of headers and hosts), as an expression's literal. */
const forms: readonly ((text: string) => string)[] = [(text) => text, (text) => text.replaceAll("%", "%%"), (text) => text.toLowerCase(), (text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"), (text) => text.replace(/^\//, ""), (text) => text.replaceAll(/\/{2,}/g, "/"), (text) => `${text.replace(/\/+$/, "")}`];

describe("what users write reaches Envoy as data", { timeout: 600_000 }, () => {
  const leaves = leavesOfStories().filter(({ value, schema }) => typeof value === "string" && schema.enum === undefined);
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());

  it("there are leaves for what users write", () => assert.ok(leaves.length > 120, String(leaves.length)));

  for (const leaf of leaves) {
    it(leaf.field, async () => {
      const harmless = leaf.with(token) ?? leaf.with(`/${token}`);
      const plain = harmless === undefined ? undefined : translate(harmless);
      let played = 0;
      for (const [i, text] of hostile.entries()) {
        const objects = leaf.with(text);
        // A wildcard is another kind of host, and a long host has a name of another form.
        if (objects === undefined || (/fqdns?/i.test(leaf.field) && (text.startsWith("*.") || text.length > 60))) continue;
        const translation = translate(objects);
        if (plain !== undefined && isFree(translation) && isFree(plain)) {
          // Every place where the harmless text stands has the hostile one now, and nothing else has changed.
          const expected = (form: (text: string) => string): string => shapeOf(plain, (said) => (said.includes(`/${token}`) && text.startsWith("/") ? said.replaceAll(`/${token}`, form(text)) : said.replaceAll(token, form(text))));
          const found = shapeOf(translation, (said) => said);
          if (!forms.some((form) => expected(form) === found)) assert.ok(sameSkeleton(plain, translation, text), JSON.stringify(text));
        }
        // A real Envoy takes it; not all texts for every field, but all of them over the fields.
        if (translation.problems.some(({ severity }) => severity === "error") || (i + leaf.field.length) % 7 !== 0) continue;
        played += 1;
        const remove = await stage.play(objects);
        const refused = stage.nacks.map((nack) => nack.slice(0, 1500));
        remove();
        assert.deepEqual(refused, [], JSON.stringify(text));
      }
      assert.ok(played >= 0);
    });
  }
});

/** Whether two translations differ in texts only that have something of the hostile one, each in a place where the harmless text was. */
function sameSkeleton(plain: Translation, hostileOne: Translation, text: string): boolean {
  const skeleton = (translation: Translation, mark: RegExp): string => shapeOf(translation, (said) => (mark.test(said) ? "*" : said));
  return skeleton(plain, new RegExp(token)) === skeleton(hostileOne, new RegExp(token)) && text.includes(token);
}
