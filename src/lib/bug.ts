/** Thrown where the program reaches a state that its own rules exclude: never for a user's mistake. */
export class Bug extends Error {
  override readonly name = "Bug";
}
