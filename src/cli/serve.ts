import type { Command } from "commander";

/** Defines `contour serve`. */
export function defineServe(_program: Command, _finish: (code: number) => void): void {}
