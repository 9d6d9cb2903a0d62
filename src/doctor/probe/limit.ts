/** Ends a wait. What had come in time, and waits behind a busy moment of this process, is heard first. */
export function limit(ms: number, act: () => void): { clear(): void } {
  let cleared = false;
  const timer = setTimeout(() => setImmediate(() => (cleared ? undefined : act())), ms);
  return {
    clear() {
      cleared = true;
      clearTimeout(timer);
    },
  };
}
