import type { ObjectEvent } from "#store/event";
import type { Family } from "#store/family";
import type { Fact } from "#store/graph";
import { lastGoodCertificates, objectKey, secretTimes } from "#translate/facts";
import type { ServingCertificate } from "#translate/secrets/certificate";
import { phaseAt } from "#translate/secrets/moments";
import type { SecretMoments } from "#translate/secrets/moments";
import type { ExaminedSecret } from "#translate/shared/secrets";

interface Remembered {
  readonly uid: string | undefined;
  readonly moments: SecretMoments;
  /** The last certificate that could be served, and whether translation was told. */
  readonly good: ServingCertificate | undefined;
  readonly lent: boolean;
  /** The time that translation knows. */
  readonly time: number | undefined;
}

/**
 * What translation cannot know of Secrets: what time it is, and what they held before. Both become facts, and only where
 * they matter: while nothing is wrong with a Secret and nobody changes it there are none.
 */
export class SecretMemory {
  readonly #secrets = new Map<string, Remembered>();

  /** What to put in together with changes of objects, so that a bad certificate finds the good one before it. */
  before(events: readonly ObjectEvent[], now: number): readonly Fact[] {
    return events.flatMap((event) => {
      if (event.type !== "upsert" || event.object.kind !== "Secret") return [];
      const { namespace = "", name } = event.object.metadata;
      const bucket = objectKey(namespace, name);
      const known = this.#secrets.get(bucket);
      if (known === undefined) return [];
      this.#secrets.set(bucket, { ...known, lent: known.good !== undefined, time: now });
      return [timeFact(bucket, now), ...(known.good === undefined ? [] : [goodFact(bucket, { uid: known.uid, certificate: known.good })])];
    });
  }

  /** Takes in which Secrets changed, and tells what follows. */
  follow(secrets: ReadonlyMap<string, readonly ExaminedSecret[]>, now: number): readonly Fact[] {
    return [...secrets].flatMap(([bucket, [secret]]) => (secret === undefined ? this.#forget(bucket) : this.#take(bucket, secret, now)));
  }

  /** Looks at all of them, and tells of those of which a moment has passed since. */
  tick(now: number): readonly Fact[] {
    return [...this.#secrets.keys()].flatMap((bucket) => this.#look(bucket, now));
  }

  #take(bucket: string, { uid, moments, good }: ExaminedSecret, now: number): readonly Fact[] {
    const known = this.#secrets.get(bucket);
    const same = known !== undefined && known.uid === uid;
    const lent = known?.lent === true && good === undefined && same;
    this.#secrets.set(bucket, { uid, moments, good: good ?? (same ? known.good : undefined), lent, time: known?.time });
    return [...(known?.lent === true && !lent ? [goodFact(bucket)] : []), ...this.#look(bucket, now)];
  }

  #look(bucket: string, now: number): readonly Fact[] {
    const known = this.#secrets.get(bucket);
    if (known === undefined) return [];
    const { moments, time } = known;
    if (phaseAt(moments, now) === (time === undefined ? 1 : phaseAt(moments, time))) return [];
    this.#secrets.set(bucket, { ...known, time: now });
    return [timeFact(bucket, now)];
  }

  #forget(bucket: string): readonly Fact[] {
    const known = this.#secrets.get(bucket);
    this.#secrets.delete(bucket);
    return [...(known?.time === undefined ? [] : [timeFact(bucket)]), ...(known?.lent === true ? [goodFact(bucket)] : [])];
  }
}

function timeFact(bucket: string, ...times: readonly number[]): Fact {
  return { family: secretTimes as Family<unknown>, bucket, publisher: "clock", items: times };
}

function goodFact(bucket: string, ...items: readonly { readonly uid: string | undefined; readonly certificate: ServingCertificate }[]): Fact {
  return { family: lastGoodCertificates as Family<unknown>, bucket, publisher: "memory", items };
}
