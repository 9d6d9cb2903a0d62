/** The ports of a ward, by what is about them. */
export const ports = { plain: 8090, tls: 8443, expired: 8444, mutual: 8445, silent: 8082, wordy: 8083, nobody: 9999 } as const;
