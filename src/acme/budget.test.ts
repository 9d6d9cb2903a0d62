import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Budget } from "#acme/budget";

const minute = 60_000;

describe("the budget of an issuer", () => {
  it("makes a thousand hosts an hour's orders in an hour, in the order in which they asked", () => {
    const budget = new Budget({ ordersPerHour: 60, concurrentOrders: 5 }, 0);
    const hosts = Array.from({ length: 1000 }, (_, i) => `host-${i}`);
    const begun: { readonly host: string; readonly at: number }[] = [];
    const tryAll = (now: number): void => {
      for (const host of begun.length === 0 ? hosts : (budget.next(now)?.keys ?? [])) {
        if (!budget.admit(host, now, "order")) continue;
        begun.push({ host, at: now });
        budget.release(host);
      }
    };
    for (let now = 0; now <= 60 * minute; now += minute / 4) tryAll(now);
    assert.deepEqual(begun.map(({ host }) => host), hosts.slice(0, begun.length));
    assert.ok(begun.length >= 60 && begun.length <= 60 + 60 / 8 + 1, `${begun.length} orders in an hour`);
    for (let from = 0; from < 60; from += 1) assert.ok(begun.filter(({ at }) => at >= from * minute && at < (from + 1) * minute).length <= 9, `minute ${from}`);
    assert.equal(budget.waiting, 1000 - begun.length);
  });

  it("lets only so many be under way", () => {
    const budget = new Budget({ ordersPerHour: 3600, concurrentOrders: 2 }, 0);
    assert.deepEqual(["a", "b", "c"].map((key) => budget.admit(key, 0, "order")), [true, true, false]);
    assert.equal(budget.next(0), undefined);
    budget.release("a");
    assert.deepEqual(budget.next(0), { keys: ["c"], at: 0 });
    assert.equal(budget.admit("c", 0, "order"), true);
  });

  it("rests while the server wants it", () => {
    const budget = new Budget({ ordersPerHour: 3600, concurrentOrders: 2 }, 0);
    budget.pause(5 * minute);
    assert.equal(budget.admit("a", 0, "order"), false);
    assert.deepEqual(budget.next(0), { keys: ["a"], at: 5 * minute });
    assert.equal(budget.admit("a", 5 * minute, "order"), true);
  });
});
