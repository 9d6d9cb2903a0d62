/** Sets and removes the TXT records of DNS-01 challenges. Both may be asked more than once for the same record. */
export interface DnsSolver {
  present(name: string, value: string): Promise<void>;
  remove(name: string, value: string): Promise<void>;
}
